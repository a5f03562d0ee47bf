/**
 * Which of the peer's calls may run now, on one connection: unary and streaming calls share the slots, the order in which they
 * wait, and the moment at which none is left.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { EchoStreamError } from "../protocol/error.ts";
import type { Logger } from "../trace.ts";
import { Admission, type Admitted, type Entry, type ProcessAdmission } from "./admission.ts";
import type { CallContext } from "./call_context.ts";
import { Overrun, OVERRUN_MS } from "./overrun.ts";

/** The slots of one connection. Shut until {@link CallSlots.open}: until then calls wait. */
export class CallSlots {
  /** Called whenever the last call has ended and nobody waits for one. */
  onIdle: (() => void) | undefined;
  /** Calls that arrived. */
  received = 0;
  /** Calls refused by a limit or because the session closes. */
  refused = 0;
  readonly #connection: Connection;
  readonly #admission: Admission;
  readonly #log: Logger;
  #awaitsRoom = false;
  #draining = false;

  /** @param maxRunning Handlers that may run at once; as many more calls wait. */
  constructor(connection: Connection, process: ProcessAdmission, maxRunning: number, log: Logger) {
    this.#connection = connection;
    this.#log = log;
    this.#admission = new Admission(process, maxRunning, connection);
  }

  /** Calls whose handler runs. */
  get running(): number {
    return this.#admission.running;
  }

  /** Whether no handler runs and no call waits. */
  get idle(): boolean {
    return this.#admission.running === 0 && this.#admission.waiting === 0;
  }

  /** Whether calls that arrive are to be answered with "not processed". */
  get draining(): boolean {
    return this.#draining;
  }

  /** Let calls in, those that waited first. */
  open(): void {
    this.#admission.open();
  }

  /** Let calls wait again. */
  shut(): void {
    this.#admission.shut();
  }

  /** Let no more calls in; those that are here may end. */
  drain(): void {
    this.#draining = true;
  }

  /** Ask for a slot: taken at once (`"run"`), later by a call of `run` (`"waiting"`), or not at all (`"refused"`). */
  enter(call: Admitted): Entry {
    const entry = this.#admission.enter(call);
    if (entry === "waiting" && !this.#connection.writable) this.#awaitRoom();
    return entry;
  }

  /** Nobody waits for `call` any more, and it was told: a handler that goes on for long is named in the log. */
  expectEnd(call: CallContext): void {
    if (!call.started || call.ended || call.overrun !== undefined) return;
    call.overrun = new Overrun(call.method, this.#log);
    this.#connection.timers.add(call.overrun, OVERRUN_MS);
  }

  /** Give the slot of `call` back: its handler has ended. */
  leave(call: CallContext): void {
    call.ended = true;
    if (call.overrun !== undefined) this.#connection.timers.remove(call.overrun);
    this.#admission.leave();
    if (this.#admission.waiting > 0 && !this.#connection.writable) this.#awaitRoom();
    this.#checkIdle();
  }

  /** Leave the queue before it was this call's turn; false when it was. */
  withdraw(call: Admitted): boolean {
    if (!this.#admission.withdraw(call)) return false;
    this.#checkIdle();
    return true;
  }

  /**
   * Count a call that is refused.
   * @throws {EchoStreamError} LIMIT_EXCEEDED when the peer goes on asking and reads none of the refusals.
   */
  refuse(): void {
    this.refused++;
    // Refusals are not held back as answers are; a peer that asks on without reading them is cut instead.
    if (this.#connection.outboundBytes > MAX_UNREAD_BYTES) {
      throw new EchoStreamError("LIMIT_EXCEEDED", "Peer sends requests and does not read their answers");
    }
  }

  #checkIdle(): void {
    if (this.onIdle !== undefined && this.idle) this.onIdle();
  }

  #awaitRoom(): void {
    if (this.#awaitsRoom) return;
    this.#awaitsRoom = true;
    // When it rejects the connection is gone, and everybody was told.
    this.#connection.ready().then(() => this.#onRoom(), () => {});
  }

  #onRoom(): void {
    this.#awaitsRoom = false;
    this.#admission.resume();
    if (this.#admission.waiting > 0 && !this.#connection.writable) this.#awaitRoom();
  }
}

/** Answers a peer may leave unread, including what back-pressure does not hold back: four times the outbound limit. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
