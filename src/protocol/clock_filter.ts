/**
 * What the probes of one peer tell about its clock: how far it is ahead, how fast it parts, how sure that is, and a bound that
 * holds whatever the network does. Pure: stamps go in, numbers come out. Source: docs/protocol.md, "Time".
 *
 * @module
 */

import { DriftBounds } from "./drift_bounds.ts";
import { LowerEnvelope, WINDOW_S } from "./lower_envelope.ts";
import { MarginCurve } from "./margin_curve.ts";
import { roundTripUs, type TimeStamps } from "./time_sync.ts";

/** How far a clock is known. */
export type ClockState =
  /** No probe has come back yet. */
  | "unsynchronized"
  /** Probes came back; the offset may still step. */
  | "converging"
  /** Known to a few milliseconds or better. */
  | "synchronized"
  /** Was synchronized; no probe has come back for {@link HOLDOVER_US}, and the clock runs on its last drift. */
  | "holdover";

/** What became of a probe. */
export type ProbeOutcome =
  /** It was taken in. */
  | "used"
  /** Its stamps are impossible, or contradict everything before it: not taken in. */
  | "ignored"
  /** It was the last of several that agree with each other and contradict the past: one of the clocks was set, all starts again. */
  | "stepped";

/** Estimates a remote clock from four-timestamp probes. Local times are microseconds on the clock that stamped `t1` and `t4`. */
export class ClockFilter {
  readonly #there = new LowerEnvelope(1);
  readonly #back = new LowerEnvelope(-1);
  readonly #curve = new MarginCurve(false);
  // Better at drift; fitted once per slot.
  readonly #course = new MarginCurve(true);
  readonly #drift = new DriftBounds();
  // References that keep the numbers of the curve small.
  #referenceUs = 0;
  #thereUs = 0;
  #backUs = 0;
  // When the curve was fitted last: its origin.
  #lastUs = 0;
  // When the last probe came back.
  #probedUs = 0;
  // The offset cannot be outside of these at #lastUs.
  #lowerUs = -Infinity;
  #upperUs = Infinity;
  #probes = 0;
  #contradictions = 0;
  #ignored = 0;
  #isSynchronized = false;
  readonly #roundTrips = new Float64Array(ROUND_TRIPS);

  /**
   * Take in a probe that came back. Stamps of departures must not be later, and those of arrivals not earlier, than what they
   * stamp; everything else may be as wrong as it likes. Answers may overtake each other.
   */
  insert(stamps: TimeStamps): ProbeOutcome {
    const { t1, t2, t3, t4 } = stamps;
    const delayUs = roundTripUs(stamps);
    if (!(delayUs >= 0) || !(t3 >= t2) || !(t4 >= t1)) return this.#ignore();
    if (this.#probes === 0) {
      this.#begin(stamps, delayUs);
      return "used";
    }
    if (t4 < this.#lastUs - MAX_OVERTAKING_US) return this.#ignore();
    const nowUs = Math.max(t4, this.#lastUs);
    const elapsedUs = nowUs - this.#lastUs;
    const spreadUs = this.#spreadPpm * (nowUs - t1) / 1e6 + RESOLUTION_US;
    const gapUs = Math.max(this.#lowestUs(elapsedUs) - (t2 - t1), t3 - t4 - this.#highestUs(elapsedUs)) - spreadUs;
    const remembersNothing = elapsedUs > WINDOW_S * 1e6;
    if (gapUs > 0 && !remembersNothing && ++this.#contradictions < CONTRADICTIONS) return this.#ignore();
    if (gapUs > 0 || remembersNothing) return this.#begin(stamps, delayUs, gapUs);
    this.#contradictions = 0;
    this.#lastUs = this.#probedUs = nowUs;
    this.#fit(stamps, elapsedUs / 1e6);
    this.#roundTrips[this.#probes++ % ROUND_TRIPS] = delayUs;
    this.#isSynchronized ||= this.#probes >= SYNCHRONIZED_PROBES && this.uncertaintyUs(nowUs) <= SYNCHRONIZED_US;
    return "used";
  }

  /**
   * Take in something else that left the peer at or after `departureUs` and arrived at or before `arrivalUs`: the fastest of some
   * that media brought. It narrows the way back down between probes, and is no substitute for them. False when it changed nothing.
   */
  insertTransit(departureUs: number, arrivalUs: number): boolean {
    const isOld = arrivalUs < this.#lastUs - MAX_OVERTAKING_US || arrivalUs > this.#probedUs + HOLDOVER_US;
    if (this.#probes === 0 || isOld) return false;
    const nowUs = Math.max(arrivalUs, this.#lastUs);
    const elapsedUs = nowUs - this.#lastUs;
    // It contradicts the probes, and who lies would do it here.
    if (!(departureUs - arrivalUs <= this.#highestUs(elapsedUs) + RESOLUTION_US)) return false;
    this.#lastUs = nowUs;
    this.#advance();
    const timeS = (arrivalUs - this.#referenceUs) / 1e6;
    const changed = this.#back.insert(timeS, arrivalUs - departureUs - this.#backUs, this.#curve.driftPpm, false);
    this.#update(changed, elapsedUs / 1e6);
    return changed !== 0;
  }

  /** How far the clock is known at local time `nowUs`. */
  state(nowUs: number): ClockState {
    if (this.#probes === 0) return "unsynchronized";
    if (!this.#isSynchronized) return "converging";
    return nowUs - this.#probedUs > HOLDOVER_US ? "holdover" : "synchronized";
  }

  /** Remote minus local time, in microseconds, at local time `localUs`; 0 while unsynchronized. */
  offsetUs(localUs: number): number {
    return this.#offsetUs + this.driftPpm * (localUs - this.#lastUs) / 1e6;
  }

  /** How fast the offset grows, in parts per million. */
  get driftPpm(): number {
    return this.#course.driftPpm;
  }

  /** The true offset is within this many microseconds, however asymmetric the path: Infinity while unsynchronized. */
  errorBoundUs(nowUs: number): number {
    const offsetUs = this.#offsetUs;
    return Math.max(this.#upperUs - offsetUs, offsetUs - this.#lowerUs) + this.dispersionUs(nowUs);
  }

  /** The part of the bound that grew since the last probe came back, in microseconds (RFC 5905 §5). */
  dispersionUs(nowUs: number): number {
    return this.#spreadPpm * Math.max(0, nowUs - this.#lastUs) / 1e6;
  }

  /** One standard deviation of the offset, in microseconds, if the fastest paths there and back are alike: no bound. */
  uncertaintyUs(nowUs: number): number {
    if (this.#probes === 0) return Infinity;
    const ageS = Math.max(0, nowUs - this.#lastUs) / 1e6;
    return Math.hypot(
      RESOLUTION_US,
      CORRELATION * this.#curve.offsetSigmaUs,
      ageS * Math.hypot(this.#curve.driftSigmaPpm, WANDER_PPM),
    );
  }

  /** Fastest of the last 8 round trips, without the time the peer held the probe, in microseconds; 0 while unsynchronized. */
  get roundTripTimeUs(): number {
    const count = Math.min(this.#probes, ROUND_TRIPS);
    let fastest = count === 0 ? 0 : this.#roundTrips[0]!;
    for (let i = 1; i < count; i++) fastest = Math.min(fastest, this.#roundTrips[i]!);
    return fastest;
  }

  /** Probes taken in since the clock began or stepped. */
  get probes(): number {
    return this.#probes;
  }

  /** Probes that were not taken in. */
  get ignored(): number {
    return this.#ignored;
  }

  /** The curve's offset, held inside the bound. */
  get #offsetUs(): number {
    return this.#probes === 0 ? 0 : Math.min(Math.max(this.#curveOffsetUs, this.#lowerUs), this.#upperUs);
  }

  get #halfUs(): number {
    return (this.#thereUs - this.#backUs) / 2;
  }

  get #curveOffsetUs(): number {
    return this.#halfUs + this.#curve.offsetUs;
  }

  /** How far the true drift may be from the one the offset runs on with, in ppm. */
  get #spreadPpm(): number {
    return Math.max(this.#drift.highestPpm - this.driftPpm, this.driftPpm - this.#drift.lowestPpm);
  }

  /** The bounds of the offset `elapsedUs` after the last change. */
  #lowestUs(elapsedUs: number): number {
    return this.#lowerUs + this.#drift.lowestPpm * elapsedUs / 1e6;
  }

  #highestUs(elapsedUs: number): number {
    return this.#upperUs + this.#drift.highestPpm * elapsedUs / 1e6;
  }

  /** Start from this probe alone; `gapUs` is how far it contradicts what was known. */
  #begin(stamps: TimeStamps, delayUs: number, gapUs = 0): ProbeOutcome {
    const { t1, t2, t3, t4 } = stamps;
    this.#referenceUs = t4;
    this.#thereUs = t2 - t1;
    this.#backUs = t4 - t3;
    this.#lastUs = this.#probedUs = t4;
    this.#contradictions = 0;
    this.#isSynchronized &&= gapUs <= STEP_US;
    this.#there.reset(delayUs * GUESSED_EXCESS);
    this.#back.reset(delayUs * GUESSED_EXCESS);
    this.#drift.set();
    this.#curve.reset(0, -delayUs * GUESSED_EXCESS);
    this.#course.reset(0, -delayUs * GUESSED_EXCESS);
    this.#fit(stamps, 0);
    this.#roundTrips[0] = delayUs;
    this.#probes = 1;
    return gapUs > STEP_US ? "stepped" : "used";
  }

  #fit({ t1, t2, t3, t4 }: TimeStamps, elapsedS: number): void {
    this.#advance();
    const { driftPpm } = this.#curve;
    const changed = Math.max(
      this.#there.insert((t1 - this.#referenceUs) / 1e6, t2 - t1 - this.#thereUs, driftPpm),
      this.#back.insert((t4 - this.#referenceUs) / 1e6, t4 - t3 - this.#backUs, driftPpm),
    );
    this.#update(changed, elapsedS);
  }

  #advance(): void {
    this.#curve.advance((this.#lastUs - this.#referenceUs) / 1e6);
    this.#course.advance((this.#lastUs - this.#referenceUs) / 1e6);
  }

  /** Adapt to what has changed in the envelopes, which is what their `insert` returned. */
  #update(changed: number, elapsedS: number): void {
    const curve = this.#curve;
    const course = this.#course;
    const there = this.#there;
    const back = this.#back;
    if (changed === 0) {
      this.#lowerUs = this.#lowestUs(elapsedS * 1e6);
      this.#upperUs = this.#highestUs(elapsedS * 1e6);
      return;
    }
    if (changed === 2 || there.count < YOUNG_SLOTS) {
      there.measure((index) => curve.excessUs(there, index));
      back.measure((index) => curve.excessUs(back, index));
      there.measureLevels((index) => course.levelResidualUs(there, index));
      back.measureLevels((index) => course.levelResidualUs(back, index));
      course.fit(there, back);
    }
    curve.fit(there, back);
    const drift = this.#drift;
    const slots = this.#probes < CURVE_PROBES ? 0 : Math.min(there.count, back.count);
    if (slots < CURVE_SLOTS) {
      const nowS = (this.#lastUs - this.#referenceUs) / 1e6;
      const spreadPpm = slots < HINT_SLOTS ? Infinity : HINT_SIGMAS * curve.driftSigmaPpm;
      drift.narrow(there, back, this.#thereUs + this.#backUs, curve.driftPpm, spreadPpm, WANDER_PPM);
      this.#upperUs = this.#thereUs + drift.leastUs(there, nowS) + RESOLUTION_US;
      this.#lowerUs = -this.#backUs - drift.leastUs(back, nowS) - RESOLUTION_US;
      return;
    }
    drift.set(curve.driftPpm, BOUND_SIGMAS * curve.driftSigmaPpm + WANDER_PPM);
    const offsetUs = curve.offsetUs;
    this.#upperUs = this.#thereUs + offsetUs + curve.distanceUs(there, BOUND_SIGMAS, WANDER_PPM) + RESOLUTION_US;
    this.#lowerUs = -this.#backUs + offsetUs - curve.distanceUs(back, BOUND_SIGMAS, WANDER_PPM) - RESOLUTION_US;
  }

  #ignore(): ProbeOutcome {
    this.#ignored++;
    return "ignored";
  }
}

/** Silence after which a synchronized clock counts as running on, in microseconds. */
export const HOLDOVER_US = 10_000_000;

/** Probes the burst at the start sends (NTP's `iburst`), and how sure they must make the offset before it stops stepping. */
const SYNCHRONIZED_PROBES = 8;
const SYNCHRONIZED_US = 2_000;

/** Probes in a row that must contradict the past before they are believed instead: one may be a liar. */
const CONTRADICTIONS = 3;

/** A contradiction by more than this is no change of drift: one of the clocks was set, or slept. */
const STEP_US = 5_000;

/** An answer this much older than the newest one says nothing new. */
const MAX_OVERTAKING_US = 2_000_000;

/** Round trips that {@link ClockFilter.roundTripTimeUs} looks back on: the stages of NTP's clock filter (RFC 5905 §10). */
const ROUND_TRIPS = 8;

/** Guess at the queueing in a round trip, as a part of it, before there is anything to compare with. */
const GUESSED_EXCESS = 0.05;

/**
 * Slots and probes from which on the curve tells what the bound is. With fewer another curve may be as likely, far from this one, and
 * the bound is what the transits leave possible. On paths of tests/support/clock_path.ts with sharp fastest transits, probed four times a
 * second, the drift was off by up to 35 of its standard deviations with four slots or fewer, by 16 with five; where two probes make a
 * slot, by 56.
 */
const CURVE_SLOTS = 10;
const CURVE_PROBES = 64;
/** Slots from which on the curve hints at the drift at least: it is within so many standard deviations. */
const HINT_SLOTS = 5;
const HINT_SIGMAS = 64;

/** While there are so few slots the scales are measured, and the course is fitted, at every change. */
const YOUNG_SLOTS = 20;

/** Granularity and rounding of the stamps, in microseconds. */
const RESOLUTION_US = 5;

/** Standard deviations of the curve that the bound allows for. */
const BOUND_SIGMAS = 2;

/** Neighbouring slots meet the same queues, which the curve's likelihood leaves out: how much wider errors are for it. */
const CORRELATION = 1.5;

/** How far the drift of a crystal wanders within the time until the next good probe, in ppm (RFC 5905's PHI is 15). */
const WANDER_PPM = 0.5;
