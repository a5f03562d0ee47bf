/**
 * The playout policies that are compared: the one that ships, and three that a reader knows.
 *
 * @module
 */

import { PlayoutDelay } from "../../src/stream/playout_delay.ts";
import { PlayoutMoment } from "../../src/stream/playout_moment.ts";
import type { PlayoutPolicy } from "./playout_score.ts";

/** Makes a policy for media whose units are `periodUs` apart. */
export type PolicyMaker = (periodUs: number) => PlayoutPolicy;

/** Every policy by its name; the first is ours. */
export const PLAYOUT_POLICIES: Readonly<Record<string, PolicyMaker>> = {
  "echostream": shipped,
  "fixed 100 ms": () => fixed(100_000),
  "RFC 3550, k = 4": () => meanAndDeviation(4),
  "NetEq-like": histogram,
};

function shipped(periodUs: number): PlayoutPolicy {
  const delay = new PlayoutDelay({ frameDurationUs: periodUs, maxDelayMs: 10_000 });
  const moment = new PlayoutMoment();
  return {
    observe(sequence, mediaUs, arrivalUs) {
      moment.sequence = sequence;
      moment.mediaUs = mediaUs;
      moment.nowUs = arrivalUs;
      delay.observe(moment);
      return delay.offsetUs;
    },
    advance(nowUs) {
      moment.nowUs = nowUs;
      delay.advance(moment);
      return delay.offsetUs;
    },
  };
}

/** The first unit waits for `delayUs`, and all others keep its pace. */
function fixed(delayUs: number): PlayoutPolicy {
  let offsetUs = NaN;
  return {
    observe: (_, mediaUs, arrivalUs) => offsetUs = Number.isNaN(offsetUs) ? arrivalUs - mediaUs + delayUs : offsetUs,
    advance: () => offsetUs,
  };
}

/**
 * Mean transit plus `k` times the interarrival jitter of RFC 3550 §6.4.1, the mean smoothed as by Ramjee, Kurose, Towsley and
 * Schulzrinne, "Adaptive playout mechanisms for packetized audio applications in wide-area networks" (1994), algorithm 1.
 */
function meanAndDeviation(k: number): PlayoutPolicy {
  let meanUs = NaN;
  let lastUs = 0;
  let jitterUs = 0;
  return {
    observe(_, mediaUs, arrivalUs) {
      const transitUs = arrivalUs - mediaUs;
      if (Number.isNaN(meanUs)) meanUs = lastUs = transitUs;
      meanUs += (transitUs - meanUs) * (1 - 0.998002);
      jitterUs += (Math.abs(transitUs - lastUs) - jitterUs) / 16;
      lastUs = transitUs;
      return meanUs + k * jitterUs;
    },
    advance: () => meanUs + k * jitterUs,
  };
}

/**
 * What WebRTC's NetEq is known to do, in outline: a histogram of delays above the least of the last two seconds, in units of 20 ms,
 * forgotten by a factor of 0.983 a unit; its 95th percentile is the target. Playout waits for what is late, and falls by time scaling.
 */
function histogram(): PlayoutPolicy {
  const weights = new Float64Array(HISTOGRAM_UNITS);
  const recent: { readonly atUs: number; readonly transitUs: number }[] = [];
  let offsetUs = NaN;
  let targetUs = 0;
  let movedUs = 0;
  const move = (nowUs: number): number => {
    const freeUs = 0.25 * (nowUs - movedUs);
    movedUs = nowUs;
    const leastUs = recent[0]!.transitUs;
    const awayUs = leastUs + targetUs - offsetUs;
    return offsetUs += Math.sign(awayUs) * Math.min(Math.abs(awayUs), freeUs);
  };
  return {
    observe(_, mediaUs, arrivalUs) {
      const transitUs = arrivalUs - mediaUs;
      // The least of the window stands first: a later and smaller one makes those before it useless.
      while (recent.length > 0 && recent.at(-1)!.transitUs >= transitUs) recent.pop();
      recent.push({ atUs: arrivalUs, transitUs });
      while (recent[0]!.atUs < arrivalUs - 2_000_000) recent.shift();
      const unit = Math.min(HISTOGRAM_UNITS - 1, Math.floor((transitUs - recent[0]!.transitUs) / 20_000));
      for (let i = 0; i < HISTOGRAM_UNITS; i++) weights[i]! *= 0.983;
      weights[unit]! += 1 - 0.983;
      targetUs = 20_000 * (percentile(weights) + 1);
      if (Number.isNaN(offsetUs)) {
        movedUs = arrivalUs;
        return offsetUs = transitUs + targetUs;
      }
      offsetUs = Math.max(offsetUs, transitUs);
      return move(arrivalUs);
    },
    advance: (nowUs) => Number.isNaN(offsetUs) ? NaN : move(nowUs),
  };
}

function percentile(weights: Float64Array): number {
  const limit = 0.95 * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) if ((sum += weights[i]!) >= limit) return i;
  return weights.length - 1;
}

const HISTOGRAM_UNITS = 100;
