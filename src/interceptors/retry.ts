/**
 * Retries for the calls of sessions: what the option `retry` does for those of a client.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { EchoStreamError } from "../protocol/error.ts";
import { Retries } from "../rpc/retries.ts";
import { type RetryOptions, retryPolicy, type RetryThrottling } from "../rpc/retry_policy.ts";
import { isThenable } from "../rpc/thenable.ts";
import type { InterceptedCall, Interceptor } from "../session/interception.ts";

/** How failed calls are made again. */
export interface RetryInterceptorOptions extends RetryOptions {
  /** When retries of all calls together are too many. */
  readonly throttling?: RetryThrottling;
  /** Methods every call of which is `idempotent`. Default none. */
  readonly idempotentMethods?: readonly string[];
  /** What waits are measured by. Default: the system's. */
  readonly clock?: Clock;
  /** Decides how long is waited: numbers from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

/**
 * Makes unary calls again that failed with a status worth it, were not processed or are idempotent, within their deadline: for calls a server makes
 * to its clients' handlers. A client's own requests are made again by its option `retry`, which also waits for a connection.
 *
 * ```ts ignore
 * RpcServer.builder().use(retry({ maxAttempts: 3 }), { calls: "outgoing" })
 * ```
 * Streaming calls, and calls that arrive, pass as they are.
 * @throws {RangeError} when an option is out of its range.
 */
export function retry(options: RetryInterceptorOptions = {}): Interceptor {
  const { throttling, idempotentMethods = [], clock = systemClock, random } = options;
  const policy = retryPolicy(options);
  const retries = new Retries({ clock, throttling, random });
  const idempotent = new Set(idempotentMethods);
  const again = (call: InterceptedCall, attempt: () => unknown, error: unknown): Promise<unknown> => {
    const { signal, deadlineMs, method } = call;
    const retried = {
      method,
      // What is left of the deadline is known to the call; it bounds the waits.
      options: { signal, ...(deadlineMs === undefined ? {} : { timeoutMs: deadlineMs }) },
      policy,
      idempotent: call.idempotent || idempotent.has(method),
      startedUs: clock.nowUs(),
      attempt: async () => await attempt(),
    };
    return retries.again(retried, error).catch((failure) => {
      // A session that ends says why; that the wait was cut short is no news then.
      throw signal.aborted && signal.reason instanceof EchoStreamError ? signal.reason : failure;
    });
  };
  return (call, next) => {
    if (call.direction === "incoming" || call.kind !== "unary") return next(call);
    const attempt = (): unknown => next(call);
    const first = attempt();
    if (!isThenable(first)) return first;
    return first.then((value) => {
      retries.succeeded();
      return value;
    }, (error) => again(call, attempt, error));
  };
}
