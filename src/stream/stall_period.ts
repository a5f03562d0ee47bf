/**
 * Stalls that come at regular intervals, as from a radio that leaves its channel to scan for access points every few seconds:
 * three of them at equal distances foretell the next.
 *
 * @module
 */

/** Foretells when the path stalls next, and for how long. */
export class StallPeriod {
  readonly #startedUs: Float64Array = new Float64Array(REMEMBERED);
  readonly #lengthUs: Float64Array = new Float64Array(REMEMBERED);
  #count = 0;
  #periodUs = 0;
  #foretold = 0;
  #hits = 0;
  /** When the next stall is expected to begin; `Infinity` when none is. */
  nextUs: number = Infinity;
  /** How long it is expected to last, in microseconds. */
  nextLengthUs = 0;

  /** Share of what was foretold that came true; 1 before the first. */
  get confidence(): number {
    return (this.#hits + 2) / (this.#foretold + 2);
  }

  /** How far the next stall may begin from {@link StallPeriod.nextUs}, in microseconds. */
  get toleranceUs(): number {
    return toleranceUs(this.#periodUs);
  }

  /** Nothing arrived for `lengthUs` longer than it should have from `startUs` on. */
  observe(startUs: number, lengthUs: number): void {
    if (Math.abs(startUs - this.nextUs) < this.toleranceUs && lengthUs > this.nextLengthUs * LEAST_SHARE) {
      this.#foretold++;
      this.#hits++;
      this.nextUs = Infinity;
    }
    this.#foretell(startUs, lengthUs);
    const slot = this.#count++ % REMEMBERED;
    this.#startedUs[slot] = startUs;
    this.#lengthUs[slot] = lengthUs;
  }

  /** Time passes: what was foretold and did not come by `nowUs` was wrong. */
  advance(nowUs: number): void {
    if (nowUs <= this.nextUs + this.toleranceUs + this.nextLengthUs + OBSERVED_AFTER_US) return;
    this.#foretold++;
    this.nextUs = Infinity;
  }

  /** Forget everything. */
  clear(): void {
    this.#count = this.#foretold = this.#hits = 0;
    this.nextUs = Infinity;
  }

  /** Look for two earlier stalls that, with this one, are at equal distances: the shortest distance there is. */
  #foretell(startUs: number, lengthUs: number): void {
    const oldest = Math.max(0, this.#count - REMEMBERED);
    for (let second = this.#count - 1; second > oldest; second--) {
      const periodUs = startUs - this.#startedUs[second % REMEMBERED]!;
      if (periodUs < SHORTEST_PERIOD_US) continue;
      if (periodUs > LONGEST_PERIOD_US) return;
      for (let first = second - 1; first >= oldest; first--) {
        const beforeUs = this.#startedUs[second % REMEMBERED]! - this.#startedUs[first % REMEMBERED]!;
        if (beforeUs > periodUs + toleranceUs(periodUs)) break;
        if (beforeUs < periodUs - toleranceUs(periodUs)) continue;
        const typicalUs = median(lengthUs, this.#lengthUs[second % REMEMBERED]!, this.#lengthUs[first % REMEMBERED]!);
        if (typicalUs < SHORTEST_FORETOLD_US) continue;
        return this.#expect(startUs, (periodUs + beforeUs) / 2, typicalUs);
      }
    }
  }

  #expect(startUs: number, periodUs: number, lengthUs: number): void {
    const nextUs = startUs + periodUs;
    // A longer stall that is foretold for an earlier time is the one to be ready for.
    if (nextUs >= this.nextUs && lengthUs < this.nextLengthUs) return;
    this.nextUs = nextUs;
    this.#periodUs = periodUs;
    this.nextLengthUs = lengthUs;
  }
}

/** Stalls that are looked back at. */
const REMEMBERED = 16;
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
function toleranceUs(periodUs: number): number {
  return Math.max(50_000, periodUs / 100);
}

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
