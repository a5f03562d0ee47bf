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

/**
 * Tells a measured rate from a lower bound, and keeps the one that was measured last while it is fresh. A rate is measured when something
 * has waited for the path for a round trip, in which the rate has not grown: until then the congestion controller itself is still searching.
 */
export class AvailableBitrate {
  #bitrate = 0;
  #measuredBitrate = 0;
  #measuredUs = -Infinity;
  /** Since when something has waited and the rate has not grown, what it was then, and when that will have been a round trip. */
  #searchedBitrate: number | undefined;
  #searchedUntilUs = 0;

  /** Take in what is so at `nowUs`; time must not run backwards. */
  observe({ bitrate, isLimited, roundTripTimeUs }: PathObservation, nowUs: number): void {
    this.#bitrate = bitrate;
    if (!isLimited) {
      this.#searchedBitrate = undefined;
      // More has passed than the path was thought to carry, so it has become better.
      if (bitrate > this.#measuredBitrate * GROWTH) this.#measuredUs = -Infinity;
      return;
    }
    if (this.#searchedBitrate === undefined || bitrate > this.#searchedBitrate * GROWTH) {
      this.#searchedBitrate = bitrate;
      this.#searchedUntilUs = nowUs + roundTripTimeUs;
    }
    // From then on what left since is acknowledged, and nothing but the path held it up.
    if (nowUs < this.#searchedUntilUs || bitrate === 0) return;
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
