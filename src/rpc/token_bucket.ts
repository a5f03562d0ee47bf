/**
 * A rate limit with a burst: so many at once, so many per second after that. Time comes in as an argument.
 *
 * @module
 */

/** Tokens that refill at a steady rate up to a burst. */
export class TokenBucket {
  readonly #perS: number;
  readonly #burst: number;
  #tokens: number;
  #refilledUs: number;

  /**
   * @param perS Tokens gained per second.
   * @param burst Tokens it holds at most, and to begin with.
   */
  constructor(perS: number, burst: number, nowUs: number) {
    this.#perS = perS;
    this.#burst = burst;
    this.#tokens = burst;
    this.#refilledUs = nowUs;
  }

  /** Take one token; false when there is none. */
  take(nowUs: number): boolean {
    this.#refill(nowUs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Milliseconds until {@link take} will succeed; 0 when it would now. */
  waitMs(nowUs: number): number {
    this.#refill(nowUs);
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) / this.#perS * 1000;
  }

  #refill(nowUs: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowUs - this.#refilledUs) * this.#perS / 1e6);
    this.#refilledUs = nowUs;
  }
}
