/**
 * Stalls that come at regular intervals, as from a radio that leaves its channel to scan for access points every few seconds:
 * three of them at equal distances foretell the next.
 *
 * @module
 */

import type { PlayoutMoment } from "./playout_moment.ts";

/** Foretells when the path stalls next, and for how long. */
export class StallPeriod {
  readonly #startedUs: Float64Array = new Float64Array(SLOTS);
  readonly #lengthUs: Float64Array = new Float64Array(SLOTS);
  #count = 0;
  // Of the frame before.
  #transitUs = NaN;
  #arrivalUs = 0;
  #foretold = 0;
  #hits = 0;
  /** When the next stall is expected to begin; `Infinity` when none is. */
  nextUs: number = Infinity;
  /** How long it is expected to last, in microseconds. */
  nextLengthUs = 0;
  /** How far it may begin from {@link StallPeriod.nextUs}, in microseconds. */
  toleranceUs: number = LEAST_TOLERANCE_US;

  /** Share of what was foretold that came true; 1 before the first. */
  get confidence(): number {
    return (this.#hits + 2) / (this.#foretold + 2);
  }

  /** A frame arrived: when its transit is much longer than that of the frame before, nothing came meanwhile. */
  observe({ nowUs, transitUs }: PlayoutMoment): void {
    const lengthUs = transitUs - this.#transitUs;
    if (lengthUs > SHORTEST_STALL_US) {
      const slot = this.#count++ & (SLOTS - 1);
      this.#startedUs[slot] = this.#arrivalUs;
      this.#lengthUs[slot] = lengthUs;
      this.#learn(slot);
    }
    this.#transitUs = transitUs;
    this.#arrivalUs = nowUs;
  }

  /** Time passes: what was foretold and has not come was wrong. */
  advance({ nowUs }: PlayoutMoment): void {
    if (nowUs <= this.nextUs + this.toleranceUs + this.nextLengthUs + OBSERVED_AFTER_US) return;
    this.#foretold++;
    this.nextUs = Infinity;
  }

  /** Forget everything. */
  clear(): void {
    this.#count = this.#foretold = this.#hits = 0;
    this.nextUs = Infinity;
    this.#transitUs = NaN;
  }

  /** Look for two earlier stalls that, with the newest in `slot`, are at equal distances: the shortest distance there is. */
  #learn(slot: number): void {
    const startUs = this.#startedUs[slot]!;
    const lengthUs = this.#lengthUs[slot]!;
    if (Math.abs(startUs - this.nextUs) < this.toleranceUs && lengthUs > this.nextLengthUs * LEAST_SHARE) {
      this.#foretold++;
      this.#hits++;
      this.nextUs = Infinity;
    }
    const newest = this.#count - 1;
    const oldest = Math.max(0, newest - REMEMBERED);
    if (startUs - this.#startedUs[oldest & (SLOTS - 1)]! < SHORTEST_PERIOD_US) return;
    for (let second = newest - 1; second > oldest; second--) {
      const secondUs = this.#startedUs[second & (SLOTS - 1)]!;
      const periodUs = startUs - secondUs;
      if (periodUs < SHORTEST_PERIOD_US) continue;
      if (periodUs > LONGEST_PERIOD_US) return;
      const allowedUs = Math.max(LEAST_TOLERANCE_US, periodUs / PERIODS_PER_TOLERANCE);
      for (let first = second - 1; first >= oldest; first--) {
        const beforeUs = secondUs - this.#startedUs[first & (SLOTS - 1)]!;
        if (beforeUs > periodUs + allowedUs) break;
        if (beforeUs < periodUs - allowedUs) continue;
        const secondLengthUs = this.#lengthUs[second & (SLOTS - 1)]!;
        const firstLengthUs = this.#lengthUs[first & (SLOTS - 1)]!;
        // The median of the three.
        const typicalUs = Math.max(
          Math.min(lengthUs, secondLengthUs),
          Math.min(Math.max(lengthUs, secondLengthUs), firstLengthUs),
        );
        if (typicalUs < SHORTEST_FORETOLD_US) continue;
        const meanPeriodUs = (periodUs + beforeUs) / 2;
        const nextUs = startUs + meanPeriodUs;
        // A longer stall that is foretold for an earlier time is the one to be ready for.
        if (nextUs >= this.nextUs && typicalUs < this.nextLengthUs) return;
        this.nextUs = nextUs;
        this.toleranceUs = Math.max(LEAST_TOLERANCE_US, meanPeriodUs / PERIODS_PER_TOLERANCE);
        this.nextLengthUs = typicalUs;
        return;
      }
    }
  }
}

/** Arrivals further apart than the media by this are a stall. */
const SHORTEST_STALL_US = 30_000;
/** Stalls that are looked back at. */
const REMEMBERED = 16;
/** Room for those and the newest; a power of two. */
const SLOTS = 32;
/** Stalls nearer to each other than this belong together. */
const SHORTEST_PERIOD_US = 2_000_000;
const LONGEST_PERIOD_US = 40_000_000;
/** A stall that is not longer than this needs no preparation. */
const SHORTEST_FORETOLD_US = 80_000;
/** A stall of less than this share of the foretold length is another one. */
const LEAST_SHARE = 0.4;
/** A stall is known only when it is over and the frames behind it have come. */
const OBSERVED_AFTER_US = 50_000;
/** Scans start at a beacon, so that intervals differ by about a tenth of a second. */
const LEAST_TOLERANCE_US = 50_000;
const PERIODS_PER_TOLERANCE = 100;
