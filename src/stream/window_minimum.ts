/**
 * The least transit time of the last seconds, in constant space: the window moves by one bucket at a time.
 *
 * @module
 */

/** A transit time, and when it was measured. An object, as V8 allocates for numbers in arguments. */
export interface Transit {
  readonly transitUs: number;
  readonly nowUs: number;
}

/** Least transit time of a window that ends now. */
export class WindowMinimum {
  readonly #bucketUs: number;
  readonly #buckets: Float64Array = new Float64Array(BUCKETS).fill(Infinity);
  // Of the newest bucket.
  #newestUs = Infinity;
  #bucket = -Infinity;
  #endUs = -Infinity;
  /** The least of the window; `Infinity` when there is none. */
  leastUs: number = Infinity;

  /** `windowUs`: its length, exact to an eighth. */
  constructor(windowUs: number) {
    this.#bucketUs = windowUs / BUCKETS;
  }

  /** Take in one more. */
  observe({ transitUs, nowUs }: Transit): void {
    if (nowUs >= this.#endUs) this.#turn(Math.floor(nowUs / this.#bucketUs));
    if (transitUs >= this.#newestUs) return;
    this.#newestUs = transitUs;
    if (transitUs < this.leastUs) this.leastUs = transitUs;
  }

  /** Forget everything. */
  clear(): void {
    this.#buckets.fill(Infinity);
    this.#newestUs = this.leastUs = Infinity;
    this.#bucket = this.#endUs = -Infinity;
  }

  #turn(bucket: number): void {
    this.#buckets[this.#bucket & (BUCKETS - 1)] = this.#newestUs;
    const passed = Math.min(BUCKETS, bucket - this.#bucket);
    for (let i = 0; i < passed; i++) this.#buckets[(bucket - i) & (BUCKETS - 1)] = Infinity;
    this.#bucket = bucket;
    this.#endUs = (bucket + 1) * this.#bucketUs;
    this.#newestUs = this.leastUs = Infinity;
    for (let i = 0; i < BUCKETS; i++) this.leastUs = Math.min(this.leastUs, this.#buckets[i]!);
  }
}

/** A power of two. */
const BUCKETS = 8;
