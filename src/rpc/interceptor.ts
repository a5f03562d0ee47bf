/**
 * Interceptors: functions around every call, the same for unary and streaming ones, for calls that arrive and calls that are made.
 *
 * @module
 */

import type { Metadata, MetadataInit } from "../protocol/metadata.ts";
import type { Call } from "./handler.ts";
import { isThenable } from "./thenable.ts";

/** Which calls an interceptor sees: those that arrive here, or those made from here. */
export type CallDirection = "incoming" | "outgoing";

/** The shape of a call: one answer for one payload, a sequence of answers for one payload, or sequences both ways. */
export type CallKind = "unary" | "stream" | "channel";

/** A call on its way through interceptors. `C` is whom it comes from, or goes to. It never changes: {@link with} makes another. */
export interface InterceptedCallOf<C> extends Call {
  /** Whether it arrived here or is made from here. */
  readonly direction: CallDirection;
  /** Its shape, as its caller chose it. */
  readonly kind: CallKind;
  /** The session it came on; of a client's call, the one there is now. */
  readonly session: C;
  /** Whether a second execution does no harm: said by the caller of an outgoing call, by the handler's options of an incoming one. */
  readonly idempotent: boolean;
  /**
   * What goes to the handler, unless it is a channel. It is not validated yet; bytes for a handler without a schema. `undefined` where it cannot be
   * decoded, which {@link Next} then tells.
   */
  readonly payload: unknown;
  /** What goes to the handler of a channel, item by item, not validated yet; `undefined` for other kinds. To be read once, here or by the handler. */
  readonly items: AsyncIterable<unknown> | undefined;
  /**
   * The same call with some of it replaced, for {@link Next}.
   * @throws {TypeError} for what this kind or direction of call has not, or metadata that are none.
   */
  with(changes: CallChanges): InterceptedCallOf<C>;
}

/** What an interceptor may replace. */
export interface CallChanges {
  /** Instead of what there is; not of a channel. */
  readonly payload?: unknown;
  /** Instead of the items there are; of a channel only. */
  readonly items?: AsyncIterable<unknown>;
  /** Instead of all there are: `[...call.metadata, ["tenant", "a"]]` adds. */
  readonly metadata?: MetadataInit;
  /** W3C Trace Context `traceparent` for whoever handles the call, and for calls made on its behalf. */
  readonly traceparent?: string;
  /** Ends the call beside what ends it anyway. */
  readonly signal?: AbortSignal;
  /** Less time than there is, in milliseconds from `next` on; of outgoing calls only. */
  readonly timeoutMs?: number;
  /** Called with the metadata of the answer, before the caller's own; of outgoing unary calls only. */
  readonly onMetadata?: (metadata: Metadata) => void;
}

/**
 * The rest of the way: further interceptors, then the handler, or the peer. Gives the answer, or a promise of it: a value for a unary call, an
 * `AsyncIterable` of answers for the other kinds. It throws, or rejects with, what the call failed with.
 *
 * An incoming call, and a channel, go on once; a second time is a `TypeError`. An outgoing call with a payload may go on again, which
 * is another attempt.
 */
// deno-lint-ignore no-explicit-any -- what a method answers is known to whoever knows the method, not here
export type Next<C> = (call: InterceptedCallOf<C>) => any;

/** Sees a call before and after the rest of the way, which begins with `next(call)`; what it returns is the answer. */
export type InterceptorOf<C> = (call: InterceptedCallOf<C>, next: Next<C>) => unknown;

/** Options of `use`. */
export interface UseOptions {
  /** The calls it sees. Default: at a server those that arrive, at a client those it makes. */
  readonly calls?: CallDirection | "both";
}

/** Where interceptors are kept, in the order of their registration. */
export interface InterceptorLists<C> {
  readonly incoming: InterceptorOf<C>[];
  readonly outgoing: InterceptorOf<C>[];
}

/**
 * Add an interceptor behind those there are.
 * @throws {TypeError} when it is no function, or the options are none.
 */
export function registerInterceptor<C>(
  { incoming, outgoing }: InterceptorLists<C>,
  interceptor: InterceptorOf<C>,
  options: UseOptions,
  ordinarily: CallDirection,
): void {
  if (typeof interceptor !== "function") {
    throw new TypeError("An interceptor is a function: (call, next) => next(call)");
  }
  const { calls = ordinarily, ...rest } = options;
  const unknown = Object.keys(rest);
  if (unknown.length > 0) throw new TypeError(`An interceptor does not know the option "${unknown[0]}"`);
  if (calls !== "incoming" && calls !== "outgoing" && calls !== "both") {
    throw new TypeError(`calls is ${JSON.stringify(calls)}, expected "incoming", "outgoing" or "both"`);
  }
  if (calls !== "outgoing") incoming.push(interceptor);
  if (calls !== "incoming") outgoing.push(interceptor);
}

/**
 * Lead `call` through `interceptors`, the first of them outermost, to `last`. Synchronous as long as all of them are.
 * @param once Whether a second `next` of the same interceptor is a mistake.
 * @param index Those before it are passed already.
 * @returns What the first one returned.
 * @throws what it threw.
 */
export function runInterceptors<C>(
  interceptors: readonly InterceptorOf<C>[],
  call: InterceptedCallOf<C>,
  last: Next<C>,
  once: boolean,
  index = 0,
): unknown {
  const interceptor = interceptors[index];
  if (interceptor === undefined) return last(call);
  let entered = false;
  return interceptor(call, (changed) => {
    if (once && entered) throw new TypeError(`next was called twice for "${call.method}"`);
    entered = true;
    return quiet(runInterceptors(interceptors, changed, last, once, index + 1));
  });
}

/** An interceptor may drop what it was given, and a failure that nobody awaits would end the process. */
function quiet<T>(result: T): T {
  if (isThenable(result)) result.then(undefined, () => {});
  return result;
}
