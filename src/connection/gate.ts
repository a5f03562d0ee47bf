/**
 * A promise many may wait for, made only when somebody does.
 *
 * @module
 */

/** Waiters that go on together when the gate opens, and fail together when it never will. */
export class Gate {
  #promise: Promise<void> | undefined;
  #open: (() => void) | undefined;
  #fail: ((error: unknown) => void) | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** Resolves at the next {@link open}; rejects at {@link fail}, or at once after it. */
  wait(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    this.#promise ??= new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
    return this.#promise;
  }

  /** Let everybody who waits go on. */
  open(): void {
    this.#open?.();
    this.#promise = undefined;
    this.#open = undefined;
    this.#fail = undefined;
  }

  /** Refuse everybody who waits, and whoever comes later. Only the first error counts. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#fail?.(error);
    this.#promise = undefined;
    this.#open = undefined;
    this.#fail = undefined;
  }
}
