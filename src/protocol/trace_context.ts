/**
 * W3C Trace Context (https://www.w3.org/TR/trace-context/) of version 00, as 25 bytes: trace id 16, parent id 8, flags 1.
 *
 * @module
 */

import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/**
 * Append the `traceparent` header value as 25 bytes.
 *
 * @throws {TypeError} when it is not `00-<32 hex>-<16 hex>-<2 hex>`, in lower case, with ids that are not all zero.
 */
export function writeTraceparent(writer: Writer, traceparent: string): void {
  if (!isTraceparent(traceparent)) throw new TypeError(`No traceparent of version 00: ${JSON.stringify(traceparent)}`);
  writeHex(writer, traceparent, 3, 35);
  writeHex(writer, traceparent, 36, 52);
  writeHex(writer, traceparent, 53, 55);
}

/** The `traceparent` header value of 25 bytes, or `undefined` when an id is all zero, which means "no trace". */
export function readTraceparent(reader: Reader): string | undefined {
  const at = reader.skip(25);
  const { bytes } = reader;
  const hasTrace = writeDigits(bytes, at, at + 16, 3);
  const hasParent = writeDigits(bytes, at + 16, at + 24, 36);
  writeDigits(bytes, at + 24, at + 25, 53);
  return hasTrace && hasParent ? ascii.decode(header) : undefined;
}

/** True when `value` is a `traceparent` of version 00 with ids that are not all zero. */
export function isTraceparent(value: string): boolean {
  return TRACEPARENT.test(value) && value.slice(3, 35) !== NO_TRACE_ID && value.slice(36, 52) !== NO_PARENT_ID;
}

function writeHex(writer: Writer, text: string, start: number, end: number): void {
  for (let i = start; i < end; i += 2) writer.u8((hexValue(text, i) << 4) | hexValue(text, i + 1));
}

function hexValue(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit < 0x3a ? unit - 0x30 : unit - 0x57;
}

/** Write the digits of `bytes[start, end)` at `place` of {@link header}; false when all are zero. */
function writeDigits(bytes: Uint8Array, start: number, end: number, place: number): boolean {
  let seen = 0;
  for (let i = start; i < end; i++, place += 2) {
    const byte = bytes[i]!;
    seen |= byte;
    header[place] = DIGITS[byte >> 4]!;
    header[place + 1] = DIGITS[byte & 0xf]!;
  }
  return seen !== 0;
}

const ascii = new TextDecoder();
const DIGITS = new TextEncoder().encode("0123456789abcdef");
// The text under construction: building it in bytes costs one string, not twenty-five.
const header = new TextEncoder().encode("00-00000000000000000000000000000000-0000000000000000-00");
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const NO_TRACE_ID = "0".repeat(32);
const NO_PARENT_ID = "0".repeat(16);
