/**
 * Events of a client: sent now, or when there is a connection, always in the order they were given.
 *
 * @module
 */

import type { EmitOptions } from "../rpc/emit_options.ts";
import { keptPayload } from "../rpc/payload.ts";
import type { None } from "../rpc/signature.ts";
import type { Session } from "../session.ts";
import type { SessionKeeper } from "./session_keeper.ts";

/** Sends the events of one client. */
export class ClientEvents {
  readonly #keeper: SessionKeeper;
  // The last event that had to wait, until it is sent: later ones may not overtake it.
  #last: Promise<void> | undefined;

  constructor(keeper: SessionKeeper) {
    this.#keeper = keeper;
  }

  /** See `RpcClient.emit`. Never throws, whatever is wrong comes as a rejection. */
  emit(name: string, payload: unknown, options: EmitOptions = {}): Promise<void> {
    // Volatile events wait for nothing: without a connection they are lost.
    const isOrdered = options.delivery !== "datagram";
    if (!isOrdered || (!this.#keeper.isWaiting && this.#last === undefined)) return this.#send(name, payload, options);
    let kept: unknown;
    try {
      kept = keptPayload(payload);
    } catch (error) {
      return Promise.reject(error);
    }
    const turn = this.#keeper.isWaiting ? this.#keeper.wait(`Event "${name}"`) : this.#last!;
    const sent = turn.then(() => this.#send(name, kept, options));
    const last = sent.catch(() => {}).then(() => {
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
    // Its failure is taken above: a program that does not wait for what it sends must not end because its server went away.
    return sent;
  }

  #send(name: string, payload: unknown, options: EmitOptions): Promise<void> {
    return (this.#keeper.session as Session<None>).emit(name, payload as string, options);
  }
}
