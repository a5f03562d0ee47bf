/**
 * Which levels of playout delay are worth holding. Every level is a ski rental of its own (Karlin et al., "Competitive
 * randomized algorithms for non-uniform problems", 1990): holding it costs its delay for as long as it is held, giving it up
 * costs impaired media when a frame needs it again. The times between two frames that needed a level are remembered per level, and
 * each level is given up after the wait that would have cost least in the past.
 *
 * @module
 */

import type { PlayoutMoment } from "./playout_moment.ts";

/** Learns from the delays of arrivals, relative to the fastest path, what delay to hold. */
export class DelayLevels {
  readonly #rebuyUs: number;
  readonly #neededUs: Float64Array = new Float64Array(LEVELS).fill(-Infinity);
  // Weighted counts of the waits until a level was needed again, WAITS to a level.
  readonly #waits: Float64Array = new Float64Array(LEVELS * WAITS);
  // Weighted counts of arrivals that reached a level, and of those since by the highest level they reached, to be added later.
  readonly #reached: Float64Array = new Float64Array(LEVELS);
  readonly #arrived: Float64Array = new Float64Array(LEVELS);
  #arrivedWeight = 0;
  #highest = -1;
  readonly #holdUs: Float64Array = new Float64Array(LEVELS).fill(FIRST_HOLD_US);
  readonly #stale: Uint8Array = new Uint8Array(LEVELS);
  #weight = 1;
  #updatedUs = 0;
  // The newest frame needed the levels up to this one, at this time: only where it differs from the frame before is there work.
  #level = -1;
  #newestUs = 0;

  /** `rebuyUs`: how long a level may be held for the price of missing it once, in microseconds. */
  constructor(rebuyUs: number) {
    this.#rebuyUs = rebuyUs;
  }

  /** Forget everything. */
  clear(): void {
    this.#neededUs.fill(-Infinity);
    this.#waits.fill(0);
    this.#count();
    this.#reached.fill(0);
    this.#holdUs.fill(FIRST_HOLD_US);
    this.#stale.fill(0);
    this.#weight = 1;
    this.#level = -1;
  }

  /** A frame arrived with the excess that `moment` has. */
  observe(moment: PlayoutMoment): void {
    const { nowUs, excessUs } = moment;
    const level = levelOf((excessUs * PER_SLOT) | 0);
    if (nowUs - this.#updatedUs >= AGE_STEP_US) this.#age(moment);
    const neededUs = this.#neededUs;
    const weight = this.#weight;
    const newestUs = this.#newestUs;
    this.#arrived[level]! += weight;
    this.#arrivedWeight += weight;
    if (level > this.#highest) this.#highest = level;
    // Frames one after another are one need.
    for (let left = this.#level; left > level; left--) neededUs[left] = newestUs;
    const waits = this.#waits;
    const stale = this.#stale;
    for (let met = this.#level + 1; met <= level; met++) {
      const waitUs = nowUs - neededUs[met]!;
      if (!(waitUs > SHORTEST_WAIT_US) || waitUs === Infinity) continue;
      // Waits are counted by their octave above the shortest.
      const octave = 32 - Math.clz32(waitUs * PER_SHORTEST_WAIT);
      waits[met * WAITS + (octave < WAITS ? octave : WAITS - 1)]! += weight;
      stale[met] = 1;
    }
    this.#level = level;
    this.#newestUs = nowUs;
  }

  /** Find the delay worth holding, at most the one that `moment` has. */
  weigh(moment: PlayoutMoment): void {
    const { nowUs, delayUs } = moment;
    let level = levelOf((delayUs * PER_SLOT) | 0);
    while (level > this.#level && nowUs - this.#neededUs[level]! > this.#holdOf(level)) level--;
    if (level <= this.#level) {
      const waitedUs = nowUs - this.#newestUs;
      while (level > 0 && waitedUs > this.#holdOf(level)) level--;
    }
    moment.worthUs = Math.min(delayUs, EDGES_US[level + 1]! + MARGIN_US);
  }

  /**
   * Whether a frame of `moment`'s age, which has not arrived, will be later than the delay with this likelihood: as often as that
   * has happened, and age by delay before there is experience (the heavy tail of stalls, Pareto's with exponent 1).
   */
  isOutlasting({ ageUs, delayUs }: PlayoutMoment, likelihood: number): boolean {
    const prior = PRIOR_STALLS * this.#weight;
    const reached = this.#reached;
    const level = levelOf((delayUs * PER_SLOT) | 0);
    const ageLevel = levelOf((ageUs * PER_SLOT) | 0);
    // Even if all that is not added yet had reached the delay: nearly always that is the answer.
    const most = reached[level]! + this.#arrivedWeight + prior;
    if (ageUs <= delayUs && most <= likelihood * (reached[ageLevel]! + prior)) return false;
    this.#count();
    return reached[level]! + prior * (ageUs / delayUs) > likelihood * (reached[ageLevel]! + prior);
  }

  /** How long `level` is held after it was needed. */
  #holdOf(level: number): number {
    if (this.#stale[level] === 1) {
      this.#stale[level] = 0;
      this.#findHold(level);
    }
    return this.#holdUs[level]!;
  }

  #findHold(level: number): void {
    const first = level * WAITS;
    const prior = PRIOR_WAITS * this.#weight;
    let left = WAITS * prior;
    for (let wait = first; wait < first + WAITS; wait++) left += this.#waits[wait]!;
    // Held not at all: every need is bought again.
    let bestUs = 0;
    let best = left * this.#rebuyUs;
    let held = 0;
    for (let octave = 0, holdUs = SHORTEST_WAIT_US; octave < WAITS; octave++, holdUs *= 2) {
      const count = this.#waits[first + octave]! + prior;
      // The mean of an octave is three quarters of its upper end.
      held += count * holdUs * 0.75;
      left -= count;
      const cost = held + left * (holdUs + this.#rebuyUs);
      if (cost < best) {
        best = cost;
        bestUs = holdUs;
      }
    }
    this.#holdUs[level] = bestUs;
  }

  /** Add what has arrived to all levels that it reached. */
  #count(): void {
    let weight = 0;
    for (let level = this.#highest; level >= 0; level--) {
      weight += this.#arrived[level]!;
      this.#arrived[level] = 0;
      this.#reached[level]! += weight;
    }
    this.#arrivedWeight = 0;
    this.#highest = -1;
  }

  /** New counts weigh more instead of old ones less: one multiplication for all of them. */
  #age({ nowUs }: PlayoutMoment): void {
    this.#count();
    const elapsedUs = nowUs - this.#updatedUs;
    this.#updatedUs = nowUs;
    this.#weight *= Math.exp(Math.min(elapsedUs / MEMORY_US, 20));
    if (this.#weight < LARGEST_WEIGHT) return;
    for (let i = 0; i < LEVELS; i++) this.#reached[i]! /= this.#weight;
    for (let i = 0; i < LEVELS * WAITS; i++) this.#waits[i]! /= this.#weight;
    this.#weight = 1;
  }
}

/** Levels grow by a fifth each, so that what is held above a need stays in proportion to it; the last is above two minutes. */
const GROWTH = 1.2;
const LEVELS = 56;
/** Where levels begin to grow: below it they are about 2 ms apart. */
const LINEAR_US = 10_000;
/** Added to the level held, against the granularity of timers. */
const MARGIN_US = 3_000;
/** Time constant of forgetting. */
const MEMORY_US = 30_000_000;
/** Counts age in steps of this. */
const AGE_STEP_US = 250_000;
/** Octaves of waiting that are told apart, from {@link SHORTEST_WAIT_US} to a minute. */
const WAITS = 12;
const SHORTEST_WAIT_US = 25_000;
const PER_SHORTEST_WAIT = 1 / SHORTEST_WAIT_US;
/** How long a level is held before it was needed twice. */
const FIRST_HOLD_US = 2_000_000;
/** Weight, in observations per octave, of the belief that waits of every length are equally likely. */
const PRIOR_WAITS = 0.08;
/** Weight, in observations, of the belief in {@link DelayLevels.likelihood}. */
const PRIOR_STALLS = 2;
const LARGEST_WEIGHT = 1e100;

/** The level of a delay in whole slots: a fractional number in an argument may cost an allocation, see `playout_moment.ts`. */
function levelOf(slot: number): number {
  return slot < SLOTS ? slot > 0 ? LEVEL_OF_SLOT[slot]! : 0 : levelOfSlot(slot);
}

function levelOfSlot(slot: number): number {
  const delayUs = (slot + 0.5) * SLOT_US;
  return Math.min(LEVELS - 1, Math.floor(Math.log(delayUs / LINEAR_US + 1) / Math.log(GROWTH)));
}

const EDGES_US = Float64Array.from({ length: LEVELS + 1 }, (_, level) => LINEAR_US * (GROWTH ** level - 1));
/** The level of every half millisecond up to two seconds, so that no logarithm is taken per frame. */
const SLOT_US = 500;
const PER_SLOT = 1 / SLOT_US;
const SLOTS = 4_000;
const LEVEL_OF_SLOT = Uint8Array.from({ length: SLOTS }, (_, slot) => levelOfSlot(slot));
