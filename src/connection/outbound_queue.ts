/**
 * What one connection has given to its transport and the transport has not sent yet: counted, bounded, and watched for a peer
 * that takes nothing.
 *
 * @module
 */

import { Deadline, type TimerQueue } from "../timer_queue.ts";
import { Gate } from "./gate.ts";

/** Outbound bytes of a connection. It is the deadline of its own stall. */
export class OutboundQueue extends Deadline {
  readonly #limitBytes: number;
  readonly #stallTimeoutMs: number;
  readonly #timers: TimerQueue;
  readonly #onStalled: () => void;
  // Made when somebody waits, or nothing leaves any more.
  #gate: Gate | undefined;
  #bytes = 0;
  #full = false;
  #closed = false;

  /** `onStalled` is called when the queue was full for `stallTimeoutMs` and not a byte of it left. */
  constructor(limitBytes: number, stallTimeoutMs: number, timers: TimerQueue, onStalled: () => void) {
    super();
    this.#limitBytes = limitBytes;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#timers = timers;
    this.#onStalled = onStalled;
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
    this.#timers.add(this, this.#stallTimeoutMs);
  }

  /** Count bytes that left, or were dropped. */
  remove(bytes: number): void {
    this.#bytes = bytes < this.#bytes ? this.#bytes - bytes : 0;
    if (!this.#full || this.#closed) return;
    if (this.#bytes > this.#limitBytes / 2) {
      this.#timers.add(this, this.#stallTimeoutMs);
      return;
    }
    this.#full = false;
    this.#timers.remove(this);
    this.#gate?.open();
  }

  /** Resolves when {@link writable} holds: many may wait for it, so look again afterwards. */
  ready(): Promise<void> {
    return this.#full ? (this.#gate ??= new Gate()).wait() : Promise.resolve();
  }

  /** Nothing leaves any more: whoever waits fails with `error`. */
  close(error: Error): void {
    this.#closed = true;
    this.#bytes = 0;
    this.#full = true;
    this.#timers.remove(this);
    (this.#gate ??= new Gate()).fail(error);
  }

  override expire(): void {
    this.#onStalled();
  }
}
