/**
 * Where requests, events and streams of a client wait while it has no connection.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { isOutOfTime } from "../rpc/call_start.ts";

/** How long one may wait. */
export interface WaitOptions {
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the wait ends with DEADLINE_EXCEEDED. */
  readonly timeoutMs?: number | undefined;
}

/** All that wait go on together, in the order they came. */
export class WaitingLine {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #waiting = new Set<Waiting>();

  /** @param limit How many may wait. */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** How many wait. */
  get length(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves at the next {@link open}.
   * @param what It is that waits, for messages: `"Request "add""`.
   * @throws {EchoStreamError} (as rejection) CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED when too many wait, or what {@link fail}
   * was given; always "not processed".
   */
  wait(what: string, { signal, timeoutMs }: WaitOptions = {}): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (this.#waiting.size >= this.#limit) {
        return reject(notSent(ErrorCode.RESOURCE_EXHAUSTED, `${what}: too many wait for the connection already`));
      }
      const settle = (): void => {
        timer?.cancel();
        signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(waiting);
      };
      const waiting: Waiting = {
        open: () => (settle(), resolve()),
        fail: (error) => (settle(), reject(error)),
      };
      const onTimeout = (): void =>
        waiting.fail(notSent(ErrorCode.DEADLINE_EXCEEDED, `${what}: there was no connection in time`));
      const onAbort = (): void => {
        const reason: unknown = signal?.reason;
        if (isOutOfTime(reason)) return onTimeout();
        waiting.fail(notSent(ErrorCode.CANCELLED, `${what} was cancelled by its caller`, reason));
      };
      // Somebody waits for it, so the process is not finished.
      const timer: Timer | undefined = timeoutMs === undefined
        ? undefined
        : this.#clock.setTimer(onTimeout, timeoutMs, { referenced: true });
      this.#waiting.add(waiting);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort);
    });
  }

  /** There is a connection. */
  open(): void {
    for (const waiting of [...this.#waiting]) waiting.open();
  }

  /** There will be none. */
  fail(error: EchoStreamError): void {
    for (const waiting of [...this.#waiting]) waiting.fail(error);
  }
}

interface Waiting {
  readonly open: () => void;
  readonly fail: (error: EchoStreamError) => void;
}

function notSent(code: ErrorCode, message: string, cause?: unknown): EchoStreamError {
  return new EchoStreamError(code, message, { cause, disposition: "notProcessed" });
}
