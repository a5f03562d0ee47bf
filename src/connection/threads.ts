/**
 * How many I/O threads serve an address.
 *
 * @module
 */

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
