/**
 * The fastest transits of one direction, one per few seconds: all that a clock filter has to remember of the probes it saw.
 * A transit is the difference of two clocks' readings, so only the fastest say something about the clocks; the others were
 * held up in queues. Source: docs/protocol.md, "Time".
 *
 * @module
 */

/** Lowest transit of each {@link SLOT_S} seconds of the last {@link WINDOW_S}, oldest first. */
export class LowerEnvelope {
  /** +1 where a transit contains the clock offset (there), −1 where it contains its negative (back). */
  readonly sign: 1 | -1;
  /** When the transits began or ended on the local clock, in seconds. */
  readonly timesS: Float64Array = new Float64Array(CAPACITY);
  /** The transits, in microseconds above an arbitrary reference. */
  readonly transitsUs: Float64Array = new Float64Array(CAPACITY);
  /** How many slots are filled. */
  count = 0;
  /** How far transits typically are above the fastest one, in microseconds; see {@link LowerEnvelope.measure}. */
  scaleUs: number = MIN_SCALE_US;
  #slot = -Infinity;

  constructor(sign: 1 | -1) {
    this.sign = sign;
  }

  /**
   * Take in a transit, `driftPpm` being how fast the clocks are believed to part. Times must not decrease by more than a slot.
   * Returns what it changed: 0 nothing, 1 the newest slot, 2 a slot was begun.
   */
  insert(timeS: number, transitUs: number, driftPpm: number): 0 | 1 | 2 {
    const slot = Math.floor(timeS / SLOT_S);
    const last = this.count - 1;
    if (slot > this.#slot) {
      this.#slot = slot;
      this.#expire(timeS - WINDOW_S);
      this.timesS[this.count] = timeS;
      this.transitsUs[this.count++] = transitUs;
      return 2;
    }
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

  /** Forget everything; a typical excess of `scaleUs` is assumed until there is more to go by. */
  reset(scaleUs: number): void {
    this.count = 0;
    this.#slot = -Infinity;
    this.scaleUs = Math.max(MIN_SCALE_US, scaleUs);
  }

  #expire(beforeS: number): void {
    let expired = 0;
    while (expired < this.count && this.timesS[expired]! < beforeS) expired++;
    // The arrays hold one slot more than the window, so after a full one there is always something to drop.
    if (expired === 0 && this.count === CAPACITY) expired = 1;
    if (expired === 0) return;
    this.timesS.copyWithin(0, expired, this.count);
    this.transitsUs.copyWithin(0, expired, this.count);
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

const CAPACITY = WINDOW_S / SLOT_S + 2;

const scratch = new Float64Array(CAPACITY);
