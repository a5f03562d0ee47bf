/**
 * Of what arrives, the fastest of each tenth of a second: it alone tells a clock something, and it is all that is handed on. Pure.
 *
 * @module
 */

/** Picks the fastest. Times are microseconds: departures on the sender's clock, arrivals on the local one. */
export class FastestTransit {
  readonly #onFastest: (departureUs: number, arrivalUs: number) => void;
  #departureUs = 0;
  #arrivalUs = 0;
  #slotEndUs = NaN;

  /** `onFastest` gets the fastest of a slot as soon as something arrives after it. */
  constructor(onFastest: (departureUs: number, arrivalUs: number) => void) {
    this.#onFastest = onFastest;
  }

  /** Something that left at or after `departureUs` has arrived. */
  observe(departureUs: number, arrivalUs: number): void {
    if (arrivalUs < this.#slotEndUs) {
      if (arrivalUs - departureUs >= this.#arrivalUs - this.#departureUs) return;
    } else {
      if (!Number.isNaN(this.#slotEndUs)) this.#onFastest(this.#departureUs, this.#arrivalUs);
      this.#slotEndUs = arrivalUs + SLOT_US;
    }
    this.#departureUs = departureUs;
    this.#arrivalUs = arrivalUs;
  }
}

const SLOT_US = 100_000;
