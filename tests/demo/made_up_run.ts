/**
 * A run of the stream demo that never took place: frames through a made-up network with a step, the same for the same seed.
 *
 * @module
 */
import { seededRandom } from "../../src/connection/memory_link.ts";
import type {
  ClockSample,
  FrameRecord,
  NetworkPhase,
  ReportData,
  StreamRecord,
} from "../../demo/stream/report_data.ts";

/** Make up a run of three streams; lateness, loss and a step included. */
export function madeUpRun(seed: number, durationMs = 20_000): ReportData {
  const random = seededRandom(seed);
  const network: readonly NetworkPhase[] = [
    { fromMs: 0, toMs: 0.4 * durationMs, delayMs: 30, label: "" },
    { fromMs: 0.4 * durationMs, toMs: 0.65 * durationMs, delayMs: 150, label: "path +120 ms" },
    { fromMs: 0.65 * durationMs, toMs: durationMs, delayMs: 30, label: "" },
  ];
  const playoutMs = playoutDelay(network);
  const stream = (name: string, description: string, intervalMs: number, loss: number): StreamRecord => ({
    name,
    description,
    frames: Array.from(
      { length: Math.floor(durationMs / intervalMs) },
      (_, n) => frame(n * intervalMs, random, network, playoutMs(n * intervalMs), loss),
    ),
  });
  return {
    title: "Three streams over a bad network",
    facts: [["runtime", "none"], ["seed", String(seed)], ["network", "30 ms ± 8 ms jitter, 2 % loss, 1 % reordered"]],
    durationMs,
    network,
    streams: [
      stream("voice", "20 ms, datagrams", 20, 0.02),
      stream("video", "30 fps, expiring", 1000 / 30, 0),
      stream("pose", "100 Hz, datagrams", 10, 0.02),
    ],
    clock: Array.from({ length: Math.floor(durationMs / 100) }, (_, n) => clockSample(n, random)),
    trueOffsetErrorUs: 18.2,
  };
}

function frame(
  capturedMs: number,
  random: () => number,
  network: readonly NetworkPhase[],
  delayMs: number,
  loss: number,
): FrameRecord {
  if (random() < loss) return { capturedMs, fate: "lost" };
  const arrivedMs = capturedMs + delayAt(network, capturedMs) + 8 * (random() + random() * random() ** 6 * 6);
  if (arrivedMs > capturedMs + delayMs) return { capturedMs, arrivedMs, fate: "late" };
  return { capturedMs, arrivedMs, playedMs: capturedMs + delayMs + random(), fate: "played" };
}

/** Follows the network at once when it becomes longer, and at a quarter of the media's pace when it becomes shorter. */
function playoutDelay(network: readonly NetworkPhase[]): (ms: number) => number {
  const [, step, after] = network;
  return (ms) => {
    if (ms < step!.fromMs + 100) return step!.delayMs - 120 + 25;
    return Math.max(after!.delayMs + 25, step!.delayMs + 25 - Math.max(0, ms - step!.toMs) * 0.25);
  };
}

function delayAt(network: readonly NetworkPhase[], ms: number): number {
  return network.find(({ toMs }) => ms < toMs)!.delayMs;
}

function clockSample(n: number, random: () => number): ClockSample {
  const atMs = n * 100;
  if (n < 2) return { atMs, offsetUs: 0, trueOffsetUs: 812_345, errorBoundUs: Infinity, uncertaintyUs: Infinity };
  const uncertaintyUs = 60 + 900 / n;
  return {
    atMs,
    offsetUs: 812_345 + (random() - 0.5) * 2.5 * uncertaintyUs,
    trueOffsetUs: 812_345,
    errorBoundUs: 15_400 + 9_000 / n,
    uncertaintyUs,
  };
}
