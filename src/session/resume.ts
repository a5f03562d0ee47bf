/**
 * What sessions that outlive their connection have in common: which endings they outlive, and what is kept for how long.
 *
 * @module
 */

import type { CloseReason } from "../connection/close_reason.ts";
import type { Settings } from "../protocol/settings.ts";
import type { ReplayLimits } from "../rpc/replay_buffer.ts";

/** What is kept of a session whose connection is lost; every field has a default. */
export interface ResumeOptions {
  /** How long a server keeps it, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
  /** Events it keeps to send again, in each direction. Default 4,096; at most `limits.maxUnackedEvents` of them are on their way at once. */
  readonly maxEvents?: number;
  /** Bytes of these events. Default 4 MiB. */
  readonly maxBytes?: number;
  /** Sessions a server keeps at once without a connection; the one that has waited longest ends when there are more. Default 10,000. */
  readonly maxSessions?: number;
}

/** {@link ResumeOptions} with every default filled in. */
export interface ResumePolicy extends ReplayLimits {
  readonly timeoutMs: number;
  readonly maxSessions: number;
}

/** How one session may go on with another connection. */
export interface SessionResume {
  /** What is kept of its events. */
  readonly policy: ReplayLimits;
  /** How long it is kept without a connection, in milliseconds; `undefined`: its owner decides. */
  readonly timeoutMs: number | undefined;
  /** What SETTINGS say about it. */
  readonly announce: Partial<Settings>;
}

/**
 * Fill in the defaults; `undefined` for sessions that end with their connection.
 * @throws {RangeError} when a number is out of its range, naming it.
 */
export function resumePolicy(options: ResumeOptions | boolean): ResumePolicy | undefined {
  if (options === false) return undefined;
  const { timeoutMs = 30_000, maxEvents = 4_096, maxBytes = 4 * 1024 * 1024, maxSessions = 10_000 } = options === true
    ? {}
    : options;
  const policy = { timeoutMs, maxEvents, maxBytes, maxSessions };
  for (const [name, value] of Object.entries(policy)) {
    if (typeof value === "number" && value > 0 && value <= MAX_VALUE) continue;
    throw new RangeError(`resume.${name} is ${String(value)}, expected a number from 1 to ${MAX_VALUE}`);
  }
  return policy;
}

/** Whether a connection broke, as opposed to being closed by one of its ends: only then its session may go on. */
export function isAbrupt({ application, by }: CloseReason): boolean {
  return !application && by !== "handshake";
}

/** A token that cannot be guessed: 32 bytes of randomness. */
export function makeToken(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}

/** A day in milliseconds; of bytes and events nobody keeps as many. */
const MAX_VALUE = 86_400_000;
