/**
 * Seeded random numbers, the same on every runtime, so that a figure can be repeated.
 *
 * @module
 */

/** A source of random numbers that depends on its seed only. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  }

  /** Uniform in [0, 1) (mulberry32). */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** With probability `share`. */
  happens(share: number): boolean {
    return this.uniform() < share;
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  /** Standard normal, as the sum of twelve uniform numbers: far tails do not matter here, and no function differs by engine. */
  normal(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.uniform();
    return sum;
  }

  /** Pareto's law: at least `least`, with a heavier tail the smaller `shape` is; at most `most`. */
  pareto(least: number, shape: number, most: number): number {
    return Math.min(most, least * (1 - this.uniform()) ** (-1 / shape));
  }

  /** Poisson's law (Knuth's product for small means, normal for large ones). */
  poisson(mean: number): number {
    if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()));
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.uniform(); product > limit; product *= this.uniform()) count++;
    return count;
  }
}
