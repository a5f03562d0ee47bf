/**
 * Who serves an address: how many I/O threads of this program, and which of several programs it is.
 *
 * @module
 */

import type { AcceptOptions } from "./accept_options.ts";
import type { LogRecord } from "../trace.ts";

/** More processors than that are a mistake of the program. */
export const MAX_THREADS = 64;

/**
 * The number of threads, 1 when none was given.
 * @throws {RangeError} when it is out of range.
 */
export function threadCount(given: number = 1): number {
  if (Number.isInteger(given) && given >= 1 && given <= MAX_THREADS) return given;
  throw new RangeError(`threads is ${String(given)}, expected a whole number from 1 to ${MAX_THREADS}`);
}

/** One of several processes or workers that serve the same address. */
export interface PortShare {
  /** Which one: 0 to `count - 1`, each once. */
  readonly index: number;
  /** How many there are at most, the same for all; with `threads` 64 in all. */
  readonly count: number;
}

/** What has to fit together for a shared port. */
export interface PortShareNeeds {
  readonly threads: number;
  readonly accept: AcceptOptions;
  readonly earlyData: boolean;
  readonly ports: readonly number[];
}

/**
 * What was given, if it can be.
 * @throws {RangeError} when a number is out of range.
 * @throws {TypeError} when it is no such object, or something it needs is missing.
 */
export function portShare(given: PortShare | undefined, needs: PortShareNeeds): PortShare | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`reusePort is ${String(given)}, expected { index, count }`);
  }
  const { index, count } = given;
  const most = Math.floor(MAX_THREADS / needs.threads);
  if (!Number.isInteger(count) || count < 1 || count > most) {
    throw new RangeError(`reusePort.count is ${String(count)}, expected a whole number from 1 to ${most}`);
  }
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new RangeError(`reusePort.index is ${String(index)}, expected a whole number from 0 to ${count - 1}`);
  }
  if (needs.accept.secret === undefined) {
    throw new TypeError("reusePort needs accept: { secret }, the same for all who share the port");
  }
  // Each would take the same early data once.
  if (needs.earlyData) throw new TypeError("reusePort and earlyData exclude each other: early data could be replayed");
  if (needs.ports.includes(0)) throw new TypeError("reusePort needs a port that all know, not 0");
  return { index, count };
}

/** A warning when there are more threads than processors this program may use, `undefined` otherwise. */
export function threadWarning(threads: number, processors: number): LogRecord | undefined {
  if (threads <= processors || threads === 1) return undefined;
  return {
    level: "warn",
    category: "connection",
    message: "A server has more I/O threads than there are processors for this program: they only take turns",
    fields: { threads, processors },
  };
}
