/**
 * Which probes are out and when the next one is due. Answers that answer none of them, twice, or with the wrong nonce are
 * ignored and counted. Pure: time and random numbers are arguments. Source: docs/protocol.md, "Time".
 *
 * @module
 */

import type { TimeAnswer, TimeProbe, TimeStamps } from "./time_sync.ts";

/** The schedule and bookkeeping of the probes one end sends. */
export class TimeProbes {
  /** True while timed streams flow: probes then leave 4 times a second, otherwise every 2 seconds. */
  active = false;
  /** True while they flow and the clock is not known well: probes then leave 10 times a second. */
  urgent = false;
  #sent = 0;
  #burst = 0;
  #nextUs: number;
  #ignored = 0;
  readonly #outstanding: Outstanding[] = [];

  /** The burst begins at `startUs`. */
  constructor(startUs: number) {
    this.#nextUs = startUs;
  }

  /** When the next probe is due, in local microseconds. */
  nextProbeUs(): number {
    return this.#nextUs;
  }

  /** Whether the burst is under way: probes of it are still to be sent. */
  get isBursting(): boolean {
    return this.#burst < BURST_PROBES;
  }

  /** Answers that belong to no probe. */
  get ignored(): number {
    return this.#ignored;
  }

  /** The probe to send at `nowUs`; `nonce` is 32 random bits. The oldest of more than 16 outstanding ones is given up. */
  send(nowUs: number, nonce: number): TimeProbe {
    const probe = { sequence: this.#sent++ >>> 0, nonce: nonce >>> 0, departureUs: nowUs };
    this.#outstanding.push(probe);
    if (this.#outstanding.length > MAX_OUTSTANDING) this.#outstanding.shift();
    this.#burst++;
    this.#nextUs = nowUs + this.#intervalUs;
    return probe;
  }

  /** The datagram of probe `sequence` left at `departureUs`, or never when that is 0. */
  onDeparture(sequence: number, departureUs: number): void {
    const index = this.#indexOf(sequence);
    if (index < 0) return;
    if (departureUs === 0) this.#outstanding.splice(index, 1);
    else this.#outstanding[index]!.departureUs = departureUs;
  }

  /** The stamps of the probe that `answer` answers, or `undefined` when there is none. */
  onAnswer(answer: TimeAnswer, arrivalUs: number): TimeStamps | undefined {
    const index = this.#indexOf(answer.sequence);
    const probe = this.#outstanding[index];
    if (probe === undefined || probe.nonce !== answer.nonce) {
      this.#ignored++;
      return undefined;
    }
    this.#outstanding.splice(index, 1);
    return { t1: probe.departureUs, t2: answer.t2, t3: answer.t3, t4: arrivalUs };
  }

  /** Timed streams begin or end to flow, and `urgent` tells that the clock is not known well. */
  setActive(active: boolean, nowUs: number, urgent = false): void {
    this.active = active;
    this.urgent = urgent;
    this.#nextUs = Math.min(this.#nextUs, nowUs + this.#intervalUs);
  }

  /** Send a burst again from `nowUs` on: a clock was set, or the path changed. */
  restart(nowUs: number): void {
    this.#burst = 0;
    this.#nextUs = nowUs;
  }

  get #intervalUs(): number {
    if (this.isBursting) return BURST_INTERVAL_US;
    if (!this.active) return IDLE_INTERVAL_US;
    return this.urgent ? URGENT_INTERVAL_US : ACTIVE_INTERVAL_US;
  }

  #indexOf(sequence: number): number {
    return this.#outstanding.findIndex((probe) => probe.sequence === sequence);
  }
}

/** A probe without an answer so far. */
interface Outstanding extends TimeProbe {
  departureUs: number;
}

/** The burst at the start: 8 probes within 200 ms, as many as NTP's `iburst`. */
const BURST_PROBES = 8;
const BURST_INTERVAL_US = 28_000;

/** Between probes while timed streams flow, when the clock is not known well and when it is, and while none flows. */
const URGENT_INTERVAL_US = 100_000;
const ACTIVE_INTERVAL_US = 250_000;
const IDLE_INTERVAL_US = 2_000_000;

/** Round trips of 4 seconds are still measured while timed streams flow; later answers are of no use. */
const MAX_OUTSTANDING = 16;
