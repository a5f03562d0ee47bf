/**
 * The peer's clock, readable at any time: what {@link ClockFilter} estimates, made into a clock that never runs backwards.
 * Until it is synchronized it steps to each new estimate; then it is slewed towards it. Steps are counted after that: a clock was
 * set or slept, or the time shown turned out so wrong that slewing would take too long. Pure: local time is an argument. Source: docs/protocol.md, "Time".
 *
 * @module
 */

import { ClockFilter, type ClockState, type ProbeOutcome } from "./clock_filter.ts";
import type { TimeStamps } from "./time_sync.ts";

/** A clock that shows the peer's time. Local times are microseconds of the clock that stamped `t1` and `t4` of the probes. */
export class SynchronizedClock {
  readonly #filter = new ClockFilter();
  readonly #now: () => number;
  // The offset shown at #anchorUs, how fast it grows from there, and the correction that is added within #slewUs of time.
  #anchorUs = 0;
  #offsetUs = 0;
  #rate = 0;
  #slewRate = 0;
  #slewUs = 0;
  #steps = 0;
  #wallUs: number | undefined;

  /** `nowUs` reads the local monotonic clock. */
  constructor(nowUs: () => number) {
    this.#now = nowUs;
  }

  /** The peer's time now, in microseconds on its monotonic clock; local time while unsynchronized. */
  nowUs(): number {
    return this.toRemoteUs(this.#now());
  }

  /** The peer's time at local time `localUs`. Increases with it, and with calls, unless {@link SynchronizedClock.steps} does. */
  toRemoteUs(localUs: number): number {
    const elapsedUs = localUs - this.#anchorUs;
    const slewedUs = elapsedUs < 0 ? 0 : elapsedUs < this.#slewUs ? elapsedUs : this.#slewUs;
    return localUs + this.#offsetUs + elapsedUs * this.#rate + slewedUs * this.#slewRate;
  }

  /** Local time when the peer's clock shows `remoteUs`: the inverse of {@link SynchronizedClock.toRemoteUs}. */
  toLocalUs(remoteUs: number): number {
    const elapsedUs = remoteUs - this.#anchorUs - this.#offsetUs;
    if (elapsedUs <= 0) return this.#anchorUs + elapsedUs / (1 + this.#rate);
    const slewedUs = elapsedUs / (1 + this.#rate + this.#slewRate);
    if (slewedUs <= this.#slewUs) return this.#anchorUs + slewedUs;
    return this.#anchorUs + (elapsedUs - this.#slewUs * this.#slewRate) / (1 + this.#rate);
  }

  /** Remote minus local time as shown now, in microseconds. */
  get offsetUs(): number {
    const nowUs = this.#now();
    return this.toRemoteUs(nowUs) - nowUs;
  }

  /** How fast the peer's clock gains on the local one, in parts per million, without what slewing adds. */
  get driftPpm(): number {
    return this.#filter.driftPpm;
  }

  /** Fastest of the last 8 round trips of probes, in microseconds; 0 while unsynchronized. */
  get roundTripTimeUs(): number {
    return this.#filter.roundTripTimeUs;
  }

  /** How much {@link SynchronizedClock.errorBoundUs} grew since the last probe, in microseconds. */
  get dispersionUs(): number {
    return this.#filter.dispersionUs(this.#now());
  }

  /**
   * The time shown is wrong by no more than this many microseconds, whatever the network does and however asymmetric it is,
   * given that neither clock's drift wanders by more than 0.5 ppm beyond what its past makes likely. Infinity while unsynchronized.
   */
  get errorBoundUs(): number {
    const nowUs = this.#now();
    return this.#filter.errorBoundUs(nowUs) + this.#laggingUs(nowUs);
  }

  /** One standard deviation of the time shown, in microseconds, when the fastest ways there and back take equally long. */
  get uncertaintyUs(): number {
    const nowUs = this.#now();
    return Math.hypot(this.#filter.uncertaintyUs(nowUs), this.#laggingUs(nowUs));
  }

  /** How far the peer's clock is known. */
  get state(): ClockState {
    return this.#filter.state(this.#now());
  }

  /**
   * How often the time shown jumped after it had been synchronized: a clock was set, a computer slept, or the first probes had all met
   * a standing queue in one direction, which the later ones brought to light.
   */
  get steps(): number {
    return this.#steps;
  }

  /** Probes that were taken in since the clock began or stepped. */
  get probes(): number {
    return this.#filter.probes;
  }

  /** Probes whose stamps were impossible or contradicted all others. */
  get ignored(): number {
    return this.#filter.ignored;
  }

  /** Take in a probe that came back, at local time `t4` or soon after. */
  insert(stamps: TimeStamps): ProbeOutcome {
    const nowUs = Math.max(this.#now(), stamps.t4);
    const wasSynchronized = this.#isSynchronized(nowUs);
    const outcome = this.#filter.insert(stamps);
    if (outcome !== "ignored") this.#follow(nowUs, wasSynchronized, outcome === "stepped");
    return outcome;
  }

  /**
   * Something else left the peer at or after `departureUs` and arrived at or before `arrivalUs`, the fastest of some: it narrows the
   * estimate down between probes.
   */
  insertTransit(departureUs: number, arrivalUs: number): void {
    const nowUs = Math.max(this.#now(), arrivalUs);
    const wasSynchronized = this.#isSynchronized(nowUs);
    if (this.#filter.insertTransit(departureUs, arrivalUs)) this.#follow(nowUs, wasSynchronized, false);
  }

  /**
   * Compare the local monotonic clock with the wall clock `wallUs` at the same moment; call it about once a second. True when
   * they moved apart by more than 200 ms since the last call: the computer slept, or its wall clock was set, so that probes are
   * due at once. Clocks of sleeping computers stand still or do not; the probes tell.
   */
  checkWallClock(wallUs: number): boolean {
    const differenceUs = wallUs - this.#now();
    const previousUs = this.#wallUs ?? differenceUs;
    this.#wallUs = differenceUs;
    return Math.abs(differenceUs - previousUs) > WALL_STEP_US;
  }

  /** Show what the filter has learnt at `nowUs`. */
  #follow(nowUs: number, wasSynchronized: boolean, isStep: boolean): void {
    const shownUs = this.toRemoteUs(nowUs) - nowUs;
    const offsetUs = this.#filter.offsetUs(nowUs);
    const farUs = Math.max(STEP_US, STEP_SIGMAS * this.#filter.uncertaintyUs(nowUs));
    const steps = isStep || !wasSynchronized || Math.abs(offsetUs - shownUs) > farUs;
    if (steps && wasSynchronized) this.#steps++;
    this.#anchorUs = nowUs;
    this.#rate = this.#filter.driftPpm / 1e6;
    if (steps) {
      this.#offsetUs = offsetUs;
      this.#slewUs = 0;
    } else {
      const correctionUs = offsetUs - shownUs;
      this.#offsetUs = shownUs;
      this.#slewUs = Math.max(SLEW_US, Math.abs(correctionUs) / MAX_SLEW);
      this.#slewRate = correctionUs / this.#slewUs;
    }
  }

  /** How far the time shown still is from the estimate. */
  #laggingUs(nowUs: number): number {
    return Math.abs((this.#slewUs - Math.min(this.#slewUs, Math.max(0, nowUs - this.#anchorUs))) * this.#slewRate);
  }

  #isSynchronized(nowUs: number): boolean {
    const state = this.#filter.state(nowUs);
    return state === "synchronized" || state === "holdover";
  }
}

/** Fastest slewing: what adjtime(3) and NTP use, 500 ppm (RFC 5905 §12). */
const MAX_SLEW = 500e-6;

/**
 * What is further off than this, in microseconds and in standard deviations of the estimate, is no noise, and would be shown wrong for
 * more than ten seconds of slewing.
 */
const STEP_US = 5_000;
const STEP_SIGMAS = 5;

/** A correction is spread over at least this time, in microseconds: that of a few probes, so that noise is not followed. */
const SLEW_US = 1_000_000;

/** Wall clocks are slewed by NTP; a difference that grows faster than this many microseconds per second is a step. */
const WALL_STEP_US = 200_000;
