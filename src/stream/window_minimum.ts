/**
 * The least of the values of the last seconds, in constant space: the window moves by one bucket at a time.
 *
 * @module
 */

/** Least value of a window of time that ends now. */
export class WindowMinimum {
  readonly #bucketUs: number;
  readonly #buckets: Float64Array = new Float64Array(BUCKETS).fill(Infinity);
  #older = Infinity;
  #bucket = -Infinity;

  /** `windowUs`: its length, exact to an eighth. */
  constructor(windowUs: number) {
    this.#bucketUs = windowUs / BUCKETS;
  }

  /** Take in `value` as of `nowUs`; returns the least of the window. */
  observe(value: number, nowUs: number): number {
    const bucket = Math.floor(nowUs / this.#bucketUs);
    if (bucket > this.#bucket) this.#turn(bucket);
    const slot = this.#bucket & (BUCKETS - 1);
    if (value < this.#buckets[slot]!) this.#buckets[slot] = value;
    return Math.min(this.#older, this.#buckets[slot]!);
  }

  /** Forget everything. */
  clear(): void {
    this.#buckets.fill(Infinity);
    this.#older = Infinity;
    this.#bucket = -Infinity;
  }

  #turn(bucket: number): void {
    const passed = Math.min(BUCKETS, bucket - this.#bucket);
    for (let i = 0; i < passed; i++) this.#buckets[(bucket - i) & (BUCKETS - 1)] = Infinity;
    this.#bucket = bucket;
    this.#older = this.#buckets.reduce((least, value) => Math.min(least, value), Infinity);
  }
}

/** A power of two. */
const BUCKETS = 8;
