/**
 * A limit on how often calls may be made: so many at once, so many per second after that.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { InterceptedCall, Interceptor } from "../session/interception.ts";
import { RETRY_PUSHBACK } from "../rpc/retry_policy.ts";
import { TokenBucket } from "../rpc/token_bucket.ts";

/** How often calls may be made. */
export interface RateLimitOptions {
  /** Calls per second, sustained. */
  readonly perSecond: number;
  /** Calls at once, before that rate holds. Default: `perSecond`, at least 1. */
  readonly burst?: number;
  /** Who shares a limit: calls with the same key. Default: those of one session. */
  readonly key?: (call: InterceptedCall) => string;
  /** Methods that count; others are free. Default: all. */
  readonly methods?: readonly string[];
  /** Keys remembered at once; the one that was quiet for longest is forgotten, and begins anew. Default 10,000. */
  readonly maxKeys?: number;
  /** What time is measured by. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Refuses calls that come too often with RESOURCE_EXHAUSTED, "not processed", and says in `retry-pushback-ms` when the next one would be
 * taken; `retry` waits for that where RESOURCE_EXHAUSTED is among its `retryableCodes`.
 *
 * ```ts ignore
 * RpcServer.builder().use(rateLimit({ perSecond: 50, burst: 100, key: ({ session }) => session.peerAddr() }))
 * ```
 * @throws {RangeError} when a number is not above 0.
 */
export function rateLimit(options: RateLimitOptions): Interceptor {
  const { perSecond, burst = Math.max(1, perSecond), key, methods, maxKeys = 10_000, clock = systemClock } = options;
  for (const [name, value] of Object.entries({ perSecond, burst, maxKeys })) {
    const minimum = name === "perSecond" ? Number.MIN_VALUE : 1;
    if (!(value >= minimum && value < Infinity)) {
      throw new RangeError(`${name} is ${value}, expected a number from ${minimum}`);
    }
  }
  const limited = methods && new Set(methods);
  const newBucket = (): TokenBucket => new TokenBucket(perSecond, burst, clock.nowUs());
  const bucketOf = key === undefined ? bySession(newBucket) : byKey(newBucket, key, maxKeys);
  return (call, next) => {
    if (limited?.has(call.method) === false) return next(call);
    const bucket = bucketOf(call);
    const nowUs = clock.nowUs();
    if (bucket.take(nowUs)) return next(call);
    const waitMs = Math.ceil(bucket.waitMs(nowUs));
    throw new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, `"${call.method}" is called too often`, {
      disposition: "notProcessed",
      metadata: [[RETRY_PUSHBACK, String(waitMs)]],
    });
  };
}

function bySession(newBucket: () => TokenBucket): (call: InterceptedCall) => TokenBucket {
  const buckets = new WeakMap<object, TokenBucket>();
  return ({ session }) => {
    let bucket = buckets.get(session);
    if (bucket === undefined) buckets.set(session, bucket = newBucket());
    return bucket;
  };
}

function byKey(
  newBucket: () => TokenBucket,
  keyOf: (call: InterceptedCall) => string,
  maxKeys: number,
): (call: InterceptedCall) => TokenBucket {
  // In the order of their last call, so that the first one was quiet for longest.
  const buckets = new Map<string, TokenBucket>();
  return (call) => {
    const key = keyOf(call);
    const bucket = buckets.get(key) ?? newBucket();
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > maxKeys) buckets.delete(buckets.keys().next().value!);
    return bucket;
  };
}
