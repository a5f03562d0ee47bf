/**
 * Things that are due later, handed on in the order of their time by one timer.
 *
 * @module
 */

/** Holds things back until they are due, in milliseconds of `performance.now()`. */
export class DelayLine<T> {
  readonly #onDue: (value: T) => void;
  readonly #waiting: { readonly dueMs: number; readonly value: T }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(onDue: (value: T) => void) {
    this.#onDue = onDue;
  }

  /** Hand `value` on at `dueMs`, after what is due at the same time; at once when that has come and nothing is before it. */
  add(dueMs: number, value: T): void {
    const waiting = this.#waiting;
    if (waiting.length === 0 && dueMs <= performance.now()) return this.#onDue(value);
    let at = waiting.length;
    while (at > 0 && waiting[at - 1]!.dueMs > dueMs) at--;
    waiting.splice(at, 0, { dueMs, value });
    // What has become the first is due before the timer.
    if (at === 0) this.#arm();
  }

  /** Forget what waits. */
  clear(): void {
    this.#waiting.length = 0;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const first = this.#waiting[0];
    if (first !== undefined) this.#timer = setTimeout(this.#release, Math.max(0, first.dueMs - performance.now()));
  }

  readonly #release = (): void => {
    const waiting = this.#waiting;
    while (waiting[0] !== undefined && waiting[0].dueMs <= performance.now()) this.#onDue(waiting.shift()!.value);
    this.#arm();
  };
}
