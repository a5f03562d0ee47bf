/**
 * The frames of a control stream besides SETTINGS. Spec: docs/protocol.md, "GOAWAY", "Events" and "Resume".
 *
 * @module
 */

import { protocolViolation } from "./error.ts";
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

/** A server's answer to a resume token, or a client's confirmation. */
export interface Resumed {
  /** Whether the session goes on. */
  readonly resumed: boolean;
  /** Sequence of the last event its sender has seen in that session; 0 for none, or when it does not go on. */
  readonly eventSequence: number;
}

/** Append a RESUMED frame. */
export function encodeResumed(writer: Writer, { resumed, eventSequence }: Resumed): void {
  const frame = beginFrame(writer, FrameType.RESUMED);
  writer.u8(resumed ? 1 : 0).varint(eventSequence);
  endFrame(writer, frame);
}

/** The body of a RESUMED frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. */
export function decodeResumed(bytes: Uint8Array, start: number, end: number): Resumed {
  reader.open(bytes, start, end);
  const outcome = reader.u8();
  if (outcome > 1) throw protocolViolation(`Unknown outcome ${outcome} of resuming`);
  const eventSequence = reader.varint();
  reader.finish();
  return { resumed: outcome === 1, eventSequence };
}

const reader = new Reader();
