/**
 * Puts the clock filter that ships under a clock scorer. Lines of integers on stdin, one reply each on stdout:
 * `H 1` (start), `S t1 t2 t3 t4` (a probe came back, microseconds), `L t1` (one was lost), `E` (end). The reply to `S` is
 * `O <offset_us> <error_bound_us> <drift_ppm>` as of `t4`, to anything else `=`. Run with Node 26: `node bench/timing/clock_client.ts`.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { ClockFilter } from "../../src/protocol/clock_filter.ts";

const filter = new ClockFilter();

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...fields] = line.trim().split(" ");
  if (command === "E") break;
  process.stdout.write(`${command === "S" ? answer(fields.map(Number)) : "="}\n`);
}

function answer([t1, t2, t3, t4]: number[]): string {
  filter.insert({ t1: t1!, t2: t2!, t3: t3!, t4: t4! });
  const offsetUs = filter.offsetUs(t4!);
  return `O ${offsetUs.toFixed(1)} ${filter.errorBoundUs(t4!).toFixed(1)} ${filter.driftPpm.toFixed(4)}`;
}
