/**
 * Makes calls through interceptors: those of one session, or of one client.
 *
 * @module
 */

import type { EchoStreamError } from "../protocol/error.ts";
import type { CallOptions } from "./call_options.ts";
import { cancelledCall } from "./call_start.ts";
import { FailedChannel } from "./failed_channel.ts";
import { InterceptedChannel } from "./intercepted_channel.ts";
import { OutgoingInterception, type OutgoingPath } from "./outgoing_interception.ts";
import type { Channel } from "./outgoing_channel.ts";
import { isThenable } from "./thenable.ts";

/** Stands where calls are made. */
export class OutgoingInterceptors<C> {
  readonly #path: OutgoingPath<C>;
  // Calls that interceptors are still at work on.
  readonly #live = new Set<OutgoingInterception<C>>();

  constructor(path: OutgoingPath<C>) {
    this.#path = path;
  }

  /** Make a call; see `Session.request`. Never throws, whatever is wrong comes as a rejection. */
  request(method: string, payload: unknown, options: CallOptions): Promise<unknown> {
    try {
      if (options.signal?.aborted) throw cancelledCall(method, options.signal.reason, "notProcessed");
      return this.#request(new OutgoingInterception(this.#path, { kind: "unary", method, options, payload }));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Begin a streaming call; with `only`, one whose only item is here already. Never throws: a call that cannot begin fails. */
  open(method: string, options: CallOptions, only?: { readonly item: unknown }): Channel<unknown, unknown> {
    try {
      if (options.signal?.aborted) throw cancelledCall(method, options.signal.reason, "notProcessed");
      return new InterceptedChannel(this.#path, this.#live, method, options, only).begin();
    } catch (error) {
      return new FailedChannel(error);
    }
  }

  /** Nobody can answer any more: what interceptors are still at work on fails for `cause`. */
  end(cause: EchoStreamError): void {
    for (const call of [...this.#live]) call.lose(cause);
  }

  #request(call: OutgoingInterception<C>): Promise<unknown> {
    let made: Promise<unknown> | undefined;
    // A mistake of the caller, such as a timeout that is none, is told as it is.
    let told: unknown = NOTHING_TOLD;
    let result: unknown;
    try {
      result = call.run((view) => {
        made = this.#path.request(call.method, view.payload, call.optionsOf(view));
        made.then(undefined, (error) => told = error);
        return made;
      });
    } catch (error) {
      throw call.failure(error);
    }
    if (!isThenable(result)) return Promise.resolve(result);
    if (result === made && !call.isListenedTo) return made!;
    return new Promise((resolve, reject) => {
      this.#live.add(call);
      const settle = (): void => {
        this.#live.delete(call);
        call.settle();
      };
      call.watch((error) => {
        settle();
        reject(error);
      });
      const onFailed = (error: unknown): void => {
        settle();
        reject(error === told ? error : call.failure(error));
      };
      result.then((value) => {
        settle();
        resolve(value);
      }, onFailed);
    });
  }
}

const NOTHING_TOLD = Symbol();
