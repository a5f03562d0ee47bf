/**
 * Variable-length integers of QUIC (RFC 9000 §16), limited to what a JavaScript number holds exactly.
 * Encoders write the shortest form; decoders accept any.
 *
 * @module
 */

import { protocolViolation } from "./error.ts";

/** Longest encoding in bytes. */
export const MAX_VARINT_BYTES = 8;

/** What {@link readVarint} returns while bytes are missing. */
export const MORE: number = -1;

/** Bytes the shortest encoding of `value` takes. `value` must be a safe integer of zero or more. */
export function varintSize(value: number): 1 | 2 | 4 | 8 {
  return value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x4000_0000 ? 4 : 8;
}

/** Bytes of an encoding, told by its first byte. */
export function varintSizeOf(firstByte: number): number {
  return 1 << (firstByte >> 6);
}

/**
 * The integer that starts at `start`, or {@link MORE} when it does not end before `end`. It spans
 * {@link varintSizeOf}`(bytes[start])` bytes.
 *
 * @throws {EchoStreamError} PROTOCOL_VIOLATION when it exceeds 2^53 − 1.
 */
export function readVarint(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return MORE;
  const first = bytes[start]!;
  if (first < 0x40) return first;
  if (first < 0x80) return start + 2 > end ? MORE : ((first & 0x3f) << 8) | bytes[start + 1]!;
  if (first < 0xc0) return start + 4 > end ? MORE : readU32(bytes, start) - 0x8000_0000;
  if (start + 8 > end) return MORE;
  const high = readU32(bytes, start) - 0xc000_0000;
  if (high > 0x1f_ffff) throw protocolViolation("Integer above 2^53 - 1");
  return high * 0x1_0000_0000 + readU32(bytes, start + 4);
}

/** Write `value` at `at` in its shortest form and return where it ends. The caller has made room. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  if (value < 0x40) {
    bytes[at] = value;
    return at + 1;
  }
  if (value < 0x4000) {
    bytes[at] = 0x40 | (value >> 8);
    bytes[at + 1] = value;
    return at + 2;
  }
  if (value < 0x4000_0000) {
    writeU32(bytes, at, (0x8000_0000 | value) >>> 0);
    return at + 4;
  }
  writeU32(bytes, at, (0xc000_0000 | Math.floor(value / 0x1_0000_0000)) >>> 0);
  writeU32(bytes, at + 4, value >>> 0);
  return at + 8;
}

/** Big-endian unsigned 32 bits at `at`. */
export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Write the low 32 bits of `value` at `at`, big-endian. */
export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
