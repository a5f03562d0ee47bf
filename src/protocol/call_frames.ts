/**
 * Frames of a streaming call, a bidirectional stream: HEADERS · MESSAGE* · END from the caller,
 * HEADERS · MESSAGE* · TRAILER from the callee. Spec: docs/protocol.md, "Streaming calls".
 *
 * @module
 */

import {
  type CallFields,
  type CallFieldsInput,
  callFieldsSlot,
  callFlags,
  Flag,
  readCallFields,
  writeCallFields,
} from "./call_fields.ts";
import { type ErrorCode, protocolViolation, STATUS_OK } from "./error.ts";
import {
  type FailureFields,
  type FailureFieldsInput,
  failureFlags,
  readFailureFields,
  writeFailureFields,
} from "./failure_fields.ts";
import { beginFrame, endFrame, FrameType } from "./frame.ts";
import { type Metadata, readMetadata, writeMetadata } from "./metadata.ts";
import { Reader } from "./reader.ts";
import { FLOOR_METADATA_LIMITS, type MetadataLimits } from "./version.ts";
import type { Writer } from "./writer.ts";

/** HEADERS of a callee. */
export interface ResponseHeaders {
  /** Entries, copied out of the received bytes; `undefined` when there are none. */
  readonly metadata: Metadata | undefined;
  /** The status the caller is to fail with, because the metadata crossed a limit or makes no sense. */
  readonly refused: ErrorCode | undefined;
}

/** One value of a streaming call. */
export interface CallMessage {
  /** An `Encoding`, or one this version does not know. */
  readonly encoding: number;
  /** View of the received bytes. */
  readonly payload: Uint8Array;
}

/** How a streaming call ended. */
export interface Trailer {
  /** `undefined` for OK. */
  readonly failure: FailureFields | undefined;
  /** Trailing metadata of a success; that of a failure is in `failure`. */
  readonly metadata: Metadata | undefined;
}

/** Append the caller's HEADERS frame. @throws {TypeError} and {RangeError} as `writeCallFields`. */
export function encodeCallHeaders(writer: Writer, call: CallFieldsInput): void {
  const flags = callFlags(call);
  const frame = beginFrame(writer, FrameType.HEADERS);
  writer.u8(flags);
  writeCallFields(writer, flags, call);
  endFrame(writer, frame);
}

/** The body of the caller's HEADERS frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. */
export function decodeCallHeaders(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: MetadataLimits = FLOOR_METADATA_LIMITS,
): CallFields {
  const fields = callFieldsSlot();
  reader.open(bytes, start, end);
  readCallFields(reader, reader.u8(), limits, fields);
  reader.finish();
  return fields;
}

/** Append the callee's HEADERS frame. */
export function encodeResponseHeaders(writer: Writer, metadata: Metadata = []): void {
  const frame = beginFrame(writer, FrameType.HEADERS);
  writer.u8(metadata.length > 0 ? Flag.METADATA : 0);
  if (metadata.length > 0) writeMetadata(writer, metadata);
  endFrame(writer, frame);
}

/** The body of the callee's HEADERS frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. */
export function decodeResponseHeaders(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: MetadataLimits = FLOOR_METADATA_LIMITS,
): ResponseHeaders {
  reader.open(bytes, start, end);
  const metadata = readOnlyMetadata(reader.u8(), limits);
  reader.finish();
  return typeof metadata === "string" ? { metadata: undefined, refused: metadata } : { metadata, refused: undefined };
}

/** Append a MESSAGE frame. */
export function encodeCallMessage(writer: Writer, message: CallMessage): void {
  const frame = beginFrame(writer, FrameType.MESSAGE);
  writer.varint(message.encoding).raw(message.payload);
  endFrame(writer, frame);
}

/** The body of a MESSAGE frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. */
export function decodeCallMessage(bytes: Uint8Array, start: number, end: number): CallMessage {
  reader.open(bytes, start, end);
  return { encoding: reader.varint(), payload: reader.rest() };
}

/** Append an END frame. Its body is empty, the frame is not: it can carry the FIN. */
export function encodeEnd(writer: Writer): void {
  endFrame(writer, beginFrame(writer, FrameType.END));
}

/** Check the body of an END frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when there is one. */
export function decodeEnd(_bytes: Uint8Array, start: number, end: number): void {
  if (start !== end) throw protocolViolation("END frame with a body");
}

/** Append the TRAILER frame of a success. */
export function encodeTrailer(writer: Writer, metadata: Metadata = []): void {
  const frame = beginFrame(writer, FrameType.TRAILER);
  writer.u8(metadata.length > 0 ? Flag.METADATA : 0).u8(STATUS_OK);
  if (metadata.length > 0) writeMetadata(writer, metadata);
  endFrame(writer, frame);
}

/** Append the TRAILER frame of a failure. */
export function encodeFailureTrailer(writer: Writer, failure: FailureFieldsInput): void {
  const flags = failureFlags(failure);
  const frame = beginFrame(writer, FrameType.TRAILER);
  writer.u8(flags);
  writeFailureFields(writer, flags, failure);
  endFrame(writer, frame);
}

/** The body of a TRAILER frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. */
export function decodeTrailer(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: MetadataLimits = FLOOR_METADATA_LIMITS,
): Trailer {
  reader.open(bytes, start, end);
  const flags = reader.u8();
  const status = reader.u8();
  if (status !== STATUS_OK) {
    return { failure: readFailureFields(reader, flags, status, limits), metadata: undefined };
  }
  const metadata = readOnlyMetadata(flags, limits);
  reader.finish();
  return { failure: undefined, metadata: typeof metadata === "string" ? undefined : metadata };
}

function readOnlyMetadata(flags: number, limits: MetadataLimits): Metadata | ErrorCode | undefined {
  if (flags & ~Flag.METADATA) throw protocolViolation(`Unknown flags 0x${flags.toString(16)} of a call frame`);
  return flags === 0 ? undefined : readMetadata(reader, limits);
}

const reader = new Reader();
