/**
 * When a sender tells its receiver where its timestamps stand on its own clock: at the first frame, and when the relation has moved
 * (docs/protocol.md, "Media clock").
 *
 * @module
 */

import type { MediaClock } from "../protocol/media_clock.ts";
import { ticksToUs } from "../protocol/timestamp.ts";
import { WindowMinimum } from "./window_minimum.ts";

/** Follows the lag between timestamps and the local clock. */
export class CaptureClock {
  readonly #clockRateHz: number;
  readonly #leastLag = new WindowMinimum(WINDOW_US);
  #statedLagUs = NaN;
  #statedUs = -Infinity;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
  }

  /**
   * A frame is sent at `nowUs`. `captureUs` is when it was captured, where that is known; otherwise the least time between timestamp
   * and sending of the last seconds stands for it, as encoders take now more time, now less. What to tell the receiver, if anything.
   */
  observe(timestamp: number, nowUs: number, captureUs: number | undefined): MediaClock | undefined {
    const mediaUs = ticksToUs(timestamp, this.#clockRateHz);
    const lagUs = captureUs === undefined ? this.#leastOf(nowUs - mediaUs, nowUs) : captureUs - mediaUs;
    const toleranceUs = captureUs === undefined ? GUESS_TOLERANCE_US : TOLERANCE_US;
    if (nowUs - this.#statedUs < LEAST_INTERVAL_US || Math.abs(lagUs - this.#statedLagUs) <= toleranceUs) {
      return undefined;
    }
    const senderUs = Math.round(mediaUs + lagUs);
    if (senderUs < 0 || senderUs > Number.MAX_SAFE_INTEGER) return undefined;
    this.#statedLagUs = lagUs;
    this.#statedUs = nowUs;
    return { timestamp, senderUs };
  }

  #leastOf(lagUs: number, nowUs: number): number {
    const lag = { transitUs: lagUs, nowUs };
    this.#leastLag.observe(lag);
    if (lagUs - this.#leastLag.leastUs < JUMP_US) return this.#leastLag.leastUs;
    // Timestamps that begin anew have nothing to do with those before.
    this.#leastLag.clear();
    this.#leastLag.observe(lag);
    return lagUs;
  }
}

const WINDOW_US = 4_000_000;
const LEAST_INTERVAL_US = 1_000_000;
/** A sound card that is 50 ppm off has it said every two seconds. */
const TOLERANCE_US = 100;
/** What a sender needs between capture and sending varies more than that. */
const GUESS_TOLERANCE_US = 1_000;
const JUMP_US = 1_000_000;
