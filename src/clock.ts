/**
 * Local monotonic time and timers as a value, so that everything above can run on a clock of its own in tests.
 * The only file that calls `performance.now`, `Date.now` and `setTimeout`. Many deadlines share one timer through `timer_queue.ts`.
 *
 * @module
 */

/** A timer that was started and may be stopped. */
export interface Timer {
  /** Stop it; a timer that fired or was cancelled already stays so. */
  cancel(): void;
}

/** How a timer treats the life of the process. */
export interface TimerOptions {
  /** Keep the process alive until it fires: for work that is owed to somebody. Default false. */
  readonly referenced?: boolean;
}

/** Local monotonic time, and timers on it. */
export interface Clock {
  /** Microseconds since an arbitrary start; never steps back. */
  nowUs(): number;
  /**
   * Microseconds since 1970 by the wall clock, which may be set at any time: only for noticing that a computer slept. A clock
   * without it notices by the peer's answers alone.
   */
  wallUs?(): number;
  /** Call `callback` once, `delayMs` or more milliseconds from now. */
  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer;
}

/** The clock of this JavaScript environment. */
export const systemClock: Clock = {
  nowUs(): number {
    return performance.now() * 1000;
  },
  wallUs(): number {
    return Date.now() * 1000;
  },
  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer {
    return new SystemTimer(callback, delayMs, options?.referenced ?? false);
  },
};

class SystemTimer implements Timer {
  readonly #callback: () => void;
  readonly #referenced: boolean;
  #handle: ReturnType<typeof setTimeout> | undefined;

  constructor(callback: () => void, delayMs: number, referenced: boolean) {
    this.#callback = callback;
    this.#referenced = referenced;
    this.#start(delayMs);
  }

  cancel(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }

  #start(delayMs: number): void {
    const restMs = delayMs - MAX_TIMEOUT_MS;
    this.#handle = restMs > 0
      ? setTimeout(() => this.#start(restMs), MAX_TIMEOUT_MS)
      : setTimeout(this.#callback, Math.max(0, delayMs));
    if (!this.#referenced) unreference(this.#handle);
  }
}

/** Node and Bun give timers a method for it, Deno a function that takes the timer's number. */
function unreference(handle: ReturnType<typeof setTimeout>): void {
  const timer = handle as unknown as { unref?: () => void } | number;
  if (typeof timer === "object") timer.unref?.();
  else (globalThis as { Deno?: { unrefTimer?: (id: number) => void } }).Deno?.unrefTimer?.(timer);
}

/** Longest delay `setTimeout` takes; a longer one would fire at once (HTML, "timer initialization steps"). */
const MAX_TIMEOUT_MS = 0x7fffffff;
