/**
 * Datagrams of volatile events. Spec: docs/protocol.md, "Volatile events".
 *
 * @module
 */

import type { EventFrame } from "./event_frame.ts";
import { writeName } from "./name.ts";
import { nameRefusal, Reader } from "./reader.ts";
import { datagramKind } from "./time_sync.ts";
import type { Writer } from "./writer.ts";

/** Kind of a datagram that carries an event: its first varint. */
export const EVENT_DATAGRAM_KIND = 0x05;

/** Append the datagram of a volatile event. @throws {TypeError} when the name may not travel. */
export function encodeEventDatagram(writer: Writer, event: Omit<EventFrame, "sequence">): void {
  writer.varint(EVENT_DATAGRAM_KIND);
  writeName(writer, "Event", event.name);
  writer.varint(event.encoding).raw(event.payload);
}

/** The event in a datagram, with sequence 0; `undefined` when it is malformed and to be dropped. The payload is a view. */
export function decodeEventDatagram(bytes: Uint8Array): EventFrame | undefined {
  if (datagramKind(bytes) !== EVENT_DATAGRAM_KIND) return undefined;
  try {
    reader.open(bytes, 1, bytes.length);
    const name = reader.name();
    const encoding = reader.varint();
    return nameRefusal(name) === undefined ? { sequence: 0, name, encoding, payload: reader.rest() } : undefined;
  } catch {
    // What would be a violation on a stream is dropped with its datagram.
    return undefined;
  }
}

const reader = new Reader();
