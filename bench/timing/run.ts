/**
 * `npm run bench:timing`: playout and clock on the project's own seeded networks, beside what a reader knows. The same figures on every
 * machine; written to `bench/results/timing.json` and `timing.md`. `-- --quick` takes one seed and writes nothing.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { compareClock } from "./compare_clock.ts";
import { comparePlayout } from "./compare_playout.ts";

const { values: options } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const seeds = options.quick ? [1] : [1, 2, 3, 4, 5, 6, 7, 8];

const playout = comparePlayout(seeds, (name) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${name}`);
});
if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
const clock = compareClock(seeds);

const ours = playout[0]!;
const tables = [
  "## Playout",
  "",
  "Cost is mean delay in milliseconds plus 20 for each percent of media that is late, held or skipped; the ratio is against the best fixed",
  "delay known in hindsight (geometric mean, lower is better).",
  "",
  ...table(
    ["policy", "cost ratio", "worst", "delay, ms", "impaired, %", "time scaling, ms/s"],
    playout.map(({ policy, costRatio, worst, delayMs, badPercent, scalingMsPerS }) => [
      policy,
      costRatio.toFixed(2),
      worst.toFixed(2),
      delayMs.toFixed(0),
      badPercent.toFixed(2),
      scalingMsPerS.toFixed(0),
    ]),
  ),
  "",
  ...table(
    ["cost ratio by network", ...playout.map(({ policy }) => policy)],
    Object.keys(ours.byKind).map((kind) => [kind, ...playout.map(({ byKind }) => byKind[kind]!.toFixed(2))]),
  ),
  "",
  "## Clock",
  "",
  ...table(
    ["estimate", "error p50, µs", "error p99, µs", "drift after 60 s, ppm"],
    clock.map(({ estimate, p50Us, p99Us, driftPpm }) => [
      estimate,
      p50Us.toFixed(0),
      p99Us.toFixed(0),
      driftPpm?.toFixed(1) ?? "–",
    ]),
  ),
];
console.log(tables.join("\n"));
if (!options.quick) {
  const folder = new URL("../results/", import.meta.url);
  const head = "# Timing\n\n`npm run bench:timing`, seeds 1 to 8. No trace of a real network is in it.\n\n";
  writeFileSync(new URL("timing.md", folder), `${head}${tables.join("\n")}\n`);
  writeFileSync(new URL("timing.json", folder), `${JSON.stringify({ seeds, playout, clock }, undefined, 2)}\n`);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => i === 0 ? "---" : "---:")), ...rows.map(line)];
}
