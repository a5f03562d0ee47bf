/**
 * What a receiver counts of a stream for its reports: interarrival jitter (RFC 3550 §6.4.1), and when the next report is due.
 *
 * @module
 */

import { ticksToUs } from "../protocol/timestamp.ts";

/** Statistics of arrivals. */
export class Reception {
  readonly #clockRateHz: number;
  #transitUs = NaN;
  #jitterUs = 0;
  #reportedUs = NaN;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
  }

  /** Mean deviation of the time frames take, in microseconds. */
  get jitterUs(): number {
    return this.#jitterUs;
  }

  /** A frame arrived. */
  onFrame(timestamp: number, arrivalUs: number): void {
    const transitUs = arrivalUs - ticksToUs(timestamp, this.#clockRateHz);
    const changeUs = Math.abs(transitUs - this.#transitUs);
    this.#transitUs = transitUs;
    // The first has none before it; and after a jump of the sender's timestamps the way is not what has changed.
    if (changeUs < DISCONTINUITY_US) this.#jitterUs += (changeUs - this.#jitterUs) / 16;
  }

  /** Whether a report is due at `nowUs`; it counts as made then. The first is due a while after the first call. */
  takeReport(nowUs: number): boolean {
    if (nowUs - this.#reportedUs < REPORT_INTERVAL_US) return false;
    const isFirst = Number.isNaN(this.#reportedUs);
    this.#reportedUs = nowUs;
    return !isFirst;
  }
}

const REPORT_INTERVAL_US = 1_000_000;
/** As long as a network delays nothing. */
const DISCONTINUITY_US = 10_000_000;
