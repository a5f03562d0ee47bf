/**
 * A run in numbers: what became of the frames of each stream, how long they took, and how far apart streams were played.
 *
 * @module
 */
import type { ClockSample, Fate, StreamRecord } from "./report_data.ts";

/** One stream in numbers. Figures of no frames are `NaN`. */
export interface StreamFigures {
  readonly sent: number;
  /** Frames by their fate; late ones that were played count as late. */
  readonly count: Readonly<Record<Fate, number>>;
  /** From capture to arrival, frames that arrived. */
  readonly arrivalP50Ms: number;
  readonly arrivalP99Ms: number;
  /** From capture to playout, frames that were played. */
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
}

/** The clock in numbers, over the samples at which it had an estimate. */
export interface ClockFigures {
  /** The magnitude of its error. */
  readonly errorP50Us: number;
  readonly errorP99Us: number;
  /** Share of samples whose error its bound held, 0 to 1. */
  readonly boundHolds: number;
}

/** A moment and a value; what the value means is told where it is made. */
export type Point = readonly [ms: number, value: number];

/** Count and measure a stream. */
export function streamFigures(stream: StreamRecord): StreamFigures {
  const count: Record<Fate, number> = { played: 0, late: 0, lost: 0, discarded: 0 };
  for (const frame of stream.frames) count[frame.fate]++;
  const arrival = arrivalDelays(stream).map(([, delayMs]) => delayMs);
  const delay = playoutDelays(stream).map(([, delayMs]) => delayMs);
  return {
    sent: stream.frames.length,
    count,
    arrivalP50Ms: percentile(arrival, 0.5),
    arrivalP99Ms: percentile(arrival, 0.99),
    delayP50Ms: percentile(delay, 0.5),
    delayP99Ms: percentile(delay, 0.99),
  };
}

/** From capture to arrival of every frame that arrived, at its time of capture. */
export function arrivalDelays(stream: StreamRecord): Point[] {
  return stream.frames.flatMap(({ capturedMs, arrivedMs }) =>
    arrivedMs === undefined ? [] : [[capturedMs, arrivedMs - capturedMs] as const]
  );
}

/** From capture to playout of every frame that was played, at its time of capture. */
export function playoutDelays(stream: StreamRecord): Point[] {
  return stream.frames.flatMap(({ capturedMs, playedMs }) =>
    playedMs === undefined ? [] : [[capturedMs, playedMs - capturedMs] as const]
  );
}

/**
 * How much later than `master` a stream was played, in milliseconds: its delay minus that of the master's frames around the same time of
 * capture, in line between the two.
 */
export function skewAgainst(master: StreamRecord, stream: StreamRecord): Point[] {
  const reference = playoutDelays(master);
  const skews: Point[] = [];
  let next = 0;
  for (const [capturedMs, delayMs] of playoutDelays(stream)) {
    while (next < reference.length && reference[next]![0] < capturedMs) next++;
    const after = reference[next];
    const before = reference[after?.[0] === capturedMs ? next : next - 1];
    if (before === undefined || after === undefined) continue;
    const share = after[0] === before[0] ? 0 : (capturedMs - before[0]) / (after[0] - before[0]);
    skews.push([capturedMs, delayMs - (before[1] + share * (after[1] - before[1]))]);
  }
  return skews;
}

/** Estimate minus truth in microseconds, at each sample that had an estimate. */
export function clockErrors(clock: readonly ClockSample[]): Point[] {
  return clock.filter(hasEstimate).map(({ atMs, offsetUs, trueOffsetUs }) => [atMs, offsetUs - trueOffsetUs] as const);
}

/** Measure a clock whose truth is known to within `trueOffsetErrorUs`. */
export function clockFigures(clock: readonly ClockSample[], trueOffsetErrorUs: number): ClockFigures {
  const errors = clockErrors(clock).map(([, errorUs]) => Math.abs(errorUs));
  const held = clock.filter(hasEstimate).filter(({ offsetUs, trueOffsetUs, errorBoundUs }) =>
    Math.abs(offsetUs - trueOffsetUs) <= errorBoundUs + trueOffsetErrorUs
  );
  return {
    errorP50Us: percentile(errors, 0.5),
    errorP99Us: percentile(errors, 0.99),
    boundHolds: held.length / errors.length,
  };
}

/** The smallest value that is no less than `share` (0 to 1) of all: the nearest rank. `NaN` of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

function hasEstimate(sample: ClockSample): boolean {
  return Number.isFinite(sample.errorBoundUs);
}
