/**
 * The fastest transits of one direction, one per few seconds, and a low quantile of each few seconds: all that a clock filter
 * has to remember of the probes it saw. A transit is the difference of two clocks' readings, so the fastest ones bound the
 * offset; where a path has no sharp fastest one (5G, for one) the quantile shows the drift sooner. Source: docs/protocol.md,
 * "Time".
 *
 * @module
 */

/** Lowest transit and level of each {@link SLOT_S} seconds of the last {@link WINDOW_S}, oldest first. */
export class LowerEnvelope {
  /** +1 where a transit contains the clock offset (there), −1 where it contains its negative (back). */
  readonly sign: 1 | -1;
  /** When the transits began or ended on the local clock, in seconds. */
  readonly timesS: Float64Array = new Float64Array(CAPACITY);
  /** The transits, in microseconds above an arbitrary reference. */
  readonly transitsUs: Float64Array = new Float64Array(CAPACITY);
  /** Mean time of a slot's transits, in seconds. */
  readonly levelTimesS: Float64Array = new Float64Array(CAPACITY);
  /** What a third of a slot's transits are below, as of the slot's mean time; NaN in the newest and in sparse slots. */
  readonly levelsUs: Float64Array = new Float64Array(CAPACITY);
  /** How many slots are filled. */
  count = 0;
  /** How far transits typically are above the fastest one, in microseconds; see {@link LowerEnvelope.measure}. */
  scaleUs: number = MIN_SCALE_US;
  /** How far levels typically are from their usual height, in microseconds; see {@link LowerEnvelope.measureLevels}. */
  levelScaleUs: number = MIN_SCALE_US;
  #slot = -Infinity;
  // The transits of the newest slot.
  #samples = 0;
  readonly #sampleTimesS = new Float64Array(MAX_SAMPLES);
  readonly #samplesUs = new Float64Array(MAX_SAMPLES);

  constructor(sign: 1 | -1) {
    this.sign = sign;
  }

  /**
   * Take in a transit, `driftPpm` being how fast the clocks are believed to part. Times must not decrease by more than a slot.
   * Returns what it changed: 0 nothing, 1 the newest slot, 2 a slot was begun. `isSample` is false for one that was picked as the
   * fastest of many, which says nothing about the level.
   */
  insert(timeS: number, transitUs: number, driftPpm: number, isSample = true): 0 | 1 | 2 {
    const slot = Math.floor(timeS / SLOT_S);
    const last = this.count - 1;
    if (slot > this.#slot) {
      this.#slot = slot;
      if (this.count > 0) this.#level(last, driftPpm);
      this.#samples = 0;
      if (isSample) this.#sample(timeS, transitUs);
      this.#expire(timeS - WINDOW_S);
      this.levelsUs[this.count] = NaN;
      this.timesS[this.count] = timeS;
      this.transitsUs[this.count++] = transitUs;
      return 2;
    }
    if (isSample) this.#sample(timeS, transitUs);
    const expectedUs = this.transitsUs[last]! + this.sign * driftPpm * (timeS - this.timesS[last]!);
    if (transitUs >= expectedUs) return 0;
    this.timesS[last] = timeS;
    this.transitsUs[last] = transitUs;
    return 1;
  }

  /**
   * Set {@link LowerEnvelope.scaleUs} from how far each slot's transit is above the line; `excessUs(i)` tells it. While there
   * are few slots, the guess they started with keeps its weight.
   */
  measure(excessUs: (index: number) => number): void {
    const sorted = scratch.subarray(0, this.count);
    for (let i = 0; i < this.count; i++) sorted[i] = excessUs(i);
    sorted.sort();
    const medianUs = Math.max(MIN_SCALE_US, sorted[(this.count - 1) >> 1]! - sorted[0]!);
    const weight = Math.min(1, this.count / TRUSTED_SLOTS);
    this.scaleUs += weight * (medianUs - this.scaleUs);
  }

  /** Set {@link LowerEnvelope.levelScaleUs} from how far each level is from the curve; `residualUs(i)` tells it. */
  measureLevels(residualUs: (index: number) => number): void {
    let levels = 0;
    for (let i = 0; i < this.count; i++) {
      if (!Number.isNaN(this.levelsUs[i]!)) scratch[levels++] = Math.abs(residualUs(i));
    }
    if (levels < MIN_LEVELS) return;
    const medianUs = scratch.subarray(0, levels).sort()[levels >> 1]!;
    const weight = Math.min(1, this.count / TRUSTED_SLOTS);
    this.levelScaleUs += weight * (Math.max(MIN_SCALE_US, SIGMA_PER_MEDIAN * medianUs) - this.levelScaleUs);
  }

  /** Forget everything; a typical excess of `scaleUs` is assumed until there is more to go by. */
  reset(scaleUs: number): void {
    this.count = 0;
    this.#slot = -Infinity;
    this.#samples = 0;
    this.scaleUs = this.levelScaleUs = Math.max(MIN_SCALE_US, scaleUs);
  }

  #sample(timeS: number, transitUs: number): void {
    if (this.#samples === MAX_SAMPLES) return;
    this.#sampleTimesS[this.#samples] = timeS;
    this.#samplesUs[this.#samples++] = transitUs;
  }

  /** Set the level of slot `index`, which is complete. */
  #level(index: number, driftPpm: number): void {
    const count = this.#samples;
    if (count < MIN_SAMPLES) return;
    let meanS = 0;
    for (let i = 0; i < count; i++) meanS += this.#sampleTimesS[i]! / count;
    const sorted = scratch.subarray(0, count);
    for (let i = 0; i < count; i++) {
      sorted[i] = this.#samplesUs[i]! - this.sign * driftPpm * (this.#sampleTimesS[i]! - meanS);
    }
    sorted.sort();
    const rank = QUANTILE * (count - 1);
    const below = Math.floor(rank);
    this.levelTimesS[index] = meanS;
    this.levelsUs[index] = sorted[below]! + (rank - below) * (sorted[below + 1]! - sorted[below]!);
  }

  #expire(beforeS: number): void {
    let expired = 0;
    while (expired < this.count && this.timesS[expired]! < beforeS) expired++;
    // The arrays hold one slot more than the window, so after a full one there is always something to drop.
    if (expired === 0 && this.count === CAPACITY) expired = 1;
    if (expired === 0) return;
    this.timesS.copyWithin(0, expired, this.count);
    this.transitsUs.copyWithin(0, expired, this.count);
    this.levelTimesS.copyWithin(0, expired, this.count);
    this.levelsUs.copyWithin(0, expired, this.count);
    this.count -= expired;
  }
}

/** Seconds one slot spans: long enough for a dozen probes to leave one that met no queue. */
const SLOT_S = 4;

/** Seconds of memory: a path's fastest transit is rare, and the curve of `margin_curve.ts` follows the clocks that long. */
export const WINDOW_S = 240;

/** Finest excess that means anything, in microseconds: the resolution of the stamps. */
const MIN_SCALE_US = 10;

/** Slots from which on the measured scale stands alone. */
const TRUSTED_SLOTS = 10;

/** Levels from which on their scale is measured. */
const MIN_LEVELS = 3;

/** The part of a slot's transits that is below its level: above the noise of the edge, below most of what queues do. */
const QUANTILE = 1 / 3;

/** Transits a level needs: of fewer it says no more than the lowest one. Those beyond the most are not looked at. */
const MIN_SAMPLES = 4;
const MAX_SAMPLES = 64;

/** Standard deviation of a normal distribution whose absolute median is 1. */
const SIGMA_PER_MEDIAN = 1.4826;

const CAPACITY = WINDOW_S / SLOT_S + 2;

const scratch = new Float64Array(Math.max(CAPACITY, MAX_SAMPLES));
