/**
 * How late frames are handed out, beside a bare `setTimeout` for the same moments in the same process:
 * `node bench/timing/playout_lateness.ts [SECONDS]`. A playout is never early, so its like is a timer rounded up to its granularity of
 * a millisecond; given the rest as it is, `setTimeout` fires up to 2 ms too soon as often as late, which is shown, too.
 *
 * @module
 */

import process from "node:process";
import { setTimeout as startTimer } from "node:timers";
import { systemClock } from "../../src/clock.ts";
import type { FrameSink } from "../../src/stream/frame_source.ts";
import { Playout } from "../../src/stream/playout.ts";

const seconds = Number(process.argv[2] ?? 20);
const FRAME_MS = 10;
const playoutMs: number[] = [];
const bareMs: number[] = [];
const truncatedMs: number[] = [];

let sink!: FrameSink;
const source = {
  name: "bench",
  clockRate: 1_000_000,
  clockReference: undefined,
  attach: (given: FrameSink): void => void (sink = given),
  leave: (): void => {},
};
const playout = new Playout(source, systemClock, { targetMs: 30 });
const playing = (async () => {
  for await (const item of playout) {
    if (item.kind === "frame") playoutMs.push((systemClock.nowUs() - item.playoutUs) / 1000);
  }
})();

const startUs = systemClock.nowUs();
const frames = (seconds * 1000) / FRAME_MS;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => void startTimer(resolve, ms));
for (let n = 0; n < frames; n++) {
  const nowUs = systemClock.nowUs();
  sink.onFrame({ payload: new Uint8Array(100), sequence: n, timestamp: n * FRAME_MS * 1000, arrivalUs: nowUs });
  const dueUs = nowUs + 30_000 + (n % 7) * 143;
  startTimer(() => bareMs.push((systemClock.nowUs() - dueUs) / 1000), Math.ceil((dueUs - systemClock.nowUs()) / 1000));
  startTimer(() => truncatedMs.push((systemClock.nowUs() - dueUs) / 1000), (dueUs - systemClock.nowUs()) / 1000);
  await sleep(Math.max(1, (startUs + (n + 1) * FRAME_MS * 1000 - systemClock.nowUs()) / 1000));
}
sink.onEnd(undefined);
await playing;
await sleep(50);

const [ours, bare, early] = [playoutMs, bareMs, truncatedMs].map((values) => values.sort((a, b) => a - b));
const at = (values: number[], share: number): number => values[Math.floor(values.length * share)]!;
for (const [name, values] of [["playout", ours!], ["setTimeout", bare!], ["not rounded up", early!]] as const) {
  const line = [0.5, 0.9, 0.99].map((share) => `p${share * 100} ${at(values, share).toFixed(3)} ms`).join(", ");
  console.log(`${name.padEnd(16)} ${line} (${values.length} frames)`);
}
console.log(`ratio of p99: ${(at(ours!, 0.99) / at(bare!, 0.99)).toFixed(2)}`);
