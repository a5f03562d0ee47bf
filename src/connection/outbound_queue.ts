/**
 * What one connection has given to its transport and the transport has not sent yet: counted, bounded, and watched for a peer
 * that takes nothing.
 *
 * @module
 */

import { CallbackDeadline, type TimerQueue } from "../timer_queue.ts";
import { Gate } from "./gate.ts";

/** Outbound bytes of a connection. */
export class OutboundQueue {
  readonly #limitBytes: number;
  readonly #stallTimeoutMs: number;
  readonly #timers: TimerQueue;
  readonly #stall: CallbackDeadline;
  readonly #gate: Gate = new Gate();
  #bytes = 0;
  #full = false;
  #closed = false;

  /** `onStalled` is called when the queue was full for `stallTimeoutMs` and not a byte of it left. */
  constructor(limitBytes: number, stallTimeoutMs: number, timers: TimerQueue, onStalled: () => void) {
    this.#limitBytes = limitBytes;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#timers = timers;
    this.#stall = new CallbackDeadline(onStalled);
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** False from reaching the limit until half of it has left. */
  get writable(): boolean {
    return !this.#full;
  }

  /** Count bytes that were queued. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#full || this.#bytes < this.#limitBytes) return;
    this.#full = true;
    this.#timers.add(this.#stall, this.#stallTimeoutMs);
  }

  /** Count bytes that left, or were dropped. */
  remove(bytes: number): void {
    this.#bytes = bytes < this.#bytes ? this.#bytes - bytes : 0;
    if (!this.#full || this.#closed) return;
    if (this.#bytes > this.#limitBytes / 2) {
      this.#timers.add(this.#stall, this.#stallTimeoutMs);
      return;
    }
    this.#full = false;
    this.#timers.remove(this.#stall);
    this.#gate.open();
  }

  /** Resolves when {@link writable} holds: many may wait for it, so look again afterwards. */
  ready(): Promise<void> {
    return this.#full ? this.#gate.wait() : Promise.resolve();
  }

  /** Nothing leaves any more: whoever waits fails with `error`. */
  close(error: Error): void {
    this.#closed = true;
    this.#bytes = 0;
    this.#full = true;
    this.#timers.remove(this.#stall);
    this.#gate.fail(error);
  }
}
