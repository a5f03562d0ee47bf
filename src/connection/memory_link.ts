/**
 * What lies between the two ends of a memory network: a seeded random source, a schedule of arrivals on a {@link Clock}, and one
 * direction of a path with delay, jitter, loss and bandwidth.
 *
 * @module
 */

import { type Clock, type Timer } from "../clock.ts";

/** Numbers from 0 to below 1, the same for the same seed (mulberry32 by Tommy Ettinger, public domain, 32 bits of state). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Runs actions at their time, equal times in the order they were given; never inside the call that gives them. */
export class Schedule {
  /** Whether waiting actions keep the process alive. */
  referenced = true;
  readonly #clock: Clock;
  /** Binary heap by time and order. */
  readonly #heap: Action[] = [];
  #sequence = 0;
  #timer: Timer | undefined;
  #timerUs = Infinity;
  #microtask = false;
  #microtaskTurns = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowUs(): number {
    return this.#clock.nowUs();
  }

  /** Run `run` at `dueUs`, or as soon as the current callbacks have returned when that has passed. */
  at(dueUs: number, run: () => void): void {
    this.#push({ dueUs, sequence: this.#sequence++, run });
    this.#arm();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || this.#microtask) return;
    const nowUs = this.#clock.nowUs();
    // After many turns without a break a timer lets the rest of the program have its own.
    if (first.dueUs <= nowUs && this.#microtaskTurns < MAX_MICROTASK_TURNS) {
      this.#microtask = true;
      this.#microtaskTurns++;
      queueMicrotask(this.#runDue);
      return;
    }
    if (first.dueUs >= this.#timerUs) return;
    this.#timer?.cancel();
    this.#timerUs = first.dueUs;
    const delayMs = Math.max(0, (first.dueUs - nowUs) / 1000);
    this.#timer = this.#clock.setTimer(this.#onTimer, delayMs, { referenced: this.referenced });
  }

  readonly #onTimer = (): void => {
    this.#timerUs = Infinity;
    this.#timer = undefined;
    this.#microtaskTurns = 0;
    this.#runDue();
  };

  readonly #runDue = (): void => {
    this.#microtask = false;
    const nowUs = this.#clock.nowUs();
    // What is added meanwhile takes its turn after the promises that this turn resolves.
    const end = this.#sequence;
    const later: Action[] = [];
    for (let first = this.#heap[0]; first !== undefined && first.dueUs <= nowUs; first = this.#heap[0]) {
      this.#pop();
      if (first.sequence < end) first.run();
      else later.push(first);
    }
    for (const action of later) this.#push(action);
    this.#arm();
  };

  #push(action: Action): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(action);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(action, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = action;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** What a path does to what crosses it. */
export interface PathOptions {
  /** One way, in milliseconds. */
  readonly delayMs: number;
  /** Up to so much more, evenly distributed, each packet on its own. */
  readonly jitterMs: number;
  /** Share of the datagrams that never arrive, 0 to 1. */
  readonly datagramLoss: number;
  readonly bandwidthBytesPerS: number;
}

/** One direction of a path. */
export class Link {
  readonly #path: PathOptions;
  readonly #random: () => number;
  #freeUs = 0;

  constructor(path: PathOptions, random: () => number) {
    this.#path = path;
    this.#random = random;
  }

  /** What it carries, 0 when there is no limit. */
  get bandwidthBytesPerS(): number {
    return this.#path.bandwidthBytesPerS === Infinity ? 0 : this.#path.bandwidthBytesPerS;
  }

  /** When the next packet may be sent without building a queue; what waits until then can still be reordered or dropped. */
  get readyUs(): number {
    return this.#freeUs - MAX_BACKLOG_US;
  }

  /** Send `bytes` at `nowUs`; when the last of them arrives at the other end. */
  transmit(bytes: number, nowUs: number): number {
    this.#freeUs = Math.max(this.#freeUs, nowUs) + bytes * 1e6 / this.#path.bandwidthBytesPerS;
    return this.#freeUs + (this.#path.delayMs + this.#path.jitterMs * this.#random()) * 1000;
  }

  /** Whether this datagram gets lost. */
  loses(): boolean {
    return this.#path.datagramLoss > 0 && this.#random() < this.#path.datagramLoss;
  }
}

interface Action {
  readonly dueUs: number;
  readonly sequence: number;
  readonly run: () => void;
}

function before(a: Action, b: Action): boolean {
  return a.dueUs < b.dueUs || (a.dueUs === b.dueUs && a.sequence < b.sequence);
}

/** Turns in microtasks before a timer is used instead. */
const MAX_MICROTASK_TURNS = 1_000;
/** What a sender may have on its way into a slow link. */
const MAX_BACKLOG_US = 1_000;
