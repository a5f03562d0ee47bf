/**
 * When a failed call may be tried again, and after how long: exponential back-off with full jitter, a budget of tokens, and push-back
 * of the server. Names and arithmetic are those of gRPC A6 (https://github.com/grpc/proposal/blob/master/A6-client-retries.md);
 * what may be retried is decided by the disposition, which gRPC has not. Randomness comes in as an argument.
 *
 * @module
 */

import { EchoStreamError, ErrorCode, isStatus } from "../protocol/error.ts";
import type { Metadata } from "../protocol/metadata.ts";

/** How failed calls are tried again; every field has a default. */
export interface RetryOptions {
  /** Attempts in all, the first one included. Default 4; 1 never retries. */
  readonly maxAttempts?: number;
  /** Longest wait before the second attempt, in milliseconds; how much of it is waited is random. Default 100. */
  readonly initialBackoffMs?: number;
  /** Longest wait before any attempt, in milliseconds. Default 5,000. */
  readonly maxBackoffMs?: number;
  /** How much longer the next wait may be than the one before. Default 2. */
  readonly backoffMultiplier?: number;
  /** Statuses worth another attempt. Default: UNAVAILABLE. */
  readonly retryableCodes?: readonly ErrorCode[];
}

/** {@link RetryOptions} with every default filled in. */
export type RetryPolicy = Required<RetryOptions>;

/** How many retries a peer in trouble gets, over all calls (gRPC A6, "Throttling Retry Attempts"). */
export interface RetryThrottling {
  /** Tokens at most, and to begin with. A failure takes one; at half of them and below nothing is retried. Default 10. */
  readonly maxTokens?: number;
  /** Tokens a success gives back. Default 0.1. */
  readonly tokenRatio?: number;
}

/** The policy when nothing else is said. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxAttempts: 4,
  initialBackoffMs: 100,
  maxBackoffMs: 5_000,
  backoffMultiplier: 2,
  retryableCodes: [ErrorCode.UNAVAILABLE],
};

/**
 * Fill in what is missing from `base`.
 * @throws {RangeError} when a number is out of its range, or a code is no status; naming it.
 */
export function retryPolicy(options: RetryOptions, base: RetryPolicy = DEFAULT_RETRY_POLICY): RetryPolicy {
  const policy: RetryPolicy = {
    maxAttempts: options.maxAttempts ?? base.maxAttempts,
    initialBackoffMs: options.initialBackoffMs ?? base.initialBackoffMs,
    maxBackoffMs: options.maxBackoffMs ?? base.maxBackoffMs,
    backoffMultiplier: options.backoffMultiplier ?? base.backoffMultiplier,
    retryableCodes: options.retryableCodes ?? base.retryableCodes,
  };
  if (!(Number.isInteger(policy.maxAttempts) && policy.maxAttempts >= 1)) {
    throw new RangeError(`maxAttempts is ${policy.maxAttempts}, expected a whole number from 1`);
  }
  checkAtLeast("initialBackoffMs", policy.initialBackoffMs, 0);
  checkAtLeast("maxBackoffMs", policy.maxBackoffMs, 0);
  checkAtLeast("backoffMultiplier", policy.backoffMultiplier, 1);
  for (const code of policy.retryableCodes) {
    if (!isStatus(code)) throw new RangeError(`retryableCodes has "${String(code)}", which is no status`);
  }
  return policy;
}

/**
 * How long to wait before the attempt that follows `attempts` others, in whole milliseconds: evenly distributed from 0 to the back-off
 * ("full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter), so that callers who failed together do
 * not come back together.
 * @param random From 0 to below 1.
 */
export function backoffMs(
  { initialBackoffMs, maxBackoffMs, backoffMultiplier }: Omit<RetryPolicy, "maxAttempts" | "retryableCodes">,
  attempts: number,
  random: number,
): number {
  return Math.round(random * Math.min(initialBackoffMs * backoffMultiplier ** (attempts - 1), maxBackoffMs));
}

/** What the server says about another attempt: after so many milliseconds, none at all, or nothing. */
export type Pushback = number | "never" | undefined;

/** Read {@link RETRY_PUSHBACK} from the metadata of a failure: a number below 0, or none at all, forbids (docs/protocol.md, "Metadata"). */
export function pushbackOf(metadata: Metadata | undefined): Pushback {
  const entry = metadata?.find(([name]) => name === RETRY_PUSHBACK);
  if (entry === undefined) return undefined;
  const [, value] = entry;
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : "never";
}

/** Whether another attempt can do no harm and may help: nothing happened yet, or happening twice is fine; and the status is worth it. */
export function isRetryable(policy: RetryPolicy, error: unknown, idempotent: boolean): error is EchoStreamError {
  if (!(error instanceof EchoStreamError) || !isStatus(error.code)) return false;
  if (error.disposition !== "notProcessed" && !idempotent) return false;
  return policy.retryableCodes.includes(error.code);
}

/** Tokens that failures spend and successes earn, so that retries end when most of them are in vain. */
export class RetryBudget {
  readonly #maxTokens: number;
  readonly #tokenRatio: number;
  #tokens: number;

  /** @throws {RangeError} when a number is out of its range. */
  constructor({ maxTokens = 10, tokenRatio = 0.1 }: RetryThrottling = {}) {
    checkAtLeast("maxTokens", maxTokens, 0);
    checkAtLeast("tokenRatio", tokenRatio, 0);
    this.#maxTokens = maxTokens;
    this.#tokenRatio = tokenRatio;
    this.#tokens = maxTokens;
  }

  /** Whether a retry may be made now. */
  get allows(): boolean {
    return this.#tokens > this.#maxTokens / 2;
  }

  /** A call failed in a way that is worth a retry, or whose server forbids one. */
  failed(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  /** A call succeeded. */
  succeeded(): void {
    if (this.#tokens < this.#maxTokens) this.#tokens = Math.min(this.#maxTokens, this.#tokens + this.#tokenRatio);
  }
}

/** The attempts of one call so far: what the next one depends on. */
export class RetryState {
  /** Attempts made. */
  attempts = 1;
  readonly #policy: RetryPolicy;
  readonly #idempotent: boolean;
  // Attempts since the server last said how long to wait: its word restarts the back-off (gRPC A6, "Pushback").
  #backoffs = 1;

  constructor(policy: RetryPolicy, idempotent: boolean) {
    this.#policy = policy;
    this.#idempotent = idempotent;
  }

  /**
   * An attempt has failed. Milliseconds to wait before the next one, or `undefined` when there shall be none.
   * @param leftMs What is left until the deadline; a wait that reaches it is not begun.
   * @param random From 0 to below 1.
   */
  nextDelayMs(error: unknown, budget: RetryBudget, leftMs: number, random: number): number | undefined {
    if (!isRetryable(this.#policy, error, this.#idempotent)) return undefined;
    const pushback = pushbackOf(error.metadata);
    budget.failed();
    if (pushback === "never" || !budget.allows || this.attempts >= this.#policy.maxAttempts) return undefined;
    const delayMs = pushback ?? backoffMs(this.#policy, this.#backoffs, random);
    if (delayMs >= leftMs) return undefined;
    this.attempts++;
    this.#backoffs = pushback === undefined ? this.#backoffs + 1 : 1;
    return delayMs;
  }
}

/** Name of the metadata by which a server says when to try again, in milliseconds. */
export const RETRY_PUSHBACK = "retry-pushback-ms";

function checkAtLeast(name: string, value: number, minimum: number): void {
  if (typeof value === "number" && value >= minimum && value < Infinity) return;
  throw new RangeError(`${name} is ${value}, expected a number from ${minimum}`);
}
