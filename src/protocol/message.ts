/**
 * Messages: whole, reliable, unordered units. A unary call is a REQUEST one way and an ANSWER or a FAILURE the other.
 * Spec: docs/protocol.md, "Messages".
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
import { isEncoding } from "./encoding.ts";
import { ErrorCode, protocolViolation, STATUS_OK, statusNumber, statusOf } from "./error.ts";
import {
  type FailureFields,
  type FailureFieldsInput,
  failureFlags,
  readFailureFields,
  writeFailureFields,
} from "./failure_fields.ts";
import { type Metadata, readMetadata, writeMetadata } from "./metadata.ts";
import { writeName } from "./name.ts";
import { nameRefusal, Reader } from "./reader.ts";
import { readStreamReport, type StreamReport, writeStreamReport } from "./stream_report.ts";
import { truncateUtf8 } from "./utf8.ts";
import { MORE, readVarint } from "./varint.ts";
import { FLOOR_METADATA_LIMITS, MAX_TEXT_BYTES, type MetadataLimits } from "./version.ts";
import type { Writer } from "./writer.ts";

/** First varint of a message. */
export const MessageType = {
  /** Never sent; what {@link decodeMessage} calls a type this version does not know. */
  UNKNOWN: 0x00,
  /** A unary call. */
  REQUEST: 0x01,
  /** It succeeded. */
  ANSWER: 0x02,
  /** It failed. */
  FAILURE: 0x03,
  /** The caller no longer wants it. */
  CANCEL: 0x04,
  /** How a media stream ended at its receiver. */
  STREAM_STATUS: 0x05,
  /** Events arrived that nobody listens to. */
  EVENT_UNHEARD: 0x06,
  /** How a media stream fares at its receiver; see `stream_report.ts`. */
  STREAM_REPORT: 0x07,
} as const;

/** A unary call. Payload and metadata views are of the received bytes. */
export interface RequestMessage extends CallFields {
  /** Tells it from other messages. */
  readonly type: typeof MessageType.REQUEST;
  /** Chosen by the caller, never reused on the connection. */
  readonly callId: number;
  /** An `Encoding`, unless `refused`. */
  readonly encoding: number;
  /** View of the received bytes. */
  readonly payload: Uint8Array;
}

/** The result of a call. */
export interface AnswerMessage {
  /** Tells it from other messages. */
  readonly type: typeof MessageType.ANSWER;
  /** As in its REQUEST. */
  readonly callId: number;
  /** Entries, copied out of the received bytes; `undefined` when there are none. */
  readonly metadata: Metadata | undefined;
  /** An `Encoding`, unless `refused`. */
  readonly encoding: number;
  /** View of the received bytes. */
  readonly payload: Uint8Array;
  /** The status the caller is to fail with, because the answer crossed a limit or makes no sense. */
  readonly refused: ErrorCode | undefined;
}

/** The failure of a call. */
export interface FailureMessage extends FailureFields {
  /** Tells it from other messages. */
  readonly type: typeof MessageType.FAILURE;
  /** As in its REQUEST. */
  readonly callId: number;
}

/** The caller gave up. May arrive before its REQUEST. */
export interface CancelMessage {
  /** Tells it from other messages. */
  readonly type: typeof MessageType.CANCEL;
  /** As in its REQUEST. */
  readonly callId: number;
}

/** What became of a media stream, from its receiver. Last word about it. */
export interface StreamStatusMessage {
  /** Tells it from other messages. */
  readonly type: typeof MessageType.STREAM_STATUS;
  /** As in the header of the stream. */
  readonly mediaStreamId: number;
  /** `undefined` for OK: the end was seen and every frame taken. */
  readonly code: ErrorCode | undefined;
  /** Frames the receiver took. */
  readonly framesReceived: number;
  /** For people. Empty when OK. */
  readonly message: string;
}

/** Events nobody listens to, from their receiver. */
export interface EventUnheardMessage {
  /** Tells it from other messages. */
  readonly type: typeof MessageType.EVENT_UNHEARD;
  /** Sequence of the latest of them. */
  readonly sequence: number;
  /** How many of this name since the last report. */
  readonly count: number;
  /** Name of the event; empty when it was none. */
  readonly name: string;
}

/** How a media stream fares, from its receiver. */
export interface StreamReportMessage extends StreamReport {
  /** Tells it from other messages. */
  readonly type: typeof MessageType.STREAM_REPORT;
}

/** A message of a type this version does not know: to be ignored. */
export interface UnknownMessage {
  /** Tells it from other messages. */
  readonly type: typeof MessageType.UNKNOWN;
  /** The type on the wire. */
  readonly wireType: number;
}

/** Any message, told apart by `type`. */
export type Message =
  | RequestMessage
  | AnswerMessage
  | FailureMessage
  | CancelMessage
  | StreamStatusMessage
  | EventUnheardMessage
  | StreamReportMessage
  | UnknownMessage;

/** Input of {@link encodeRequest}. */
export interface RequestInput extends CallFieldsInput {
  /** Chosen by the caller, never reused on the connection. */
  readonly callId: number;
  /** An `Encoding`. */
  readonly encoding: number;
  /** The value, encoded. */
  readonly payload: Uint8Array;
}

/** Input of {@link encodeAnswer}. */
export interface AnswerInput {
  /** As in its REQUEST. */
  readonly callId: number;
  /** Absent or empty: none. */
  readonly metadata?: Metadata | undefined;
  /** An `Encoding`. */
  readonly encoding: number;
  /** The value, encoded. */
  readonly payload: Uint8Array;
}

/** Input of {@link encodeFailure}. */
export interface FailureInput extends FailureFieldsInput {
  /** As in its REQUEST. */
  readonly callId: number;
}

/** Append a REQUEST. @throws {TypeError} and {RangeError} as `writeCallFields`. */
export function encodeRequest(writer: Writer, request: RequestInput): void {
  const flags = callFlags(request);
  writer.u8(MessageType.REQUEST).u8(flags).varint(request.callId);
  writeCallFields(writer, flags, request);
  writer.varint(request.encoding).raw(request.payload);
}

/** Append an ANSWER. */
export function encodeAnswer(writer: Writer, answer: AnswerInput): void {
  const { metadata } = answer;
  const hasMetadata = metadata !== undefined && metadata.length > 0;
  writer.u8(MessageType.ANSWER).u8(hasMetadata ? Flag.METADATA : 0).varint(answer.callId);
  if (hasMetadata) writeMetadata(writer, metadata);
  writer.varint(answer.encoding).raw(answer.payload);
}

/** Append a FAILURE. */
export function encodeFailure(writer: Writer, failure: FailureInput): void {
  const flags = failureFlags(failure);
  writer.u8(MessageType.FAILURE).u8(flags).varint(failure.callId);
  writeFailureFields(writer, flags, failure);
}

/** Append a CANCEL. */
export function encodeCancel(writer: Writer, callId: number): void {
  writer.u8(MessageType.CANCEL).varint(callId);
}

/** Append a STREAM_STATUS; `code` absent means OK. The text is cut to 1,024 bytes. */
export function encodeStreamStatus(
  writer: Writer,
  status: {
    readonly mediaStreamId: number;
    readonly code?: ErrorCode | undefined;
    readonly framesReceived: number;
    readonly message?: string | undefined;
  },
): void {
  writer.u8(MessageType.STREAM_STATUS).varint(status.mediaStreamId);
  writer.u8(status.code === undefined ? STATUS_OK : statusNumber(status.code));
  writer.varint(status.framesReceived).text(truncateUtf8(status.message ?? "", MAX_TEXT_BYTES));
}

/** Append an EVENT_UNHEARD. @throws {TypeError} when `name` is no name. */
export function encodeEventUnheard(
  writer: Writer,
  report: { readonly sequence: number; readonly count: number; readonly name: string },
): void {
  writer.u8(MessageType.EVENT_UNHEARD).varint(report.sequence).varint(report.count);
  writeName(writer, "Event", report.name);
}

/** Append a STREAM_REPORT. */
export function encodeStreamReport(writer: Writer, report: StreamReport): void {
  writer.u8(MessageType.STREAM_REPORT);
  writeStreamReport(writer, report);
}

/**
 * The message in `bytes[start, end)`.
 *
 * @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. What concerns one call only, such as metadata above
 * `limits`, is no throw but `refused`.
 */
export function decodeMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: MetadataLimits = FLOOR_METADATA_LIMITS,
): Message {
  reader.open(bytes, start, end);
  const type = reader.varint();
  switch (type) {
    case MessageType.REQUEST:
      return readRequest(limits);
    case MessageType.ANSWER:
      return readAnswer(limits);
    case MessageType.FAILURE:
      return readFailure(limits);
    case MessageType.CANCEL:
      return finished({ type, callId: reader.varint() });
    case MessageType.STREAM_STATUS:
      return readStreamStatus();
    case MessageType.EVENT_UNHEARD:
      return readEventUnheard();
    case MessageType.STREAM_REPORT:
      return finished({ type, ...readStreamReport(reader) });
    default:
      return { type: MessageType.UNKNOWN, wireType: type };
  }
}

/** First bytes of a message that {@link decodeMessageHead} may need: type, flags and the longest call id. */
export const MESSAGE_HEAD_BYTES = 10;

/** What can be told of a message that is too large to be held. */
export interface MessageHead {
  /** The three that belong to a call. */
  readonly type: typeof MessageType.REQUEST | typeof MessageType.ANSWER | typeof MessageType.FAILURE;
  /** As in its REQUEST. */
  readonly callId: number;
}

/**
 * Type and call id out of the first {@link MESSAGE_HEAD_BYTES} of a message, so that an oversize REQUEST can be answered
 * and an oversize ANSWER can fail its call. `undefined` when the type is another one.
 */
export function decodeMessageHead(head: Uint8Array): MessageHead | undefined {
  const type = head[0];
  if (type !== MessageType.REQUEST && type !== MessageType.ANSWER && type !== MessageType.FAILURE) return undefined;
  const callId = readVarint(head, 2, head.length);
  return callId === MORE ? undefined : { type, callId };
}

function readRequest(limits: MetadataLimits): RequestMessage {
  const flags = reader.u8();
  const callId = reader.varint();
  readCallFields(reader, flags, limits, callFields);
  const encoding = reader.varint();
  return {
    type: MessageType.REQUEST,
    callId,
    method: callFields.method,
    timeoutMs: callFields.timeoutMs,
    traceparent: callFields.traceparent,
    metadata: callFields.metadata,
    idempotent: callFields.idempotent,
    encoding,
    payload: reader.rest(),
    refused: callFields.refused ?? encodingRefusal(encoding),
  };
}

function readAnswer(limits: MetadataLimits): AnswerMessage {
  const flags = reader.u8();
  const callId = reader.varint();
  if (flags & ~Flag.METADATA) throw protocolViolation(`Unknown flags 0x${flags.toString(16)} of an answer`);
  const metadata = flags === 0 ? undefined : readMetadata(reader, limits);
  const encoding = reader.varint();
  const isRefused = typeof metadata === "string";
  return {
    type: MessageType.ANSWER,
    callId,
    metadata: isRefused ? undefined : metadata,
    encoding,
    payload: reader.rest(),
    refused: isRefused ? metadata : encodingRefusal(encoding),
  };
}

function readFailure(limits: MetadataLimits): FailureMessage {
  const flags = reader.u8();
  const callId = reader.varint();
  const fields = readFailureFields(reader, flags, reader.u8(), limits);
  return { type: MessageType.FAILURE, callId, ...fields };
}

function readStreamStatus(): StreamStatusMessage {
  const mediaStreamId = reader.varint();
  const status = reader.u8();
  const code = statusOf(status);
  if (code === undefined && status !== STATUS_OK) throw protocolViolation(`Unknown status ${status}`);
  const framesReceived = reader.varint();
  const message = reader.text();
  return finished({ type: MessageType.STREAM_STATUS, mediaStreamId, code, framesReceived, message });
}

function readEventUnheard(): EventUnheardMessage {
  const sequence = reader.varint();
  const count = reader.varint();
  const name = reader.name();
  return finished({
    type: MessageType.EVENT_UNHEARD,
    sequence,
    count,
    name: nameRefusal(name) === undefined ? name : "",
  });
}

function finished<M extends Message>(message: M): M {
  reader.finish();
  return message;
}

function encodingRefusal(encoding: number): ErrorCode | undefined {
  return isEncoding(encoding) ? undefined : ErrorCode.UNIMPLEMENTED;
}

// Decoding is synchronous and calls nothing of anybody else's, so one cursor and one slot serve all.
const reader = new Reader();
const callFields = callFieldsSlot();
