/**
 * How long an orderly close may wait for what is in flight.
 *
 * @module
 */

/**
 * A grace as it was given, at most a day.
 * @throws {RangeError} when it is not 0 or more milliseconds.
 */
export function checkedGraceMs(graceMs: number): number {
  if (!(typeof graceMs === "number" && graceMs >= 0)) {
    throw new RangeError(`graceMs is ${String(graceMs)}, expected 0 or more milliseconds`);
  }
  return Math.min(graceMs, MAX_GRACE_MS);
}

/** Longer than anybody waits, and short enough for timers and the wire. */
const MAX_GRACE_MS = 86_400_000;
