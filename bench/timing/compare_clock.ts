/**
 * The clock filter that ships beside estimates that a reader knows, on seeded paths between two clocks whose truth is known.
 *
 * @module
 */

import { ClockFilter } from "../../src/protocol/clock_filter.ts";
import { clockOffsetUs, roundTripUs, type TimeStamps } from "../../src/protocol/time_sync.ts";
import { ClockPath, type ClockPathOptions } from "../../tests/support/clock_path.ts";

/** How far off an estimate was, over all paths. */
export interface ClockComparison {
  readonly estimate: string;
  /** Error over all probes after the first ten seconds, in microseconds. */
  readonly p50Us: number;
  readonly p99Us: number;
  /** Median error of the drift a minute after the start, in ppm; undefined where none is estimated. */
  readonly driftPpm: number | undefined;
}

/** Takes in a probe. Returns remote minus local time in microseconds at its `t4`, and the drift in ppm if it knows one. */
type Estimate = (stamps: TimeStamps) => { readonly offsetUs: number; readonly driftPpm?: number };

const ESTIMATES: Readonly<Record<string, () => Estimate>> = {
  "echostream": () => {
    const filter = new ClockFilter();
    return (stamps) => (filter.insert(stamps), { offsetUs: filter.offsetUs(stamps.t4), driftPpm: filter.driftPpm });
  },
  "line between convex hulls, 60 s (Huygens)": () => {
    const last: TimeStamps[] = [];
    return (stamps) => {
      last.push(stamps);
      while (last[0]!.t4 < stamps.t4 - 60e6) last.shift();
      return widestLine(last, stamps);
    };
  },
  "least round trip of 8 (SNTP)": () => {
    const last: TimeStamps[] = [];
    return (stamps) => {
      last.push(stamps);
      if (last.length > 8) last.shift();
      return {
        offsetUs: clockOffsetUs(last.reduce((best, each) => roundTripUs(each) < roundTripUs(best) ? each : best)),
      };
    };
  },
  "median of 200": () => {
    const last: number[] = [];
    return (stamps) => {
      last.push(clockOffsetUs(stamps));
      if (last.length > 200) last.shift();
      return { offsetUs: last.toSorted((a, b) => a - b)[last.length >> 1]! };
    };
  },
};

/** The line of the largest margin between all upper and all lower bounds on the offset: the margin is concave in the slope. */
function widestLine(probes: readonly TimeStamps[], { t1, t2, t4 }: TimeStamps): { offsetUs: number; driftPpm: number } {
  const referenceUs = t2 - t1;
  const at = (driftPpm: number): { upperUs: number; lowerUs: number } => {
    let upperUs = Infinity;
    let lowerUs = -Infinity;
    for (const probe of probes) {
      upperUs = Math.min(upperUs, probe.t2 - probe.t1 - referenceUs - driftPpm * (probe.t1 - t4) / 1e6);
      lowerUs = Math.max(lowerUs, probe.t3 - probe.t4 - referenceUs - driftPpm * (probe.t4 - t4) / 1e6);
    }
    return { upperUs, lowerUs };
  };
  const margin = (driftPpm: number): number => at(driftPpm).upperUs - at(driftPpm).lowerUs;
  let [low, high] = [-200, 200];
  while (high - low > 0.05) {
    const third = (high - low) / 3;
    if (margin(low + third) < margin(high - third)) low += third;
    else high -= third;
  }
  const driftPpm = (low + high) / 2;
  const { upperUs, lowerUs } = at(driftPpm);
  return { offsetUs: referenceUs + (upperUs + lowerUs) / 2, driftPpm };
}

const PATHS: Readonly<Record<string, Omit<ClockPathOptions, "seed">>> = {
  "quiet": {},
  "loaded there": { thereQueueUs: 20_000, burstRate: 0.3 },
  "radio with scheduling": { thereUs: 3_000, backUs: 3_000, schedulingUs: 500 },
  "loaded both ways": { thereQueueUs: 10_000, backQueueUs: 10_000, burstRate: 0.3, driftPpm: -52, wanderPpm: 5 },
};

/** Four minutes of four probes a second on each kind of path for each seed. */
export function compareClock(seeds: readonly number[]): ClockComparison[] {
  return Object.entries(ESTIMATES).map(([estimate, make]) => {
    const errorsUs: number[] = [];
    const driftsPpm: number[] = [];
    for (const options of Object.values(PATHS)) {
      for (const seed of seeds) {
        const estimated = make();
        let minuteIsOver = false;
        for (const probe of new ClockPath({ seed, ...options }).probes(960, 250)) {
          const { offsetUs, driftPpm } = estimated(probe);
          if (probe.t1 > 10e6) errorsUs.push(Math.abs(offsetUs - probe.trueOffsetUs));
          if (probe.t4 < 60e6 || minuteIsOver) continue;
          minuteIsOver = true;
          if (driftPpm !== undefined) driftsPpm.push(Math.abs(driftPpm - probe.trueDriftPpm));
        }
      }
    }
    return {
      estimate,
      p50Us: quantile(errorsUs, 0.5),
      p99Us: quantile(errorsUs, 0.99),
      driftPpm: driftsPpm.length === 0 ? undefined : quantile(driftsPpm, 0.5),
    };
  });
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))]!;
}
