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
  const traceId = readHex(bytes, at, at + 16);
  const parentId = readHex(bytes, at + 16, at + 24);
  if (traceId === NO_TRACE_ID || parentId === NO_PARENT_ID) return undefined;
  return `00-${traceId}-${parentId}-${readHex(bytes, at + 24, at + 25)}`;
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

function readHex(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += HEX[bytes[i]!]!;
  return text;
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const NO_TRACE_ID = "0".repeat(32);
const NO_PARENT_ID = "0".repeat(16);
