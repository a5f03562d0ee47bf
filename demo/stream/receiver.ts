/**
 * Receiver process of the demo: `receiver.ts DURATION_MS SEED OUT`. Prints `listening on ADDRESS`, `progress …` twice a second, and a table when the
 * report is written; shuts down when its standard input closes.
 *
 * @module
 */
import process from "node:process";
import { table } from "../screen.ts";
import { clockFigures, percentile, skewAgainst, streamFigures } from "./figures.ts";
import { receiverOf, type Track } from "./receiver_service.ts";
import type { ReportData } from "./report_data.ts";

const [durationMs, seed] = process.argv.slice(2, 4).map(Number) as [number, number];
const out = process.argv[4]!;
const tracks = new Map<string, Track>();
let begunMs: number | undefined;
const server = receiverOf({ durationMs, seed, runtime: runtimeName(), out, onReport: showFigures }, tracks);
const { addresses } = await server.start();
const { address, port } = addresses[0]!;
console.log(`listening on ${address}:${port}`);
const timer = setInterval(showProgress, 500);
process.stdin.resume();
process.stdin.once("end", () => {
  clearInterval(timer);
  void server.shutdown();
});

function showProgress(): void {
  if (tracks.size === 0) return;
  begunMs ??= performance.now();
  const seconds = Math.min(durationMs, performance.now() - begunMs) / 1000;
  const played = [...tracks].map(([name, { playedUs }]) => `${name} ${playedUs.size}`).join(", ");
  console.log(`progress ${seconds.toFixed(0)} of ${durationMs / 1000} s, frames played: ${played}`);
}

function showFigures(data: ReportData): void {
  clearInterval(timer);
  const [master] = data.streams;
  table([
    ["stream", "sent", "played", "late", "lost", "discarded", "delay p50", "p99", "skew p99"],
    ...data.streams.map((stream) => {
      const { sent, count, delayP50Ms, delayP99Ms } = streamFigures(stream);
      const skewMs = percentile(skewAgainst(master!, stream).map(([, ms]) => Math.abs(ms)), 0.99);
      return [
        stream.name,
        ...[sent, count.played, count.late, count.lost, count.discarded].map(String),
        ...[delayP50Ms, delayP99Ms].map((ms) => `${ms.toFixed(1)} ms`),
        stream === master ? "" : `${skewMs.toFixed(2)} ms`,
      ];
    }),
  ]);
  const { errorP50Us, errorP99Us, boundHolds } = clockFigures(data.clock, data.trueOffsetErrorUs);
  console.log(
    `  clock error p50 ${errorP50Us.toFixed(0)} µs, p99 ${errorP99Us.toFixed(0)} µs (truth ± ${
      data.trueOffsetErrorUs.toFixed(0)
    } µs); its bound holds ${(100 * boundHolds).toFixed(1)} % of the time`,
  );
}

function runtimeName(): string {
  const versions: Record<string, string | undefined> = process.versions;
  const name = ["deno", "bun"].find((runtime) => versions[runtime] !== undefined) ?? "node";
  return `${name} ${versions[name]}`;
}
