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
import type { PlayoutMoment } from "./playout_moment.ts";
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
  #minDelayUs = 0;
  #maxDelayUs = 0;
  #durationUs = 0;
  #offsetUs = NaN;
  #fastestUs = NaN;
  #transitUs = NaN;
  #newestUs = -Infinity;
  #newestSequence = 0;
  #expectedUs = Infinity;
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
  #hasEnded = false;

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

  /** Media time of the frame after the newest one; `Infinity` as long as the duration of a frame is not known, and after the end. */
  get expectedUs(): number {
    return this.#expectedUs;
  }

  /** Change the target; see {@link PlayoutDelayOptions.targetMs}. @throws {RangeError} when it is negative or not finite. */
  setTarget(targetMs: number | "adaptive"): void {
    this.#targetUs = targetMs === "adaptive" ? undefined : 1000 * notNegative(targetMs, "targetMs");
  }

  /** Transit time of the fastest frame of the last seconds, in microseconds; `NaN` before the first. */
  get fastestUs(): number {
    return this.#fastestUs;
  }

  /** A frame arrived: `moment` has its sequence and media time. */
  observe(moment: PlayoutMoment): void {
    const { nowUs, mediaUs } = moment;
    const transitUs = nowUs - mediaUs;
    moment.transitUs = transitUs;
    this.#fastest.observe(moment);
    const fastestUs = this.#fastest.leastUs;
    const excessUs = transitUs - fastestUs;
    if (excessUs >= this.#maxDelayUs) this.#isCongested = true;
    else if (excessUs < this.#maxDelayUs / 2) this.#isCongested = false;
    if (Number.isNaN(this.#offsetUs)) this.#start(moment);
    this.#fastestUs = fastestUs;
    this.#transitUs = transitUs;
    moment.excessUs = excessUs;
    this.#stalls.observe(moment);
    this.#levels.observe(moment);
    if (mediaUs > this.#newestUs) this.#learnDuration(moment);
    this.#movedUs = nowUs;
    this.#move(moment);
    if (transitUs > this.#offsetUs && this.#targetUs === undefined) this.#followStep(moment);
    else this.#lateSinceUs = NaN;
  }

  /** Let time pass. */
  advance(moment: PlayoutMoment): void {
    // Not twice for one moment.
    if (!(moment.nowUs > this.#movedUs)) return;
    this.#movedUs = moment.nowUs;
    this.#move(moment);
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

  /** Nothing follows the frames that have arrived: silence is no stall any more. */
  end(): void {
    this.#hasEnded = true;
    this.#expectedUs = Infinity;
    this.#stalls.clear();
  }

  /** Begin anew with the next frame, as for a new stream. */
  restart(): void {
    this.#levels.clear();
    this.#stalls.clear();
    this.#fastest.clear();
    this.#offsetUs = this.#fastestUs = NaN;
    this.#movedUs = Infinity;
    this.#newestUs = this.#playedUs = -Infinity;
    this.#expectedUs = Infinity;
    this.#creditUs = CREDIT_LIMIT_US;
    this.#lateSinceUs = NaN;
    this.#isCongested = false;
  }

  #start({ nowUs, mediaUs }: PlayoutMoment): void {
    const delayUs = Math.min(this.#maxDelayUs, Math.max(this.#minDelayUs, this.#targetUs ?? FIRST_DELAY_US));
    this.#offsetUs = nowUs - mediaUs + delayUs;
    this.#playedUs = mediaUs - delayUs;
  }

  #learnDuration({ sequence, mediaUs }: PlayoutMoment): void {
    const stepUs = mediaUs - this.#newestUs;
    const frames = sequence - this.#newestSequence;
    this.#newestUs = mediaUs;
    this.#newestSequence = sequence;
    if (stepUs < Infinity && frames >= 1) {
      const durationUs = stepUs / frames;
      if (this.#durationUs === 0) this.#durationUs = durationUs;
      // A pause of the sender is no frame that lasts.
      else this.#durationUs += (Math.min(durationUs, 2 * this.#durationUs) - this.#durationUs) / 32;
    }
    if (this.#durationUs > 0 && !this.#hasEnded) this.#expectedUs = mediaUs + this.#durationUs;
  }

  /** Move the offset towards what is wanted, as far as time scaling goes. */
  #move(moment: PlayoutMoment): void {
    const offsetUs = this.#offsetUs;
    const playedUs = moment.nowUs - offsetUs;
    if (playedUs > this.#playedUs) {
      const earnedUs = this.#creditUs + SCALING_LIMIT * (playedUs - this.#playedUs);
      this.#creditUs = earnedUs > CREDIT_LIMIT_US ? CREDIT_LIMIT_US : earnedUs;
      this.#playedUs = playedUs;
    }
    moment.delayUs = offsetUs - this.#fastestUs;
    this.#decide(moment);
    const creditUs = this.#creditUs;
    let { wantedUs } = moment;
    if (wantedUs < this.#minDelayUs) wantedUs = this.#minDelayUs;
    else if (wantedUs > this.#maxDelayUs) wantedUs = this.#maxDelayUs;
    let byUs = wantedUs - moment.delayUs;
    if (-byUs - creditUs > this.#skipAboveUs) {
      this.#jump(offsetUs + byUs + this.#skipAboveUs);
      return;
    }
    // Rise in steps worth waking for: smaller ones would follow each other ever faster while nothing is left to play.
    if (byUs > creditUs) byUs = creditUs >= LEAST_RISE_US ? creditUs : 0;
    else if (byUs < -creditUs) byUs = -creditUs;
    const scaledUs = Math.abs(byUs);
    this.#offsetUs = offsetUs + byUs;
    this.#creditUs = creditUs - scaledUs;
    this.#scaledUs += scaledUs;
  }

  /** Find the delay that is wanted; {@link PlayoutDelay.#move} keeps it above the least and below the largest one. */
  #decide(moment: PlayoutMoment): void {
    if (this.#targetUs !== undefined) {
      moment.wantedUs = this.#targetUs;
      return;
    }
    const { delayUs } = moment;
    const ageUs = moment.nowUs - this.#expectedUs - this.#fastestUs;
    moment.ageUs = ageUs;
    const isOutlasting = ageUs > delayUs ||
      (ageUs > NEGLIGIBLE_US && this.#levels.isOutlasting(moment, RISE_LIKELIHOOD));
    if (isOutlasting) {
      moment.wantedUs = Math.max(delayUs, ageUs) + RISE_US;
      return;
    }
    moment.wantedUs = 0;
    if (this.#stalls.nextUs !== Infinity) this.#prepare(moment);
    if (!(moment.wantedUs < delayUs)) return;
    this.#levels.weigh(moment);
    const worthUs = Math.max(this.#minDelayUs, moment.wantedUs, moment.worthUs);
    // A little too much is kept: moving back and forth is heard, too.
    const isKept = delayUs <= this.#maxDelayUs && delayUs - worthUs <= delayUs * KEPT_SHARE;
    moment.wantedUs = isKept ? Math.max(delayUs, worthUs) : worthUs;
  }

  /** Want the delay that a foretold stall asks for, once there is no time left. */
  #prepare(moment: PlayoutMoment): void {
    const stalls = this.#stalls;
    stalls.advance(moment);
    const wantedUs = Math.min(
      stalls.nextLengthUs + CREDIT_LIMIT_US,
      this.#skipAboveUs * PREPARED_SHARE * stalls.confidence,
    );
    // While the offset rises by time scaling, a quarter of what is played, media goes at four fifths of its pace.
    const risingUs = Math.max(0, wantedUs - moment.delayUs - CREDIT_LIMIT_US) * (1 + 1 / SCALING_LIMIT);
    if (moment.nowUs > stalls.nextUs - stalls.toleranceUs / 2 - risingUs) this.#preparingForUs = stalls.nextUs;
    if (this.#preparingForUs === stalls.nextUs) moment.wantedUs = wantedUs;
  }

  /**
   * Frames that come late one after another by the same time: the path has become longer. A jump costs its length as impaired
   * media, and so does being late for as long: whoever then jumps pays at most twice what hindsight would (ski rental).
   */
  #followStep({ mediaUs, transitUs }: PlayoutMoment): void {
    const lateUs = transitUs - this.#offsetUs;
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

function notNegative(value: number, name: string): number {
  if (!(value >= 0 && value < Infinity)) throw new RangeError(`${name} is ${value}, not a number of at least 0`);
  return value;
}
