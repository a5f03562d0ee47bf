/**
 * When a client that lost its connection dials again, and after how long. Time and randomness come in as arguments.
 *
 * @module
 */

import type { CloseReason } from "../connection/close_reason.ts";
import { ConnectionCode } from "../protocol/error.ts";
import { backoffMs } from "../rpc/retry_policy.ts";

/** What becomes of requests, events and streams while there is no connection: they wait for the next one, or fail at once. */
export type WhileReconnecting = "wait" | "fail";

/** How a client gets its connection back; every field has a default. */
export interface ReconnectOptions {
  /** Longest wait before the first attempt, in milliseconds; how much of it is waited is random. Default 500. */
  readonly initialDelayMs?: number;
  /** Longest wait before any attempt, in milliseconds. Default 10,000. */
  readonly maxDelayMs?: number;
  /** How much longer the next wait may be than the one before. Default 2. */
  readonly multiplier?: number;
  /** Attempts in a row after which the client ends. Default: no limit. */
  readonly maxAttempts?: number;
  /**
   * What becomes of requests, events and streams while there is no connection: they wait for the next one, requests up to their
   * deadline, or fail at once with UNAVAILABLE, "not processed". Default `"wait"`.
   */
  readonly whileReconnecting?: WhileReconnecting;
  /** How many may wait; more are refused with RESOURCE_EXHAUSTED, "not processed". Default 1,024. */
  readonly maxWaiting?: number;
}

/** {@link ReconnectOptions} with every default filled in. */
export type ReconnectPolicy = Required<ReconnectOptions>;

/** The policy when nothing else is said. */
export const DEFAULT_RECONNECT_POLICY: ReconnectPolicy = {
  initialDelayMs: 500,
  maxDelayMs: 10_000,
  multiplier: 2,
  maxAttempts: Infinity,
  whileReconnecting: "wait",
  maxWaiting: 1_024,
};

/**
 * Fill in the defaults; `undefined` for a client that ends with its connection.
 * @throws {RangeError} when a number is out of its range, naming it.
 */
export function reconnectPolicy(options: ReconnectOptions | boolean = true): ReconnectPolicy | undefined {
  if (options === false) return undefined;
  const given = options === true ? [] : Object.entries(options).filter(([, value]) => value !== undefined);
  const policy: ReconnectPolicy = { ...DEFAULT_RECONNECT_POLICY, ...Object.fromEntries(given) };
  for (const name of ["initialDelayMs", "maxDelayMs", "multiplier", "maxAttempts", "maxWaiting"] as const) {
    const minimum = name === "multiplier" || name === "maxAttempts" ? 1 : 0;
    const value = policy[name];
    const isUnlimited = value === Infinity && (name === "maxAttempts" || name === "maxWaiting");
    if (typeof value === "number" && value >= minimum && (value < Infinity || isUnlimited)) continue;
    throw new RangeError(`reconnect.${name} is ${value}, expected a number from ${minimum}`);
  }
  if (policy.whileReconnecting !== "wait" && policy.whileReconnecting !== "fail") {
    throw new RangeError(`reconnect.whileReconnecting is ${String(policy.whileReconnecting)}, expected wait or fail`);
  }
  return policy;
}

/**
 * Whether a connection that ended so is worth another: the path broke, or the server went away. Not when an application ended it on
 * purpose (NO_ERROR, REFUSED), and not when one end broke the rules: it would again.
 */
export function mayReconnect({ application, code }: CloseReason): boolean {
  return !application || !FINAL_CODES.includes(code);
}

/** The waits between the attempts of one client. */
export class ReconnectBackoff {
  /** Attempts since the connection was last good. */
  attempts = 0;
  readonly #policy: ReconnectPolicy;
  #connectedUs = -Infinity;

  constructor(policy: ReconnectPolicy) {
    this.#policy = policy;
  }

  /** An attempt has succeeded. */
  connected(nowUs: number): void {
    this.#connectedUs = nowUs;
  }

  /** The connection is lost. One that did not last counts as a failed attempt: a server that falls over at once is not hammered. */
  lost(nowUs: number): void {
    if (nowUs - this.#connectedUs >= LASTING_US) this.attempts = 0;
  }

  /**
   * Milliseconds to wait before the next attempt; `undefined` when there shall be none.
   * @param random From 0 to below 1.
   */
  nextDelayMs(random: number): number | undefined {
    const { initialDelayMs, maxDelayMs, multiplier, maxAttempts } = this.#policy;
    if (this.attempts >= maxAttempts) return undefined;
    this.attempts++;
    return backoffMs(
      { initialBackoffMs: initialDelayMs, maxBackoffMs: maxDelayMs, backoffMultiplier: multiplier },
      this.attempts,
      random,
    );
  }
}

const FINAL_CODES: readonly number[] = [
  ConnectionCode.NO_ERROR,
  ConnectionCode.PROTOCOL_VIOLATION,
  ConnectionCode.LIMIT_EXCEEDED,
  ConnectionCode.REFUSED,
];
/** A connection that stood for so long was good. */
const LASTING_US = 5_000_000;
