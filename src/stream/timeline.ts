/**
 * From a sender's timestamps to local time. Timestamps count at the stream's clock rate and may wrap around (RTP, RFC 3550 §5.1);
 * the sender's clock is a little fast or slow, which shows as a slope of the fastest arrivals: the lower support line of the
 * transit times of the last minute gives it (Moon, Skelly and Towsley, "Estimation and removal of clock skew from network delay
 * measurements", 1999).
 *
 * @module
 */

import { DEFAULT_CLOCK_RATE_HZ } from "../protocol/timestamp.ts";
import { PlayoutMoment } from "./playout_moment.ts";

/** What the timestamps of a stream are. */
export interface TimelineOptions {
  /** Ticks per second. Default 1,000,000: timestamps are microseconds. */
  readonly clockRateHz?: number;
  /** Bits after which timestamps wrap around, 32 for those of RTP. Default 53: they never do (docs/protocol.md). */
  readonly timestampBits?: 32 | 53;
}

/** Maps one stream's timestamps to media time, and media time to the local time of the fastest arrival. */
export class Timeline {
  readonly #clockRateHz: number;
  readonly #wraps: boolean;
  readonly #asked = new PlayoutMoment();
  #firstTicks = NaN;
  #ticks = 0;
  // The least transit of each bucket of media time, and when it was; the newest is at `#bucket % BUCKETS`.
  readonly #atUs: Float64Array = new Float64Array(BUCKETS);
  readonly #transitUs: Float64Array = new Float64Array(BUCKETS).fill(Infinity);
  #bucket = -Infinity;
  #bucketStartUs = Infinity;
  #bucketEndUs = Infinity;
  #bucketLeastUs = Infinity;
  #slope = 0;
  #interceptUs = NaN;

  /** @throws {RangeError} when the clock rate is not above 0 and finite. */
  constructor(options: TimelineOptions = {}) {
    const { clockRateHz = DEFAULT_CLOCK_RATE_HZ, timestampBits = 53 } = options;
    if (!(clockRateHz > 0 && clockRateHz < Infinity)) {
      throw new RangeError(`Clock rate ${clockRateHz} Hz is not above 0`);
    }
    this.#clockRateHz = clockRateHz;
    this.#wraps = timestampBits === 32;
  }

  /** How much faster the sender's clock runs than the local one, in parts per million; 0 until it is known. */
  get driftPpm(): number {
    return this.#slope === 0 ? 0 : -this.#slope * 1e6;
  }

  /** Media time of `timestamp`, in microseconds since the first timestamp that was asked for. */
  mediaUs(timestamp: number): number {
    this.#asked.timestamp = timestamp;
    this.locate(this.#asked);
    return this.#asked.mediaUs;
  }

  /** Set the media time of `moment` from its timestamp; see {@link Timeline.mediaUs}. */
  locate(moment: PlayoutMoment): void {
    const { timestamp } = moment;
    if (Number.isNaN(this.#firstTicks)) this.#firstTicks = this.#ticks = timestamp;
    // The distance that fits in 32 bits with sign leads to the nearest of the timestamps meant.
    else this.#ticks = this.#wraps ? this.#ticks + ((timestamp - this.#ticks) | 0) : timestamp;
    const ticks = this.#ticks - this.#firstTicks;
    const rateHz = this.#clockRateHz;
    if (rateHz === DEFAULT_CLOCK_RATE_HZ) moment.mediaUs = ticks;
    else if (Math.abs(ticks) < EXACT_TICKS) moment.mediaUs = Math.round((ticks * 1e6) / rateHz);
    else {
      // As `ticksToUs`, whose arguments may cost allocations: whole seconds apart.
      const seconds = Math.floor(ticks / rateHz);
      moment.mediaUs = seconds * 1e6 + Math.round(((ticks - seconds * rateHz) * 1e6) / rateHz);
    }
  }

  /** What was sent at the media time of `moment` has arrived. */
  observe({ nowUs, mediaUs }: PlayoutMoment): void {
    const transitUs = nowUs - mediaUs;
    // In the newest bucket, where nearly every frame is, only the least matters.
    if (mediaUs >= this.#bucketStartUs && mediaUs < this.#bucketEndUs && transitUs >= this.#bucketLeastUs) return;
    const bucket = Math.floor(mediaUs / BUCKET_US);
    if (bucket > this.#bucket) this.#turn(bucket);
    else if (bucket <= this.#bucket - BUCKETS) return;
    const slot = mod(bucket);
    if (transitUs >= this.#transitUs[slot]!) return;
    this.#atUs[slot] = mediaUs;
    this.#transitUs[slot] = transitUs;
    if (bucket === this.#bucket) this.#bucketLeastUs = transitUs;
    if (!(transitUs >= this.#interceptUs + this.#slope * mediaUs)) this.#fit();
  }

  /** The local time at which what is sent at `mediaUs` arrives over the fastest path; `NaN` before the first arrival. */
  arrivalUs(mediaUs: number): number {
    return mediaUs + this.#interceptUs + this.#slope * mediaUs;
  }

  /** Begin anew with the next timestamp. */
  restart(): void {
    this.#firstTicks = this.#interceptUs = NaN;
    this.#transitUs.fill(Infinity);
    this.#bucket = -Infinity;
    this.#bucketStartUs = this.#bucketEndUs = Infinity;
    this.#slope = 0;
  }

  #turn(bucket: number): void {
    const passed = Math.min(BUCKETS, bucket - this.#bucket);
    for (let i = 0; i < passed; i++) this.#transitUs[mod(bucket - i)] = Infinity;
    this.#bucket = bucket;
    this.#bucketStartUs = bucket * BUCKET_US;
    this.#bucketEndUs = this.#bucketStartUs + BUCKET_US;
    this.#bucketLeastUs = Infinity;
    this.#fit();
  }

  /**
   * The line below all least transits that is nearest to them in sum: it touches two of them, one on each side of their mean time.
   * With {@link BUCKETS} points, trying every pair is cheaper than keeping a hull.
   */
  #fit(): void {
    let count = 0;
    let sumUs = 0;
    let leastUs = Infinity;
    for (let slot = 0; slot < BUCKETS; slot++) {
      const transitUs = this.#transitUs[slot]!;
      if (transitUs === Infinity) continue;
      count++;
      sumUs += this.#atUs[slot]!;
      leastUs = Math.min(leastUs, transitUs);
    }
    if (count === 0) return;
    this.#slope = 0;
    this.#interceptUs = leastUs;
    if (count < LEAST_BUCKETS) return;
    const meanUs = sumUs / count;
    let highestUs = -Infinity;
    for (let from = 0; from < BUCKETS; from++) {
      for (let to = 0; to < BUCKETS; to++) {
        const spanUs = this.#atUs[to]! - this.#atUs[from]!;
        if (!(this.#atUs[from]! <= meanUs && this.#atUs[to]! > meanUs)) continue;
        if (this.#transitUs[from] === Infinity || this.#transitUs[to] === Infinity) continue;
        const slope = (this.#transitUs[to]! - this.#transitUs[from]!) / spanUs;
        const interceptUs = this.#transitUs[from]! - slope * this.#atUs[from]!;
        const atMeanUs = interceptUs + slope * meanUs;
        if (Math.abs(slope) > LARGEST_SLOPE || atMeanUs <= highestUs || !this.#isBelowAll(slope, interceptUs)) continue;
        highestUs = atMeanUs;
        this.#slope = slope;
        this.#interceptUs = interceptUs;
      }
    }
  }

  #isBelowAll(slope: number, interceptUs: number): boolean {
    for (let slot = 0; slot < BUCKETS; slot++) {
      if (this.#transitUs[slot]! < interceptUs + slope * this.#atUs[slot]! - ROUNDING_US) return false;
    }
    return true;
  }
}

/** A minute of media in buckets of five seconds; a power of two is not needed as none is indexed per frame but one. */
const BUCKETS = 12;
const BUCKET_US = 5_000_000;
/** A slope of fewer buckets tells more of the network than of the clocks. */
const LEAST_BUCKETS = 4;
/** Crystals are within 100 ppm of each other; a steeper slope is a change of the network. */
const LARGEST_SLOPE = 200e-6;
/** Less than this many, times a million, are below 2^53. */
const EXACT_TICKS = 2 ** 33;
const ROUNDING_US = 0.01;

function mod(bucket: number): number {
  return ((bucket % BUCKETS) + BUCKETS) % BUCKETS;
}
