/**
 * Two clocks and a network between them, as arithmetic: probes with known truth for tests of time. Seeded, without real time.
 *
 * @module
 */

import type { TimeStamps } from "../../src/protocol/time_sync.ts";

/** What the clocks and the way between them are like. */
export interface ClockPathOptions {
  readonly seed: number;
  /** Remote minus local time at the start, in microseconds. Default 4,000,000,123. */
  readonly offsetUs?: number;
  /** Parts per million the remote clock gains. Default 30. */
  readonly driftPpm?: number;
  /** Amplitude of the sine of 10 minutes by which the drift wanders, in ppm. Default 2. */
  readonly wanderPpm?: number;
  /** Fastest way there and back, in microseconds. Default 5,000 each. */
  readonly thereUs?: number;
  readonly backUs?: number;
  /** Mean of what queues usually add, in microseconds. Default 500 each. */
  readonly thereQueueUs?: number;
  readonly backQueueUs?: number;
  /**
   * Standard deviation, in microseconds, of the bell curve about four times as much that scheduling adds each way, so that no
   * transit is the fastest by a sharp edge. Default 0: none.
   */
  readonly schedulingUs?: number;
  /** Part of the packets that meet a heavy-tailed burst of milliseconds. Default 0.1. */
  readonly burstRate?: number;
}

/** A probe and the truth about it. */
export interface SampledProbe extends TimeStamps {
  /** Remote minus local time at `t4`. */
  readonly trueOffsetUs: number;
  /** Drift at `t4`, in ppm. */
  readonly trueDriftPpm: number;
}

/** Samples probes at increasing local times. */
export class ClockPath {
  readonly #options: Required<ClockPathOptions>;
  #state: number;
  #stepUs = 0;

  constructor(options: ClockPathOptions) {
    this.#options = {
      offsetUs: 4_000_000_123,
      driftPpm: 30,
      wanderPpm: 2,
      thereUs: 5_000,
      backUs: 5_000,
      thereQueueUs: 500,
      backQueueUs: 500,
      schedulingUs: 0,
      burstRate: 0.1,
      ...options,
    };
    this.#state = options.seed >>> 0;
  }

  /** Set the remote clock forward by so much. */
  step(byUs: number): void {
    this.#stepUs += byUs;
  }

  /** Remote minus local time at `localUs`. */
  offsetUs(localUs: number): number {
    const { offsetUs, driftPpm, wanderPpm } = this.#options;
    const s = localUs / 1e6;
    return offsetUs + this.#stepUs + driftPpm * s + wanderPpm * (1 - Math.cos(s / PERIOD_S)) * PERIOD_S;
  }

  /** A probe that leaves at `t1`. */
  probe(t1: number): SampledProbe {
    const { driftPpm, wanderPpm, thereUs, backUs, thereQueueUs, backQueueUs } = this.#options;
    const arrivalUs = t1 + thereUs + this.#queueUs(thereQueueUs);
    const departureUs = arrivalUs + 100;
    const t4 = Math.ceil(departureUs + backUs + this.#queueUs(backQueueUs));
    return {
      t1: Math.floor(t1),
      t2: Math.ceil(arrivalUs + this.offsetUs(arrivalUs)),
      t3: Math.floor(departureUs + this.offsetUs(departureUs)),
      t4,
      trueOffsetUs: this.offsetUs(t4),
      trueDriftPpm: driftPpm + wanderPpm * Math.sin(t4 / 1e6 / PERIOD_S),
    };
  }

  /** `count` probes every `intervalMs` from `startMs` on, in the order in which they come back. */
  probes(count: number, intervalMs: number, startMs = 0): SampledProbe[] {
    const probes = Array.from({ length: count }, (_, i) => this.probe((startMs + i * intervalMs) * 1000));
    return probes.sort((a, b) => a.t4 - b.t4);
  }

  #queueUs(meanUs: number): number {
    const usualUs = this.#scheduledUs() - meanUs * Math.log(1 - this.#random());
    if (this.#random() >= this.#options.burstRate) return usualUs;
    return usualUs + Math.min(1e6, 3_000 / (1 - this.#random()));
  }

  /** Box and Muller's transform. */
  #scheduledUs(): number {
    const { schedulingUs } = this.#options;
    if (schedulingUs === 0) return 0;
    const deviations = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
    return Math.max(0, schedulingUs * (4 + deviations));
  }

  /** Mulberry32: 32 bits of state, uniform in [0, 1). */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }
}

/** 10 minutes per turn. */
const PERIOD_S = 600 / (2 * Math.PI);
