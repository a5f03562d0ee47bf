/**
 * EVENT frames of an event stream. Spec: docs/protocol.md, "Events".
 *
 * @module
 */

import { beginFrame, endFrame, FrameType } from "./frame.ts";
import { writeName } from "./name.ts";
import { nameRefusal, Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** One ordered event. */
export interface EventFrame {
  /** 1 for the first event of a session, then one more each. */
  readonly sequence: number;
  /** Empty when what arrived is no name: nobody can listen to it. */
  readonly name: string;
  /** An `Encoding`, or one this version does not know. */
  readonly encoding: number;
  /** View of the received bytes. */
  readonly payload: Uint8Array;
}

/** Append an EVENT frame. @throws {TypeError} when the name may not travel. */
export function encodeEvent(writer: Writer, event: EventFrame): void {
  const frame = beginFrame(writer, FrameType.EVENT);
  writer.varint(event.sequence);
  writeName(writer, "Event", event.name);
  writer.varint(event.encoding).raw(event.payload);
  endFrame(writer, frame);
}

/** The body of an EVENT frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. */
export function decodeEvent(bytes: Uint8Array, start: number, end: number): EventFrame {
  reader.open(bytes, start, end);
  const sequence = reader.varint();
  const name = reader.name();
  const encoding = reader.varint();
  return { sequence, name: nameRefusal(name) === undefined ? name : "", encoding, payload: reader.rest() };
}

const reader = new Reader();
