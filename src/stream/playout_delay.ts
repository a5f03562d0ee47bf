/**
 * How long frames wait before they are played: the offset from media time to local time, decided over time so that an explicit
 * cost is least, delay plus a price for late media. The offset moves by time scaling that nobody hears, up to 25 % of the
 * media's pace (what WebRTC's NetEq does by accelerating and expanding); it jumps only where that costs less than being late.
 *
 * - {@link DelayLevels} says which delay is worth holding from what earlier frames needed.
 * - While frames are overdue the offset rises, as soon as the stall is likely to outlast what is buffered.
 * - Frames that arrive late one after another, by an equal time each, are a path that has become longer: the offset jumps there.
 * - {@link StallPeriod} foretells stalls that come regularly, and the offset rises before them.
 *
 * Time comes in as an argument; nothing is allocated per frame. Method and figures: docs/timing.md.
 *
 * @module
 */

import { DelayLevels } from "./delay_levels.ts";
import { StallPeriod } from "./stall_period.ts";
import { WindowMinimum } from "./window_minimum.ts";

/** How a {@link PlayoutDelay} decides. */
export interface PlayoutDelayOptions {
  /** Fixed delay above the fastest path, in milliseconds; `"adaptive"` (the default) lets the arrivals decide. */
  readonly targetMs?: number | "adaptive";
  /** Least delay above the fastest path, in milliseconds. Default 0. */
  readonly minDelayMs?: number;
  /** Largest delay above the fastest path, in milliseconds. Default 2000. */
  readonly maxDelayMs?: number;
  /** Price of a millisecond of delay; only its ratio to {@link PlayoutDelayOptions.costPerLatePercent} matters. Default 1. */
  readonly costPerDelayMs?: number;
  /** Price of one percent of media that is late, held or skipped. Default 20, as in WebRTC's DelayManager. */
  readonly costPerLatePercent?: number;
  /** Duration of a frame, in microseconds; without it, it is taken from the frames. */
  readonly frameDurationUs?: number;
}

/** Decides the offset at which frames play: the frame of media time `t` at local time `t + offsetUs`. */
export class PlayoutDelay {
  readonly #levels: DelayLevels;
  readonly #stalls = new StallPeriod();
  readonly #fastest = new WindowMinimum(FASTEST_WINDOW_US);
  readonly #skipAboveUs: number;
  #targetUs: number | undefined;
  #minDelayUs: number;
  #maxDelayUs: number;
  #durationUs: number;
  #offsetUs = NaN;
  #fastestUs = 0;
  #transitUs = 0;
  #arrivalUs = 0;
  #newestUs = -Infinity;
  #newestSequence = 0;
  // Media time that has been played, and the time scaling it has earned and not used.
  #playedUs = -Infinity;
  #creditUs = CREDIT_LIMIT_US;
  #lateSinceUs = NaN;
  #lateTransitUs = 0;
  // The foretold stall for which the offset rises already.
  #preparingForUs = NaN;
  // When the offset was last moved; nothing is there to move before the first frame.
  #movedUs = Infinity;
  #scaledUs = 0;
  #jumpedUs = 0;
  #isCongested = false;

  /** @throws {RangeError} when an option is negative or not finite, or the least delay is above the largest. */
  constructor(options: PlayoutDelayOptions = {}) {
    const { targetMs = "adaptive", costPerDelayMs = 1, costPerLatePercent = 20 } = options;
    this.#minDelayUs = 1000 * notNegative(options.minDelayMs ?? 0, "minDelayMs");
    this.#maxDelayUs = 1000 * notNegative(options.maxDelayMs ?? 2_000, "maxDelayMs");
    if (this.#minDelayUs > this.#maxDelayUs) throw new RangeError("minDelayMs is above maxDelayMs");
    this.#durationUs = notNegative(options.frameDurationUs ?? 0, "frameDurationUs");
    if (!(costPerDelayMs > 0 && costPerDelayMs < Infinity)) throw new RangeError(`costPerDelayMs is ${costPerDelayMs}`);
    const missUs = (1000 * 100 * notNegative(costPerLatePercent, "costPerLatePercent")) / costPerDelayMs;
    this.#levels = new DelayLevels(missUs * REBUY_PRICE);
    this.#skipAboveUs = missUs * SCALING_LIMIT;
    this.setTarget(targetMs);
  }

  /** The offset, in microseconds; `NaN` before the first frame. */
  get offsetUs(): number {
    return this.#offsetUs;
  }

  /** Delay above the fastest path of the last seconds, in microseconds; 0 before the first frame. */
  get delayUs(): number {
    return Number.isNaN(this.#offsetUs) ? 0 : this.#offsetUs - this.#fastestUs;
  }

  /** Whether frames arrive later than the largest delay could cure. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** By how much time scaling has moved the offset, both ways added up, in microseconds. */
  get scaledUs(): number {
    return this.#scaledUs;
  }

  /** By how much the offset has jumped, both ways added up, in microseconds. */
  get jumpedUs(): number {
    return this.#jumpedUs;
  }

  /** Media time of the frame after the newest one; `Infinity` as long as the duration of a frame is not known. */
  get expectedUs(): number {
    return this.#durationUs === 0 ? Infinity : this.#newestUs + this.#durationUs;
  }

  /** Change the target; see {@link PlayoutDelayOptions.targetMs}. @throws {RangeError} when it is negative or not finite. */
  setTarget(targetMs: number | "adaptive"): void {
    this.#targetUs = targetMs === "adaptive" ? undefined : 1000 * notNegative(targetMs, "targetMs");
  }

  /** The frame of media time `mediaUs` arrived at `arrivalUs`, which never steps back; `sequence` is unwrapped. */
  observe(sequence: number, mediaUs: number, arrivalUs: number): void {
    const transitUs = arrivalUs - mediaUs;
    this.#fastestUs = this.#fastest.observe(transitUs, arrivalUs);
    const excessUs = transitUs - this.#fastestUs;
    if (excessUs >= this.#maxDelayUs) this.#isCongested = true;
    else if (excessUs < this.#maxDelayUs / 2) this.#isCongested = false;
    if (Number.isNaN(this.#offsetUs)) this.#start(mediaUs, arrivalUs);
    else if (transitUs - this.#transitUs > SHORTEST_STALL_US) {
      this.#stalls.observe(this.#arrivalUs, transitUs - this.#transitUs);
    }
    this.#levels.observe(excessUs, arrivalUs);
    if (mediaUs > this.#newestUs) {
      this.#learnDuration(mediaUs - this.#newestUs, sequence - this.#newestSequence);
      this.#newestUs = mediaUs;
      this.#newestSequence = sequence;
    }
    this.#transitUs = transitUs;
    this.#arrivalUs = arrivalUs;
    this.#move(arrivalUs);
    this.#followStep(mediaUs, transitUs);
  }

  /** Let time pass to `nowUs`; returns the offset, `NaN` before the first frame. */
  advance(nowUs: number): number {
    // Not twice for one moment.
    if (nowUs > this.#movedUs) this.#move(nowUs);
    return this.#offsetUs;
  }

  /** Go on from this offset: somebody else has decided until now. */
  moveTo(offsetUs: number): void {
    if (Number.isNaN(this.#offsetUs)) return;
    this.#offsetUs = offsetUs;
    this.#playedUs = this.#movedUs - offsetUs;
    this.#creditUs = 0;
  }

  /** Play at once what arrives from now on: the offset falls to the delay of the newest frame. */
  skipToLive(): void {
    if (!(this.#transitUs < this.#offsetUs)) return;
    this.#jump(this.#transitUs);
    // What was skipped has earned nothing.
    this.#playedUs = this.#newestUs;
    this.#creditUs = 0;
  }

  /** Begin anew with the next frame, as for a new stream. */
  restart(): void {
    this.#levels.clear();
    this.#stalls.clear();
    this.#fastest.clear();
    this.#offsetUs = NaN;
    this.#movedUs = Infinity;
    this.#newestUs = this.#playedUs = -Infinity;
    this.#creditUs = CREDIT_LIMIT_US;
    this.#lateSinceUs = NaN;
    this.#isCongested = false;
  }

  #start(mediaUs: number, arrivalUs: number): void {
    const delayUs = this.#targetUs ?? FIRST_DELAY_US;
    this.#offsetUs = arrivalUs - mediaUs + Math.min(this.#maxDelayUs, Math.max(this.#minDelayUs, delayUs));
    this.#playedUs = arrivalUs - this.#offsetUs;
  }

  #learnDuration(stepUs: number, frames: number): void {
    if (stepUs === Infinity || frames < 1) return;
    const durationUs = stepUs / frames;
    if (this.#durationUs === 0) this.#durationUs = durationUs;
    // A pause of the sender is no frame that lasts.
    else this.#durationUs += (Math.min(durationUs, 2 * this.#durationUs) - this.#durationUs) / 32;
  }

  /** Move the offset towards what is wanted, as far as time scaling goes. */
  #move(nowUs: number): void {
    this.#movedUs = nowUs;
    const offsetUs = this.#offsetUs;
    const playedUs = nowUs - offsetUs;
    if (playedUs > this.#playedUs) {
      const earnedUs = this.#creditUs + SCALING_LIMIT * (playedUs - this.#playedUs);
      this.#creditUs = earnedUs > CREDIT_LIMIT_US ? CREDIT_LIMIT_US : earnedUs;
      this.#playedUs = playedUs;
    }
    const delayUs = offsetUs - this.#fastestUs;
    const aboveUs = delayUs - this.#wantedUs(delayUs, nowUs);
    if (aboveUs < 0) this.#rise(-aboveUs);
    else if (aboveUs > 0) {
      if (aboveUs - this.#creditUs > this.#skipAboveUs) this.#jump(offsetUs - aboveUs + this.#skipAboveUs);
      else this.#scale(-Math.min(aboveUs, this.#creditUs));
    }
  }

  /** The delay wanted at `nowUs`, `delayUs` being what it is. */
  #wantedUs(delayUs: number, nowUs: number): number {
    if (this.#targetUs !== undefined) return this.#within(this.#targetUs);
    const ageUs = nowUs - this.expectedUs - this.#fastestUs;
    const isOutlasting = ageUs > delayUs ||
      (ageUs > NEGLIGIBLE_US && this.#levels.likelihood(ageUs, delayUs) > RISE_LIKELIHOOD);
    if (isOutlasting) return this.#within(Math.max(delayUs, ageUs) + RISE_US);
    const preparedUs = this.#preparedUs(delayUs, nowUs);
    if (preparedUs >= delayUs) return this.#within(preparedUs);
    const worthUs = this.#within(Math.max(preparedUs, this.#levels.worthUs(delayUs, nowUs)));
    // A little too much is kept: moving back and forth is heard, too.
    return delayUs <= this.#maxDelayUs && delayUs - worthUs <= delayUs * KEPT_SHARE
      ? Math.max(delayUs, worthUs)
      : worthUs;
  }

  /** The delay that a foretold stall asks for by now; 0 when there is time left or none is foretold. */
  #preparedUs(delayUs: number, nowUs: number): number {
    const stalls = this.#stalls;
    if (stalls.nextUs === Infinity) return 0;
    stalls.advance(nowUs);
    const wantedUs = Math.min(
      stalls.nextLengthUs + CREDIT_LIMIT_US,
      this.#skipAboveUs * PREPARED_SHARE * stalls.confidence,
    );
    // While the offset rises by time scaling, a quarter of what is played, media goes at four fifths of its pace.
    const risingUs = Math.max(0, wantedUs - delayUs - CREDIT_LIMIT_US) * (1 + 1 / SCALING_LIMIT);
    if (nowUs > stalls.nextUs - stalls.toleranceUs / 2 - risingUs) this.#preparingForUs = stalls.nextUs;
    return this.#preparingForUs === stalls.nextUs ? wantedUs : 0;
  }

  /**
   * Frames that come late one after another by the same time: the path has become longer. A jump costs its length as impaired
   * media, and so does being late for as long: whoever then jumps pays at most twice what hindsight would (ski rental).
   */
  #followStep(mediaUs: number, transitUs: number): void {
    const lateUs = transitUs - this.#offsetUs;
    if (!(lateUs > 0) || this.#targetUs !== undefined) {
      this.#lateSinceUs = NaN;
      return;
    }
    if (Number.isNaN(this.#lateSinceUs)) {
      this.#lateSinceUs = mediaUs;
      this.#lateTransitUs = transitUs;
      return;
    }
    const sinceUs = mediaUs - this.#lateSinceUs;
    // A queue that drains or grows is no path of another length, and ends by itself.
    const isSteady = Math.abs(transitUs - this.#lateTransitUs) <= NEGLIGIBLE_US;
    if (!isSteady || sinceUs < lateUs || sinceUs < this.#durationUs) return;
    this.#lateSinceUs = NaN;
    const offsetUs = transitUs + NEGLIGIBLE_US;
    if (offsetUs - this.#fastestUs <= this.#maxDelayUs) this.#jump(offsetUs);
  }

  /** Rise in steps worth waking for: smaller ones would follow each other ever faster while nothing is left to play. */
  #rise(byUs: number): void {
    if (byUs <= this.#creditUs) this.#scale(byUs);
    else if (this.#creditUs >= LEAST_RISE_US) this.#scale(this.#creditUs);
  }

  #within(delayUs: number): number {
    return Math.min(this.#maxDelayUs, Math.max(this.#minDelayUs, delayUs));
  }

  #scale(byUs: number): void {
    this.#offsetUs += byUs;
    const absoluteUs = Math.abs(byUs);
    this.#creditUs -= absoluteUs;
    this.#scaledUs += absoluteUs;
  }

  #jump(toUs: number): void {
    this.#jumpedUs += Math.abs(toUs - this.#offsetUs);
    this.#offsetUs = toUs;
  }
}

/** Time scaling that is not heard: a quarter of the media's pace, of which 20 ms may be saved up (one WSOLA operation). */
const SCALING_LIMIT = 0.25;
const CREDIT_LIMIT_US = 20_000;
/** Giving a level up costs the late media it may cause, and a quarter more for scaling down and up again. */
const REBUY_PRICE = 1.25;
/** The fastest path is looked for in this window; within it, a clock that is 100 ppm off drifts by less than a millisecond. */
const FASTEST_WINDOW_US = 8_000_000;
/** Delay of the first frame above its own. */
const FIRST_DELAY_US = 40_000;
/** Times that differ by less are the same, but for the granularity of timers. */
const NEGLIGIBLE_US = 5_000;
/** The offset rises when a stall outlasts the delay with this likelihood. */
const RISE_LIKELIHOOD = 0.95;
const LEAST_RISE_US = 1_000;
/** How far ahead a rise aims; more than one decision reaches. */
const RISE_US = 60_000;
/**
 * A rise by time scaling and the fall after it hold a triangle of delay: it is worth the late media it saves up to about this share
 * of {@link PlayoutDelay.#skipAboveUs}.
 */
const PREPARED_SHARE = 0.6;
/** Share of the delay by which it may be above what is worth holding. */
const KEPT_SHARE = 0.25;
/** Arrivals further apart than the media by this are a stall. */
const SHORTEST_STALL_US = 30_000;

function notNegative(value: number, name: string): number {
  if (!(value >= 0 && value < Infinity)) throw new RangeError(`${name} is ${value}, not a number of at least 0`);
  return value;
}
