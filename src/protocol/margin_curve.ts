/**
 * How far the remote clock is ahead, as a curve of local time that keeps the largest margin from the transits of both
 * directions. The margin is what no observation can split between the directions: half of the fastest round trip.
 *
 * With a line and nothing but the outermost transits this is the maximum-margin line between two convex hulls (Moon, Skelly,
 * Towsley 1999; Geng et al., "Huygens", NSDI 2018). Here the curve may bend as oscillators do, and every slot of
 * {@link LowerEnvelope} counts by the likelihood of its excess above the curve, one-sided and with a heavy tail: a slot
 * that met a standing queue pulls little, one below the curve pushes hard. A curve that is asked for the drift also counts the
 * slots' levels, by Student's t about a height of their own per direction: where a path has no sharp fastest transit they show
 * the drift sooner, but what queues do to them would pull the offset. The most likely curve is found by Newton's method from
 * the previous one.
 *
 * @module
 */

import type { LowerEnvelope } from "./lower_envelope.ts";
import { NewtonSystem } from "./newton_system.ts";

/** Offset, drift and margin between two clocks, at one moment that {@link MarginCurve.advance} moves. */
export class MarginCurve {
  readonly #countsLevels: boolean;
  /** Offset in µs, drift in ppm, its change in ppm/s and ppm/s², margin and, with levels, their heights in µs. */
  readonly #value: Float64Array;
  readonly #candidate: Float64Array;
  readonly #system: NewtonSystem;
  #originS = 0;
  #offsetSigmaUs = 0;
  #driftSigmaPpm: number = DRIFT_SIGMA_PPM;

  /** `countsLevels`: whether the levels of the slots count beside their fastest transits. */
  constructor(countsLevels: boolean) {
    const size = countsLevels ? PRECISION.length : LEVEL_THERE;
    this.#countsLevels = countsLevels;
    this.#value = new Float64Array(size);
    this.#candidate = new Float64Array(size);
    this.#system = new NewtonSystem(size);
  }

  /** Remote minus local time at the moment, in microseconds above the reference of the transits. */
  get offsetUs(): number {
    return this.#value[0]!;
  }

  /** How fast the offset grows, in parts per million. */
  get driftPpm(): number {
    return this.#value[1]!;
  }

  /** Distance to the transits of each direction, in microseconds above their reference. */
  get marginUs(): number {
    return this.#value[MARGIN]!;
  }

  /** Standard deviation of {@link MarginCurve.offsetUs}, in microseconds. */
  get offsetSigmaUs(): number {
    return this.#offsetSigmaUs;
  }

  /** Standard deviation of {@link MarginCurve.driftPpm}. */
  get driftSigmaPpm(): number {
    return this.#driftSigmaPpm;
  }

  /** Start again at `originS`, with a margin of `marginUs` and no drift known. */
  reset(originS: number, marginUs: number): void {
    this.#value.fill(0);
    this.#value.fill(marginUs, MARGIN);
    this.#originS = originS;
    this.#driftSigmaPpm = DRIFT_SIGMA_PPM;
  }

  /** Move the moment that is spoken of to `originS`. */
  advance(originS: number): void {
    const drift = this.#value[1]!;
    const bend = this.#value[2]!;
    const jerk = this.#value[3]!;
    const t = originS - this.#originS;
    this.#originS = originS;
    if (t > MAX_BENT_S) {
      // The bend says nothing about a time so long after the last probe.
      this.#value[0]! += drift * t;
      this.#value[2] = this.#value[3] = 0;
      return;
    }
    this.#value[0]! += t * (drift + t * (bend / 2 + t * jerk / 6));
    this.#value[1]! += t * (bend + t * jerk / 2);
    this.#value[2]! += t * jerk;
  }

  /** How far the fastest transit of slot `index` of an envelope is above the curve, in microseconds. */
  excessUs(envelope: LowerEnvelope, index: number): number {
    return excess(this.#value, this.#originS, envelope, index);
  }

  /** How far the level of slot `index` is above its usual height, in microseconds; NaN where there is none. Needs levels. */
  levelResidualUs(envelope: LowerEnvelope, index: number): number {
    return levelResidual(this.#value, this.#originS, envelope, index);
  }

  /**
   * Distance from the curve's offset to the nearest transit of an envelope, in microseconds above their reference, each as far
   * out as the clocks may have parted from the curve since: `sigmas` standard deviations of its course and of what a cubic leaves of
   * a clock's, and `wanderPpm`.
   * Speaks of the last {@link MarginCurve.fit}.
   */
  distanceUs(envelope: LowerEnvelope, sigmas: number, wanderPpm: number): number {
    const { terms } = this.#system;
    terms.fill(0);
    let nearestUs = Infinity;
    for (let k = 0; k < envelope.count; k++) {
      const t = envelope.timesS[k]! - this.#originS;
      // How far the curve moved between then and its origin, which the offset at the origin has no part in.
      setCourse(terms, 1, t);
      terms[0] = 0;
      const partedUs = sigmas * (Math.sqrt(this.#system.varianceOf()) + BEND_ERROR * t * t) -
        wanderPpm * Math.min(0, t);
      nearestUs = Math.min(nearestUs, this.excessUs(envelope, k) + partedUs);
    }
    return nearestUs + this.marginUs;
  }

  /** Adapt to the envelopes. Takes bounded time: at most {@link MAX_STEPS} passes over all slots. */
  fit(there: LowerEnvelope, back: LowerEnvelope): void {
    for (let step = 0; step < MAX_STEPS && this.#step(there, back); step++);
    this.#offsetSigmaUs = this.#sigma(0);
    this.#driftSigmaPpm = this.#sigma(1);
  }

  #sigma(index: number): number {
    this.#system.terms.fill(0);
    this.#system.terms[index] = 1;
    return Math.sqrt(this.#system.varianceOf());
  }

  /** One Newton step with backtracking; false when there is nothing left to gain. */
  #step(there: LowerEnvelope, back: LowerEnvelope): boolean {
    const value = this.#value;
    const candidate = this.#candidate;
    const system = this.#system;
    system.reset(PRECISION, value);
    this.#addTransits(there);
    this.#addTransits(back);
    if (this.#countsLevels) {
      this.#addLevels(there);
      this.#addLevels(back);
    }
    const decrement = system.solve();
    if (decrement < CONVERGED) return false;
    const before = this.#cost(value, there, back);
    for (let scale = 1; scale > MIN_STEP_SCALE; scale /= 2) {
      for (let i = 0; i < value.length; i++) candidate[i] = value[i]! + scale * system.direction[i]!;
      if (this.#cost(candidate, there, back) <= before - ARMIJO * scale * decrement) {
        value.set(candidate);
        return true;
      }
    }
    return false;
  }

  #addTransits(envelope: LowerEnvelope): void {
    const system = this.#system;
    system.terms.fill(0);
    system.terms[MARGIN] = -1;
    for (let k = 0; k < envelope.count; k++) {
      const t = envelope.timesS[k]! - this.#originS;
      const e = excess(this.#value, this.#originS, envelope, k);
      const softUs = softness(t);
      const room = Math.max(e, 0);
      let slope = TAIL / (envelope.scaleUs + room) - EDGE / (room + softUs);
      let curvature = EDGE / ((room + softUs) * (room + softUs));
      if (e < 0) {
        slope += e / (softUs * softUs);
        curvature += 1 / (softUs * softUs);
      }
      setCourse(system.terms, -envelope.sign, t);
      system.add(slope, curvature);
    }
  }

  #addLevels(envelope: LowerEnvelope): void {
    const system = this.#system;
    const scaleUs = envelope.levelScaleUs;
    system.terms.fill(0);
    system.terms[heightOf(envelope)] = -1;
    for (let k = 0; k < envelope.count; k++) {
      const e = levelResidual(this.#value, this.#originS, envelope, k);
      if (Number.isNaN(e)) continue;
      // The curvature of the parabola above Student's t, not its own, which may be negative.
      const weight = LEVEL_WEIGHT * (FREEDOM + 1) / (FREEDOM * scaleUs * scaleUs + e * e);
      setCourse(system.terms, -envelope.sign, envelope.levelTimesS[k]! - this.#originS);
      system.add(weight * e, weight);
    }
  }

  /** Negative logarithm of how likely `value` is. */
  #cost(value: Float64Array, there: LowerEnvelope, back: LowerEnvelope): number {
    let cost = 0;
    for (let i = 0; i < value.length; i++) cost += PRECISION[i]! * value[i]! * value[i]! / 2;
    cost += costOfTransits(value, this.#originS, there) + costOfTransits(value, this.#originS, back);
    if (!this.#countsLevels) return cost;
    return cost + costOfLevels(value, this.#originS, there) + costOfLevels(value, this.#originS, back);
  }
}

function costOfTransits(value: Float64Array, originS: number, envelope: LowerEnvelope): number {
  const { scaleUs } = envelope;
  let cost = 0;
  for (let k = 0; k < envelope.count; k++) {
    const e = excess(value, originS, envelope, k);
    const softUs = softness(envelope.timesS[k]! - originS);
    cost += e > 0
      ? TAIL * Math.log(scaleUs + e) - EDGE * Math.log(e + softUs)
      : TAIL * (Math.log(scaleUs) + e / scaleUs) - EDGE * (Math.log(softUs) + e / softUs) +
        e * e / (2 * softUs * softUs);
  }
  return cost;
}

function costOfLevels(value: Float64Array, originS: number, envelope: LowerEnvelope): number {
  const scaleUs = envelope.levelScaleUs;
  let cost = 0;
  for (let k = 0; k < envelope.count; k++) {
    const e = levelResidual(value, originS, envelope, k);
    if (!Number.isNaN(e)) cost += Math.log(1 + e * e / (FREEDOM * scaleUs * scaleUs));
  }
  return LEVEL_WEIGHT * (FREEDOM + 1) / 2 * cost;
}

function excess(value: Float64Array, originS: number, envelope: LowerEnvelope, index: number): number {
  const offsetUs = offsetAt(value, envelope.timesS[index]! - originS);
  return envelope.transitsUs[index]! - envelope.sign * offsetUs - value[MARGIN]!;
}

function levelResidual(value: Float64Array, originS: number, envelope: LowerEnvelope, index: number): number {
  const offsetUs = offsetAt(value, envelope.levelTimesS[index]! - originS);
  return envelope.levelsUs[index]! - envelope.sign * offsetUs - value[heightOf(envelope)]!;
}

function offsetAt(value: Float64Array, t: number): number {
  return value[0]! + t * (value[1]! + t * (value[2]! / 2 + t * value[3]! / 6));
}

/** The derivatives of `sign` times the offset at `t` by offset, drift, bend and jerk. */
function setCourse(terms: Float64Array, sign: number, t: number): void {
  terms[0] = sign;
  terms[1] = sign * t;
  terms[2] = sign * t * t / 2;
  terms[3] = sign * t * t * t / 6;
}

function heightOf(envelope: LowerEnvelope): number {
  return envelope.sign > 0 ? LEVEL_THERE : LEVEL_BACK;
}

/** Standard deviation, in microseconds, by which a transit may be below a curve that is `t` seconds from its origin there. */
function softness(t: number): number {
  return RESOLUTION_US + BEND_ERROR * t * t;
}

/** Where the margin and the heights of the levels stand, after offset, drift, bend and jerk. */
const MARGIN = 4;
const LEVEL_THERE = 5;
const LEVEL_BACK = 6;

/** Two crystals of ±50 ppm or so: standard deviation of the drift before anything is known. */
const DRIFT_SIGMA_PPM = 60;

/** How fast warmth pulls a crystal: parts per million per second. */
const BEND_SIGMA = 0.02;

/** How fast that changes: ppm/s². */
const JERK_SIGMA = 0.0003;

/** Inverse variances before anything is known; those of offset, margin and heights only keep the Hessian regular. */
const PRECISION = Float64Array.of(1e-9, DRIFT_SIGMA_PPM ** -2, BEND_SIGMA ** -2, JERK_SIGMA ** -2, 1e-9, 1e-9, 1e-9);

/** The edge of the likelihood of an excess e: it grows as e^EDGE, which keeps the curve off the outermost transits. */
const EDGE = 0.1;

/** The tail of it: (scale + e)^−TAIL, far heavier than any queue's, because what queues do is no likelihood. */
const TAIL = 0.6;

/** Degrees of freedom of the levels' Student's t: few, as a slot in a standing queue says nothing of the clocks. */
const FREEDOM = 2;

/** What a level counts: neighbours meet the same queues, so that four say as much as one that stands alone. */
const LEVEL_WEIGHT = 0.25;

/** Granularity of the stamps, in microseconds. */
const RESOLUTION_US = 5;

/** What a cubic leaves of a clock's course, in µs per s²: 29 µs after two minutes. */
const BEND_ERROR = 0.002;

/** Longest time, in seconds, over which the bend is extrapolated. */
const MAX_BENT_S = 5;

/** Newton steps per fit. From the previous curve two or three are enough. */
const MAX_STEPS = 8;

/** Squared Newton decrement that counts as converged. */
const CONVERGED = 1e-3;

/** Backtracking: part of the predicted gain that must be had, and the smallest step tried. */
const ARMIJO = 0.1;
const MIN_STEP_SCALE = 1e-4;
