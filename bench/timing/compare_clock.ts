/**
 * The clock filter that ships beside estimates that a reader knows, on seeded paths between two clocks whose truth is known.
 *
 * @module
 */

import { ClockFilter } from "../../src/protocol/clock_filter.ts";
import { clockOffsetUs, roundTripUs, type TimeStamps } from "../../src/protocol/time_sync.ts";
import { ClockPath, type ClockPathOptions } from "../../tests/support/clock_path.ts";

/** How far off an estimate was, over all paths and probes after the first ten seconds, in microseconds. */
export interface ClockComparison {
  readonly estimate: string;
  readonly p50Us: number;
  readonly p99Us: number;
}

type Estimate = (stamps: TimeStamps) => number;

const ESTIMATES: Readonly<Record<string, () => Estimate>> = {
  "echostream": () => {
    const filter = new ClockFilter();
    return (stamps) => (filter.insert(stamps), filter.offsetUs(stamps.t4));
  },
  "least round trip of 8 (SNTP)": () => {
    const last: TimeStamps[] = [];
    return (stamps) => {
      last.push(stamps);
      if (last.length > 8) last.shift();
      return clockOffsetUs(last.reduce((best, each) => roundTripUs(each) < roundTripUs(best) ? each : best));
    };
  },
  "median of 200": () => {
    const last: number[] = [];
    return (stamps) => {
      last.push(clockOffsetUs(stamps));
      if (last.length > 200) last.shift();
      return last.toSorted((a, b) => a - b)[last.length >> 1]!;
    };
  },
};

const PATHS: Readonly<Record<string, Omit<ClockPathOptions, "seed">>> = {
  "quiet": {},
  "loaded there": { thereQueueUs: 20_000, burstRate: 0.3 },
  "loaded both ways": { thereQueueUs: 10_000, backQueueUs: 10_000, burstRate: 0.3, driftPpm: -52, wanderPpm: 5 },
};

/** Four minutes of four probes a second on each kind of path for each seed. */
export function compareClock(seeds: readonly number[]): ClockComparison[] {
  return Object.entries(ESTIMATES).map(([estimate, make]) => {
    const errorsUs: number[] = [];
    for (const options of Object.values(PATHS)) {
      for (const seed of seeds) {
        const offsetUs = make();
        for (const probe of new ClockPath({ seed, ...options }).probes(960, 250)) {
          const errorUs = Math.abs(offsetUs(probe) - probe.trueOffsetUs);
          if (probe.t1 > 10e6) errorsUs.push(errorUs);
        }
      }
    }
    errorsUs.sort((a, b) => a - b);
    const at = (share: number): number => errorsUs[Math.floor(share * (errorsUs.length - 1))]!;
    return { estimate, p50Us: at(0.5), p99Us: at(0.99) };
  });
}
