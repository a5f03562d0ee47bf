/**
 * How far the remote clock is ahead, as a curve of local time that keeps the largest margin from the transits of both
 * directions. The margin is what no observation can split between the directions: half of the fastest round trip.
 *
 * With a line and nothing but the outermost transits this is the maximum-margin line between two convex hulls (Moon, Skelly,
 * Towsley 1999; Geng et al., "Huygens", NSDI 2018). Here the curve may bend as oscillators do, and every slot of
 * {@link LowerEnvelope} counts by the likelihood of its excess above the curve, one-sided and with a heavy tail: a slot
 * that met a standing queue pulls little, one below the curve pushes hard. The most likely curve is found by Newton's method
 * from the previous one.
 *
 * @module
 */

import type { LowerEnvelope } from "./lower_envelope.ts";

/** Offset, drift and margin between two clocks, at one moment that {@link MarginCurve.advance} moves. */
export class MarginCurve {
  /** Offset in µs, drift in ppm, its change in ppm/s and ppm/s², and the margin in µs. */
  readonly #value = new Float64Array(SIZE);
  #originS = 0;
  #offsetSigmaUs = 0;
  #driftSigmaPpm: number = DRIFT_SIGMA_PPM;

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
    return this.#value[4]!;
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
    this.#value[4] = marginUs;
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

  /** How far slot `index` of an envelope is above the curve, in microseconds. */
  excessUs(envelope: LowerEnvelope, index: number): number {
    return excess(this.#value, this.#originS, envelope, index);
  }

  /**
   * Distance from the curve's offset to the nearest transit of an envelope, in microseconds above their reference, each as far
   * out as the clocks may have parted from the curve since: `sigmas` standard deviations of its course, and `wanderPpm`.
   * Speaks of the last {@link MarginCurve.fit} and must follow it directly.
   */
  distanceUs(envelope: LowerEnvelope, sigmas: number, wanderPpm: number): number {
    let nearestUs = Infinity;
    for (let k = 0; k < envelope.count; k++) {
      const t = envelope.timesS[k]! - this.#originS;
      const partedUs = sigmas * courseSigmaUs(t) - wanderPpm * Math.min(0, t);
      nearestUs = Math.min(nearestUs, this.excessUs(envelope, k) + partedUs);
    }
    return nearestUs + this.marginUs;
  }

  /** Adapt to the envelopes. Takes bounded time: at most {@link MAX_STEPS} passes over all slots. */
  fit(there: LowerEnvelope, back: LowerEnvelope): void {
    for (let step = 0; step < MAX_STEPS && this.#step(there, back); step++);
    // Of the last Hessian H = L·Lᵀ: the variances are the diagonal of its inverse.
    this.#offsetSigmaUs = Math.sqrt(inverseDiagonal(0));
    this.#driftSigmaPpm = Math.sqrt(inverseDiagonal(1));
  }

  /** One Newton step with backtracking; false when there is nothing left to gain. */
  #step(there: LowerEnvelope, back: LowerEnvelope): boolean {
    const value = this.#value;
    for (let i = 0; i < SIZE; i++) {
      gradient[i] = PRIOR[i]! * value[i]!;
      for (let j = 0; j <= i; j++) hessian[i * SIZE + j] = i === j ? PRIOR[i]! : 0;
    }
    this.#accumulate(there);
    this.#accumulate(back);
    const decrement = solve();
    if (decrement < CONVERGED) return false;
    const before = this.#cost(value, there, back);
    for (let scale = 1; scale > MIN_STEP_SCALE; scale /= 2) {
      for (let i = 0; i < SIZE; i++) candidate[i] = value[i]! + scale * direction[i]!;
      if (this.#cost(candidate, there, back) <= before - ARMIJO * scale * decrement) {
        value.set(candidate);
        return true;
      }
    }
    return false;
  }

  #accumulate(envelope: LowerEnvelope): void {
    const sign = -envelope.sign;
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
      terms[0] = sign;
      terms[1] = sign * t;
      terms[2] = sign * t * t / 2;
      terms[3] = sign * t * t * t / 6;
      terms[4] = -1;
      for (let i = 0; i < SIZE; i++) {
        const term = terms[i]!;
        gradient[i]! += slope * term;
        for (let j = 0; j <= i; j++) hessian[i * SIZE + j]! += curvature * term * terms[j]!;
      }
    }
  }

  /** Negative logarithm of how likely `value` is. */
  #cost(value: Float64Array, there: LowerEnvelope, back: LowerEnvelope): number {
    let cost = 0;
    for (let i = 0; i < SIZE; i++) cost += PRIOR[i]! * value[i]! * value[i]! / 2;
    return cost + costOf(value, this.#originS, there) + costOf(value, this.#originS, back);
  }
}

function costOf(value: Float64Array, originS: number, envelope: LowerEnvelope): number {
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

function excess(value: Float64Array, originS: number, envelope: LowerEnvelope, index: number): number {
  const t = envelope.timesS[index]! - originS;
  const offsetUs = value[0]! + t * (value[1]! + t * (value[2]! / 2 + t * value[3]! / 6));
  return envelope.transitsUs[index]! - envelope.sign * offsetUs - value[4]!;
}

/** Standard deviation, in microseconds, by which a transit may be below a curve that is `t` seconds from its origin there. */
function softness(t: number): number {
  return RESOLUTION_US + BEND_ERROR * t * t;
}

/** Factor the Hessian and set `direction`, the Newton step; returns the squared Newton decrement. */
function solve(): number {
  let decrement = 0;
  for (let i = 0; i < SIZE; i++) {
    let rest = -gradient[i]!;
    for (let j = 0; j <= i; j++) {
      let sum = hessian[i * SIZE + j]!;
      for (let m = 0; m < j; m++) sum -= factor[i * SIZE + m]! * factor[j * SIZE + m]!;
      factor[i * SIZE + j] = i === j ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / factor[j * SIZE + j]!;
    }
    for (let m = 0; m < i; m++) rest -= factor[i * SIZE + m]! * forward[m]!;
    forward[i] = rest / factor[i * SIZE + i]!;
    decrement += forward[i]! * forward[i]!;
  }
  for (let i = SIZE - 1; i >= 0; i--) {
    let rest = forward[i]!;
    for (let m = i + 1; m < SIZE; m++) rest -= factor[m * SIZE + i]! * direction[m]!;
    direction[i] = rest / factor[i * SIZE + i]!;
  }
  return decrement;
}

/** Element `index` of the diagonal of the inverse Hessian: the squared length of L⁻¹·e. */
function inverseDiagonal(index: number): number {
  let sum = 0;
  for (let i = index; i < SIZE; i++) {
    let rest = i === index ? 1 : 0;
    for (let m = index; m < i; m++) rest -= factor[i * SIZE + m]! * forward[m]!;
    forward[i] = rest / factor[i * SIZE + i]!;
    sum += forward[i]! * forward[i]!;
  }
  return sum;
}

/** Standard deviation of how far the curve moved between `t` and its origin, in microseconds. */
function courseSigmaUs(t: number): number {
  terms[0] = 0;
  terms[1] = t;
  terms[2] = t * t / 2;
  terms[3] = t * t * t / 6;
  terms[4] = 0;
  let sum = 0;
  for (let i = 1; i < SIZE; i++) {
    let rest = terms[i]!;
    for (let m = 1; m < i; m++) rest -= factor[i * SIZE + m]! * forward[m]!;
    forward[i] = rest / factor[i * SIZE + i]!;
    sum += forward[i]! * forward[i]!;
  }
  return Math.sqrt(sum);
}

/** Offset, drift, bend, jerk, margin. */
const SIZE = 5;

/** Two crystals of ±50 ppm or so: standard deviation of the drift before anything is known. */
const DRIFT_SIGMA_PPM = 60;

/** How fast warmth pulls a crystal: parts per million per second. */
const BEND_SIGMA = 0.02;

/** How fast that changes: ppm/s². */
const JERK_SIGMA = 0.0003;

/** Inverse variances before anything is known; those of offset and margin only keep the Hessian regular. */
const PRIOR = Float64Array.of(1e-9, DRIFT_SIGMA_PPM ** -2, BEND_SIGMA ** -2, JERK_SIGMA ** -2, 1e-9);

/** The edge of the likelihood of an excess e: it grows as e^EDGE, which keeps the curve off the outermost transits. */
const EDGE = 0.1;

/** The tail of it: (scale + e)^−TAIL, far heavier than any queue's, because what queues do is no likelihood. */
const TAIL = 0.6;

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

// The algebra of one step at a time; fits never nest.
const gradient = new Float64Array(SIZE);
const hessian = new Float64Array(SIZE * SIZE);
const factor = new Float64Array(SIZE * SIZE);
const forward = new Float64Array(SIZE);
const direction = new Float64Array(SIZE);
const candidate = new Float64Array(SIZE);
const terms = new Float64Array(SIZE);
