/**
 * What a call made on behalf of another one inherits from it. Said by the handler, not found by the runtime: asynchronous context
 * costs every call on some runtimes, also those that make no other.
 *
 * @module
 */

import type { CallOptions } from "./call_options.ts";
import type { Call } from "./handler.ts";

/**
 * Options of a call made on behalf of `call`: as `own` says, within what is left of it.
 *
 * @param own Its shorter deadline, its own signal or trace context; metadata and the rest are only what is said here.
 * @returns Options with the nearer of the two deadlines, a signal that aborts with either, and the trace context of `call` unless `own` has one.
 */
export function nestedOptions<O extends CallOptions>(call: Call, own: O): O & CallOptions {
  const { deadlineMs, signal } = call;
  const traceparent = own.traceparent ?? call.traceparent;
  return {
    ...own,
    signal: own.signal === undefined ? signal : AbortSignal.any([signal, own.signal]),
    ...(deadlineMs === undefined ? {} : { timeoutMs: nearer(deadlineMs, own.timeoutMs) }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/** A mistaken timeout stays one; a deadline that has passed is told as such by the call, so it gets what is least. */
function nearer(leftMs: number, timeoutMs: number | undefined): number {
  return timeoutMs !== undefined && !(timeoutMs >= leftMs) ? timeoutMs : Math.max(LEAST_MS, leftMs);
}

/** The least time that can be told to a peer, in milliseconds. */
const LEAST_MS = 1;
