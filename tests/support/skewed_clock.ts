/**
 * A clock that is wrong by known amounts, for tests of clocks.
 *
 * @module
 */

import type { Clock, Timer, TimerOptions } from "../../src/clock.ts";

/** Another clock, ahead and faster. */
export class SkewedClock implements Clock {
  readonly #clock: Clock;
  readonly #rate: number;
  /** How far it is ahead of the other one when that shows 0, in microseconds; a test may change it. */
  aheadUs: number;

  /** @param driftPpm Parts per million it gains. */
  constructor(clock: Clock, aheadUs: number, driftPpm = 0) {
    this.#clock = clock;
    this.aheadUs = aheadUs;
    this.#rate = driftPpm / 1e6;
  }

  /** This clock minus the other one now, in microseconds. */
  get offsetUs(): number {
    return this.aheadUs + this.#clock.nowUs() * this.#rate;
  }

  nowUs(): number {
    return this.#clock.nowUs() + this.offsetUs;
  }

  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer {
    return this.#clock.setTimer(callback, delayMs / (1 + this.#rate), options);
  }
}
