/**
 * Handlers that go on although nobody waits for their result any more: they hold a slot, so the log names them.
 *
 * @module
 */

import { Deadline } from "../timer_queue.ts";
import type { Logger } from "../trace.ts";

/** Expires while a handler still runs that was told to stop {@link OVERRUN_MS} ago. */
export class Overrun extends Deadline {
  readonly #method: string;
  readonly #log: Logger;

  constructor(method: string, log: Logger) {
    super();
    this.#method = method;
    this.#log = log;
  }

  override expire(): void {
    const message = `Handler of "${this.#method}" still runs ${OVERRUN_MS / 1000} s after its signal has aborted`;
    this.#log({ level: "warn", category: "rpc", message, fields: { method: this.#method } });
  }
}

/** Longer than a handler needs that listens to its signal and has something to put in order. */
export const OVERRUN_MS = 5_000;
