/**
 * Arithmetic of 32-bit sequence numbers that wrap around (serial numbers, RFC 1982).
 *
 * @module
 */

/** The sequence after `sequence`. */
export function nextSequence(sequence: number): number {
  return (sequence + 1) >>> 0;
}

/** How far `to` is ahead of `from`: −2^31 to 2^31 − 1, negative when it is behind. */
export function sequenceDistance(from: number, to: number): number {
  return (to - from) | 0;
}

/** True when `a` comes after `b`. */
export function isAfter(a: number, b: number): boolean {
  return sequenceDistance(b, a) > 0;
}

/** The number without wrapping that `sequence` stands for, the one nearest to `near`, never below 0. */
export function unwrapSequence(sequence: number, near: number): number {
  const unwrapped = near + sequenceDistance(near % 0x1_0000_0000, sequence);
  return unwrapped < 0 ? unwrapped + 0x1_0000_0000 : unwrapped;
}
