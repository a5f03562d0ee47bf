/**
 * Plays simulated runs, as many as one likes, and says how calls ended: `node tests/simulation/run.ts [FIRST] [LAST]`, with any runtime.
 * A failing seed is named; given alone it replays. The digest is the same on every runtime.
 *
 * @module
 */

import { createHash } from "node:crypto";
import process from "node:process";
import { scenario } from "./scenario.ts";
import { simulate } from "./simulation.ts";

const [first = 1, last = 1_000] = process.argv.slice(2).map(Number);
const digest = createHash("sha256");
const counts = new Map<string, number>();
const failures: string[] = [];
const startedMs = performance.now();
for (let seed = first; seed <= last; seed++) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2Kseed ${seed} of ${last}, ${failures.length} failed`);
  try {
    const { outcomes, ledger } = await simulate(scenario(seed));
    digest.update(JSON.stringify([seed, outcomes, [...ledger]]));
    for (const { end } of outcomes) counts.set(end, (counts.get(end) ?? 0) + 1);
  } catch (error) {
    failures.push(`seed ${seed}: ${(error as Error).message}`);
    digest.update(failures.at(-1)!);
  }
}
if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
for (const [end, count] of [...counts].sort(([, a], [, b]) => b - a)) console.log(String(count).padStart(9), end);
for (const failure of failures) console.log(failure);
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
console.log(
  `seeds ${first} to ${last}: ${failures.length} failed, in ${seconds} s; digest ${digest.digest("hex").slice(0, 16)}`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
