/**
 * A clock that stands still until it is told to move: whole networks and sessions run on it without a sleep.
 *
 * @module
 */

import { type Clock, type Timer, type TimerOptions } from "./clock.ts";

/** Time that passes only by {@link advance}. Timers fire in order of their time, equal ones in order of their start. */
export class VirtualClock implements Clock {
  #nowUs = 0;
  #wallAheadUs = 0;
  #timers: VirtualTimer[] = [];

  nowUs(): number {
    return this.#nowUs;
  }

  wallUs(): number {
    return this.#nowUs + this.#wallAheadUs;
  }

  /** The wall clock moves on by `ms`, and nothing else: what a program sees of a computer that slept, or whose clock was set. */
  stepWallClock(ms: number): void {
    this.#wallAheadUs += ms * 1000;
  }

  setTimer(callback: () => void, delayMs: number, _options?: TimerOptions): Timer {
    const timer = new VirtualTimer(callback, this.#nowUs + Math.max(0, delayMs) * 1000);
    this.#timers.push(timer);
    return timer;
  }

  /** Timers that wait. */
  get pendingTimers(): number {
    return this.#timers.reduce((count, timer) => count + (timer.callback === undefined ? 0 : 1), 0);
  }

  /**
   * Let `ms` milliseconds pass. Every timer due in between fires at its own time, and promise callbacks run to their end
   * after each one and before the first.
   */
  async advance(ms: number): Promise<void> {
    const targetUs = this.#nowUs + ms * 1000;
    await settle();
    for (let timer = this.#takeDue(targetUs); timer !== undefined; timer = this.#takeDue(targetUs)) {
      this.#nowUs = Math.max(this.#nowUs, timer.dueUs);
      timer.fire();
      await settle();
    }
    this.#nowUs = targetUs;
  }

  /**
   * Let time pass until `done()` holds.
   * @throws {Error} when it still does not after `limitMs` (default 60,000) of virtual time.
   */
  async advanceUntil(done: () => boolean, limitMs = 60_000): Promise<void> {
    const limitUs = this.#nowUs + limitMs * 1000;
    await settle();
    while (!done()) {
      const timer = this.#takeDue(limitUs);
      if (timer === undefined) throw new Error(`Condition not met within ${limitMs} ms of virtual time`);
      this.#nowUs = Math.max(this.#nowUs, timer.dueUs);
      timer.fire();
      await settle();
    }
  }

  /** What `promise` settles to, letting up to `limitMs` (default 60,000) pass for it. */
  async run<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let settled = false;
    const onSettled = (): void => void (settled = true);
    promise.then(onSettled, onSettled);
    await this.advanceUntil(() => settled, limitMs);
    return await promise;
  }

  #takeDue(limitUs: number): VirtualTimer | undefined {
    this.#timers = this.#timers.filter((timer) => timer.callback !== undefined);
    let first: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueUs > limitUs) continue;
      if (first === undefined || timer.dueUs < first.dueUs) first = timer;
    }
    return first;
  }
}

class VirtualTimer implements Timer {
  callback: (() => void) | undefined;
  readonly dueUs: number;

  constructor(callback: () => void, dueUs: number) {
    this.callback = callback;
    this.dueUs = dueUs;
  }

  cancel(): void {
    this.callback = undefined;
  }

  fire(): void {
    const callback = this.callback;
    this.callback = undefined;
    callback?.();
  }
}

/** Let the microtasks that are queued, and those they queue, run: an immediate comes after all of them. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
