/**
 * The frames of a control stream besides SETTINGS. Spec: docs/protocol.md, "GOAWAY" and "EVENT_ACK".
 *
 * @module
 */

import { beginFrame, endFrame, FrameType } from "./frame.ts";
import { Reader } from "./reader.ts";
import { truncateUtf8 } from "./utf8.ts";
import { MAX_TEXT_BYTES } from "./version.ts";
import type { Writer } from "./writer.ts";

/** The sender drains: calls that arrive from now on are answered "not processed" until the connection closes. */
export interface Goaway {
  /** A `ConnectionCode`, or one this version does not know. */
  readonly code: number;
  /** How long the drain takes at most; 0 when that is not decided. */
  readonly graceMs: number;
  /** For people. */
  readonly reason: string;
}

/** Append a GOAWAY frame. The reason is cut to 1,024 bytes. */
export function encodeGoaway(writer: Writer, goaway: Goaway): void {
  const frame = beginFrame(writer, FrameType.GOAWAY);
  writer.varint(goaway.code).varint(Math.ceil(goaway.graceMs)).text(truncateUtf8(goaway.reason, MAX_TEXT_BYTES));
  endFrame(writer, frame);
}

/** The body of a GOAWAY frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. */
export function decodeGoaway(bytes: Uint8Array, start: number, end: number): Goaway {
  reader.open(bytes, start, end);
  const goaway = { code: reader.varint(), graceMs: reader.varint(), reason: reader.text() };
  reader.finish();
  return goaway;
}

/** Append an EVENT_ACK frame: every event up to and including `sequence` was taken. */
export function encodeEventAck(writer: Writer, sequence: number): void {
  const frame = beginFrame(writer, FrameType.EVENT_ACK);
  writer.varint(sequence);
  endFrame(writer, frame);
}

/** The sequence in the body of an EVENT_ACK frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. */
export function decodeEventAck(bytes: Uint8Array, start: number, end: number): number {
  reader.open(bytes, start, end);
  const sequence = reader.varint();
  reader.finish();
  return sequence;
}

const reader = new Reader();
