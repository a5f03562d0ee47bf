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
  /**
   * Fire when it is due and not at the next tick of the runtime's timers, which count whole milliseconds: for what somebody sees or
   * hears. It takes the I/O thread of the native transport, and is as any timer without. Default false.
   */
  readonly precise?: boolean;
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
    const isReferenced = options?.referenced ?? false;
    if (options?.precise === true && delayMs < MAX_PRECISE_MS && systemAlarm.isConnected) {
      return new PreciseTimer(callback, delayMs, isReferenced);
    }
    return new SystemTimer(callback, delayMs, isReferenced);
  },
};

/** Rings at moments more exact than those of `setTimeout`, once something that can do so is connected. */
export class Alarm {
  #set: ((delayUs: number) => void) | undefined;
  /** When it will ring: not after the first timer is due. */
  #ringsUs = -Infinity;
  /** By time; those who play some streams are few. */
  readonly #timers: PreciseTimer[] = [];

  /** Whether something is {@link connect}ed. */
  get isConnected(): boolean {
    return this.#set !== undefined;
  }

  /** From now on `set` is asked to have {@link ring} called so many microseconds later; only its last call counts. */
  connect(set: (delayUs: number) => void): void {
    this.#set = set;
    this.#ringsUs = -Infinity;
  }

  /** @internal */
  add(timer: PreciseTimer, nowUs: number): void {
    const timers = this.#timers;
    let at = timers.length;
    while (at > 0 && timers[at - 1]!.dueUs > timer.dueUs) at--;
    timers.splice(at, 0, timer);
    if (at === 0) this.#setFor(timer, nowUs);
  }

  /** @internal The alarm may ring for it all the same. */
  remove(timer: PreciseTimer): void {
    const at = this.#timers.indexOf(timer);
    if (at >= 0) this.#timers.splice(at, 1);
  }

  /** Fire what is due. May be called at any time. */
  ring(): void {
    const timers = this.#timers;
    if (timers.length === 0) return;
    const nowUs = systemClock.nowUs();
    // It has not rung yet, and is not set again for nothing: that wakes another thread.
    if (nowUs < this.#ringsUs - TOO_SOON_US) return;
    try {
      while (timers.length > 0 && timers[0]!.dueUs <= nowUs) timers.shift()!.fire();
    } finally {
      if (timers.length > 0) this.#setFor(timers[0]!, systemClock.nowUs());
    }
  }

  #setFor({ dueUs }: PreciseTimer, nowUs: number): void {
    this.#ringsUs = dueUs;
    this.#set!(Math.max(0, dueUs - nowUs));
  }
}

/** The alarm of this JavaScript environment. */
export const systemAlarm: Alarm = new Alarm();

/** Fires by the alarm; `setTimeout` keeps the process alive meanwhile, and fires should the alarm not ring. */
class PreciseTimer implements Timer {
  readonly dueUs: number;
  readonly #callback: () => void;
  readonly #isReferenced: boolean;
  #fallback!: Timer;

  constructor(callback: () => void, delayMs: number, isReferenced: boolean) {
    const nowUs = systemClock.nowUs();
    this.dueUs = nowUs + delayMs * 1000;
    this.#callback = callback;
    this.#isReferenced = isReferenced;
    this.#armFallback(nowUs);
    systemAlarm.add(this, nowUs);
  }

  cancel(): void {
    systemAlarm.remove(this);
    this.#fallback.cancel();
  }

  fire(): void {
    this.cancel();
    this.#callback();
  }

  #armFallback(nowUs: number): void {
    const delayMs = Math.ceil((this.dueUs - nowUs) / 1000) + FALLBACK_MS;
    this.#fallback = new SystemTimer(this.#onFallback, delayMs, this.#isReferenced);
  }

  readonly #onFallback = (): void => {
    const nowUs = systemClock.nowUs();
    if (nowUs < this.dueUs) this.#armFallback(nowUs);
    // Not only this one: others may be due before it whose fallbacks come later.
    else systemAlarm.ring();
  };
}

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

/** Where nobody notices a millisecond any more: an alarm so far off would only be set again and again. */
const MAX_PRECISE_MS = 10_000;
/** By how much an alarm may ring too soon: its clock is another one, and counts whole microseconds. */
const TOO_SOON_US = 1_000;
/** `setTimeout` may fire too soon, and is not to come before the alarm. */
const FALLBACK_MS = 2;
/** Longest delay `setTimeout` takes; a longer one would fire at once (HTML, "timer initialization steps"). */
const MAX_TIMEOUT_MS = 0x7fffffff;
