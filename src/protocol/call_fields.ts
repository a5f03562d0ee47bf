/**
 * The fields a REQUEST message and the HEADERS frame of a streaming call share, in one encoding:
 * method, remaining deadline, trace context, metadata. Spec: docs/protocol.md, "Call fields".
 *
 * @module
 */

import { type ErrorCode, protocolViolation } from "./error.ts";
import { type Metadata, readMetadata, writeMetadata } from "./metadata.ts";
import { writeName } from "./name.ts";
import { nameRefusal, type Reader } from "./reader.ts";
import { readTraceparent, writeTraceparent } from "./trace_context.ts";
import type { MetadataLimits } from "./version.ts";
import type { Writer } from "./writer.ts";

/** Bits of the flags byte of messages and call frames. A bit that its message does not define is a violation. */
export const Flag = {
  /** A metadata block is there. */
  METADATA: 0x01,
  /** The remaining deadline is there. */
  TIMEOUT: 0x02,
  /** 25 bytes of trace context are there. */
  TRACE: 0x04,
  /** Processing the call twice does no harm. */
  IDEMPOTENT: 0x08,
  /** The method is an id out of the peer's SETTINGS instead of a name. */
  METHOD_ID: 0x10,
  /** The application's name for its error is there. */
  ERROR_NAME: 0x20,
  /** An encoding and the application's error data are there, to the end. */
  ERROR_DATA: 0x40,
} as const;

/** What a caller says about a call before its payload. */
export interface CallFieldsInput {
  /** Method name, or the id that the peer's SETTINGS gave it. */
  readonly method: string | number;
  /** Remaining deadline in milliseconds, rounded up to whole ones. 0 or absent: none. */
  readonly timeoutMs?: number | undefined;
  /** W3C `traceparent`. */
  readonly traceparent?: string | undefined;
  /** Absent or empty: none. */
  readonly metadata?: Metadata | undefined;
  /** Processing it twice does no harm. Default false. */
  readonly idempotent?: boolean | undefined;
}

/** What a receiver learns about a call before its payload. */
export interface CallFields {
  /** Method name, or an id this end handed out in its SETTINGS; empty when `refused`. */
  readonly method: string | number;
  /** Remaining deadline in milliseconds when it was sent; 0 for none. */
  readonly timeoutMs: number;
  /** W3C `traceparent`, when there is a valid one. */
  readonly traceparent: string | undefined;
  /** Entries, copied out of the received bytes; `undefined` when there are none. */
  readonly metadata: Metadata | undefined;
  /** Processing it twice does no harm. */
  readonly idempotent: boolean;
  /** The status to answer at once, because a limit was crossed or a field makes no sense, or `undefined`. */
  readonly refused: ErrorCode | undefined;
}

/** {@link CallFields} as the reader fills them in. */
export type CallFieldsSlot = { -readonly [Field in keyof CallFields]: CallFields[Field] };

/** A fresh slot for {@link readCallFields}. */
export function callFieldsSlot(): CallFieldsSlot {
  return {
    method: "",
    timeoutMs: 0,
    traceparent: undefined,
    metadata: undefined,
    idempotent: false,
    refused: undefined,
  };
}

/** The flags byte of a call. */
export function callFlags(call: CallFieldsInput): number {
  let flags = typeof call.method === "number" ? Flag.METHOD_ID : 0;
  if (call.timeoutMs) flags |= Flag.TIMEOUT;
  if (call.traceparent !== undefined) flags |= Flag.TRACE;
  if (call.metadata !== undefined && call.metadata.length > 0) flags |= Flag.METADATA;
  if (call.idempotent) flags |= Flag.IDEMPOTENT;
  return flags;
}

/**
 * Append the fields that `flags` announces.
 *
 * @throws {TypeError} when the method name or the trace context may not travel.
 * @throws {RangeError} when the method id or the timeout is negative or too large.
 */
export function writeCallFields(writer: Writer, flags: number, call: CallFieldsInput): void {
  if (typeof call.method === "number") writer.varint(call.method);
  else writeName(writer, "Method", call.method);
  if (flags & Flag.TIMEOUT) writer.varint(Math.ceil(call.timeoutMs!));
  if (flags & Flag.TRACE) writeTraceparent(writer, call.traceparent!);
  if (flags & Flag.METADATA) writeMetadata(writer, call.metadata!);
}

/** Read the fields that `flags` announces into `slot`. Steps over what refuses the call, so that it can be answered. */
export function readCallFields(reader: Reader, flags: number, limits: MetadataLimits, slot: CallFieldsSlot): void {
  if (flags & ~CALL_FLAGS) throw protocolViolation(`Unknown flags 0x${flags.toString(16)} of a call`);
  slot.refused = undefined;
  if (flags & Flag.METHOD_ID) {
    slot.method = reader.varint();
  } else {
    const method = reader.name();
    slot.refused = nameRefusal(method);
    slot.method = slot.refused === undefined ? method : "";
  }
  slot.timeoutMs = flags & Flag.TIMEOUT ? reader.varint() : 0;
  slot.traceparent = flags & Flag.TRACE ? readTraceparent(reader) : undefined;
  slot.metadata = undefined;
  if (flags & Flag.METADATA) {
    const metadata = readMetadata(reader, limits);
    if (typeof metadata === "string") slot.refused ??= metadata;
    else slot.metadata = metadata;
  }
  slot.idempotent = (flags & Flag.IDEMPOTENT) !== 0;
}

const CALL_FLAGS = Flag.METADATA | Flag.TIMEOUT | Flag.TRACE | Flag.IDEMPOTENT | Flag.METHOD_ID;
