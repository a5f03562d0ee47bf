/**
 * What a call is to those who work on it, at either end: a signal for when nobody waits any more, the time that is left, and values kept for its
 * handler. Each is made when it is asked for, as most calls end without.
 *
 * @module
 */

import { Context } from "../context.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import { Deadline } from "../timer_queue.ts";

/** A call somebody waits for. Expires when its time is up. */
export abstract class LiveCall extends Deadline {
  /** When its time is up, in microseconds; 0 for never. */
  readonly deadlineUs: number;
  readonly #nowUs: () => number;
  #context: Context | undefined;
  #controller: AbortController | undefined;
  #abortReason: EchoStreamError | undefined;

  /** @param nowUs Microseconds now, on the clock of `deadlineUs`. */
  constructor(deadlineUs: number, nowUs: () => number) {
    super();
    this.deadlineUs = deadlineUs;
    this.#nowUs = nowUs;
  }

  /** Aborts for {@link abortReason}. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Whether anybody has asked for {@link signal}. */
  get isListenedTo(): boolean {
    return this.#controller !== undefined;
  }

  /** Milliseconds left, never below 0; `undefined` without a deadline. */
  get deadlineMs(): number | undefined {
    return this.deadlineUs === 0 ? undefined : Math.max(0, (this.deadlineUs - this.#nowUs()) / 1000);
  }

  /** Values kept for as long as the call lasts. */
  get context(): Context {
    return this.#context ??= new Context();
  }

  /** Whether {@link abort} was called. */
  get aborted(): boolean {
    return this.#abortReason !== undefined;
  }

  /** Why {@link abort} was called. */
  get abortReason(): EchoStreamError | undefined {
    return this.#abortReason;
  }

  /** Nobody waits for its result any more, for this reason: whoever works on it is told. Only the first one counts. */
  abort(reason: EchoStreamError): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** @throws {EchoStreamError} the reason of {@link abort}. */
  throwIfAborted(): void {
    if (this.#abortReason !== undefined) throw this.#abortReason;
  }
}
