/**
 * The tickets by which a client is known again by its server (RFC 8446 §2.2).
 *
 * @module
 */

import type { Logger } from "../trace.ts";

/** The tickets of one client, which connects to one server. */
export class Tickets {
  readonly #onTicket: ((ticket: Uint8Array) => void) | undefined;
  readonly #log: Logger;
  #ticket: Uint8Array | undefined;

  /**
   * @param first Of an earlier client.
   * @param onTicket Told of each that comes.
   */
  constructor(first: Uint8Array | undefined, onTicket: ((ticket: Uint8Array) => void) | undefined, log: Logger) {
    this.#ticket = first;
    this.#onTicket = onTicket;
    this.#log = log;
  }

  /** The ticket for one connection, if there is one: used twice, it would tell an observer that it is the same client (RFC 8446 §C.4). */
  take(): Uint8Array | undefined {
    const ticket = this.#ticket;
    this.#ticket = undefined;
    return ticket;
  }

  /** Keep one for the next connection. */
  put(ticket: Uint8Array): void {
    this.#ticket = ticket;
    try {
      this.#onTicket?.(ticket);
    } catch (error) {
      this.#log({ level: "error", category: "tls", message: "onTicket failed", error });
    }
  }
}
