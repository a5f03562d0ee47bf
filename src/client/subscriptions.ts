/**
 * The events a client takes while it is connected: listeners that come and go, and iterators, which end with the client.
 *
 * @module
 */

import type { CloseReason } from "../connection/close_reason.ts";
import { ConnectionCode } from "../protocol/error.ts";
import { EventIterator } from "../rpc/event_iterator.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import type { Listener, ListenerOptions } from "../rpc/listeners.ts";
import { listenerArguments, subscriptionOptions } from "../rpc/registration.ts";
import { isSchema, type StandardSchemaV1 } from "../rpc/schema.ts";
import type { Session } from "../session.ts";
import type { Logger } from "../trace.ts";
import type { ClientDefinition } from "./definition.ts";

/** A listener added by `RpcClient.on`. */
export interface Subscription extends Disposable {
  /** Events dropped so far because the listener did not keep up. */
  readonly dropped: number;
  /** Take the listener away; calling it again does nothing. */
  close(): void;
}

/** Subscriptions of one client, beside the listeners it was built with. */
export class Subscriptions {
  readonly #definition: ClientDefinition;
  readonly #log: Logger;
  readonly #iterators = new Set<EventIterator<unknown>>();
  #hasEnded = false;

  constructor(definition: ClientDefinition, log: Logger) {
    this.#definition = definition;
    this.#log = log;
  }

  /** As `RpcClient.on`, whose arguments behind the name are `args`. */
  on(name: string, args: readonly unknown[]): Subscription {
    const { listener, options } = listenerArguments<Session>(name, args, false);
    if (typeof listener !== "function") throw new TypeError(`Listener of event "${name}" is not a function`);
    const take = listener as unknown as (payload: unknown) => unknown;
    return this.#subscribe(name, (_session, payload) => take(payload), options);
  }

  /** As `RpcClient.events`, whose arguments behind the name are `args`. */
  events(name: string, args: readonly unknown[]): EventIterator<unknown> {
    const input = isSchema(args[0]) ? args[0] as StandardSchemaV1 : undefined;
    const options = subscriptionOptions<Session>(name, args[input === undefined ? 0 : 1]);
    const { capacity, overflow = "block" } = options;
    const maxBytes = this.#definition.options.limits?.maxHeldEventBytes ?? DEFAULT_LIMITS.maxHeldEventBytes;
    const iterator: EventIterator<unknown> = new EventIterator({
      queue: { capacity, overflow, maxBytes },
      input,
      log: this.#log,
      subscribe: (reader) => this.#subscribe(name, () => {}, { ...options, reader }),
      onEnd: () => void this.#iterators.delete(iterator),
    });
    if (this.#hasEnded) iterator.end();
    else this.#iterators.add(iterator);
    return iterator;
  }

  /** The client has ended for good: its iterators end, in order where its connection did. */
  end(reason: CloseReason): void {
    this.#hasEnded = true;
    for (const iterator of this.#iterators) iterator.end(isOrderly(reason) ? undefined : reason.error);
  }

  #subscribe(name: string, listener: Listener<Session>, options: ListenerOptions<Session>): Subscription {
    const { listeners } = this.#definition;
    const registered = listeners.register(name, listener, options);
    const close = (): void => listeners.remove(name, registered);
    return {
      close,
      [Symbol.dispose]: close,
      get dropped() {
        return registered.dropped;
      },
    };
  }
}

/** Whether a connection ended because one of its ends wanted it to. */
function isOrderly({ application, code }: CloseReason): boolean {
  return application && (code === ConnectionCode.NO_ERROR || code === ConnectionCode.GOING_AWAY);
}
