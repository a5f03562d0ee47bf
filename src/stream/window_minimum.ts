/**
 * The least of the values of the last seconds, in constant space: the window moves by one bucket at a time.
 *
 * @module
 */

/** Least value of a window of time that ends now. */
export class WindowMinimum {
  readonly #bucketUs: number;
  readonly #buckets: Float64Array = new Float64Array(BUCKETS).fill(Infinity);
  // Of the buckets before the newest, and of that.
  #older = Infinity;
  #newest = Infinity;
  #bucket = -Infinity;
  #endUs = -Infinity;

  /** `windowUs`: its length, exact to an eighth. */
  constructor(windowUs: number) {
    this.#bucketUs = windowUs / BUCKETS;
  }

  /** Take in `value` as of `nowUs`; returns the least of the window. */
  observe(value: number, nowUs: number): number {
    if (nowUs >= this.#endUs) this.#turn(Math.floor(nowUs / this.#bucketUs));
    if (value < this.#newest) this.#newest = value;
    return this.#older < this.#newest ? this.#older : this.#newest;
  }

  /** Forget everything. */
  clear(): void {
    this.#buckets.fill(Infinity);
    this.#older = this.#newest = Infinity;
    this.#bucket = this.#endUs = -Infinity;
  }

  #turn(bucket: number): void {
    this.#buckets[this.#bucket & (BUCKETS - 1)] = this.#newest;
    const passed = Math.min(BUCKETS, bucket - this.#bucket);
    for (let i = 0; i < passed; i++) this.#buckets[(bucket - i) & (BUCKETS - 1)] = Infinity;
    this.#bucket = bucket;
    this.#endUs = (bucket + 1) * this.#bucketUs;
    this.#newest = this.#older = Infinity;
    for (const value of this.#buckets) if (value < this.#older) this.#older = value;
  }
}

/** A power of two. */
const BUCKETS = 8;
