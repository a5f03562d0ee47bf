/**
 * What the path of a connection carries, as far as it is known. A rate that was reached while the program had nothing more to send says
 * only that the path carries at least that: the rule of application-limited samples in BBR
 * (draft-cheng-iccrg-delivery-rate-estimation §3.3).
 *
 * @module
 */

/** What an {@link AvailableBitrate} is made of. */
export interface PathObservation {
  /** The congestion controller's bandwidth, in bits per second; 0 when it has none. */
  readonly bitrate: number;
  /** Whether something waited for the path. */
  readonly isLimited: boolean;
  /** Round trip of the connection, in microseconds. */
  readonly roundTripTimeUs: number;
}

/** Tells a measured rate from a lower bound, and keeps the one that was measured last while it is fresh. */
export class AvailableBitrate {
  #bitrate = 0;
  #measuredBitrate = 0;
  #measuredUs = -Infinity;
  #limitedSinceUs: number | undefined;

  /** Take in what is so at `nowUs`; time must not run backwards. */
  observe({ bitrate, isLimited, roundTripTimeUs }: PathObservation, nowUs: number): void {
    this.#bitrate = bitrate;
    if (!isLimited) {
      this.#limitedSinceUs = undefined;
      // More has passed than the path was thought to carry, so it has become better.
      if (bitrate > this.#measuredBitrate * GROWTH) this.#measuredUs = -Infinity;
      return;
    }
    this.#limitedSinceUs ??= nowUs;
    // Now what left since then is acknowledged, and nothing but the path held it up.
    if (nowUs - this.#limitedSinceUs < roundTripTimeUs || bitrate === 0) return;
    this.#measuredUs = nowUs;
    this.#measuredBitrate = bitrate;
  }

  /** Bits per second at `nowUs`: what was measured or, when nothing was of late, what the path carries at least; 0 when not known. */
  bitrate(nowUs: number): number {
    return this.isMeasured(nowUs) ? this.#measuredBitrate : this.#bitrate;
  }

  /** Whether {@link bitrate} was measured, and so is what the path carries and not only what it carries at least. */
  isMeasured(nowUs: number): boolean {
    return nowUs - this.#measuredUs < FRESH_US;
  }
}

/** How long a path is taken to be as it was: as long as BBR believes in its least round trip (MinRTTFilterLen). */
const FRESH_US = 10_000_000;
/** By how much a rate is above another for good: as BBR decides whether its startup still finds more (BBRStartupFullBwThreshold). */
const GROWTH = 1.25;
