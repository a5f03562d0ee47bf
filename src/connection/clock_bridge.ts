/**
 * Stamps of one monotonic clock told on another: those of the I/O thread (CLOCK_MONOTONIC) on the axis of {@link Clock}.
 * Both may be the same clock with another start, but need not be: one may stand still while the machine sleeps.
 *
 * A reading of one clock between two readings of the other bounds the distance between the two, by the time that passes in
 * between; the middle of the bounds is off by half of that at most (Cristian, 1989).
 *
 * @module
 */

/** Converts times of a source clock to a target clock, and measures the distance again every second it is used. */
export class ClockBridge {
  readonly #sourceNowUs: () => number;
  readonly #targetNowUs: () => number;
  /** Bounds of target less source. */
  #lowestUs = -Infinity;
  #highestUs = Infinity;
  #distanceUs = 0;
  /** On the source clock. */
  #nextMeasureUs = -Infinity;

  constructor(sourceNowUs: () => number, targetNowUs: () => number) {
    this.#sourceNowUs = sourceNowUs;
    this.#targetNowUs = targetNowUs;
  }

  /** The target's time when the source's was `sourceUs`, a moment of the last second. */
  toTargetUs(sourceUs: number): number {
    if (sourceUs >= this.#nextMeasureUs) this.#measure();
    return sourceUs + this.#distanceUs;
  }

  #measure(): void {
    let lowestUs = -Infinity;
    let highestUs = Infinity;
    for (let reading = 0; reading < READINGS; reading++) {
      const beforeUs = this.#targetNowUs();
      const sourceUs = this.#sourceNowUs();
      const afterUs = this.#targetNowUs();
      this.#nextMeasureUs = sourceUs + INTERVAL_US;
      if (afterUs - beforeUs >= highestUs - lowestUs) continue;
      lowestUs = beforeUs - sourceUs - RESOLUTION_US;
      highestUs = afterUs - sourceUs;
    }
    // Bounds that agree with the former ones narrow them down; others mean that a clock has moved against the other.
    const agree = lowestUs <= this.#highestUs && highestUs >= this.#lowestUs;
    this.#lowestUs = agree ? Math.max(lowestUs, this.#lowestUs) : lowestUs;
    this.#highestUs = agree ? Math.min(highestUs, this.#highestUs) : highestUs;
    this.#distanceUs = (this.#lowestUs + this.#highestUs) / 2;
  }
}

/** Of these the narrowest counts: a pause of the program rarely hits all of them. */
const READINGS = 4;
const INTERVAL_US = 1_000_000;
/** The source counts whole microseconds, so its real time may be that much later. */
const RESOLUTION_US = 1;
