/**
 * One media frame: a fixed binary header and the user's bytes, never wrapped in CBOR. On a media stream, and on a stream that
 * carries frames of one, it is the body of a MEDIA frame. Spec: docs/protocol.md, "Media frames".
 *
 * @module
 */

import { beginFrame, endFrame, FrameType } from "./frame.ts";
import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** Bits of {@link MediaPacket.flags}. A receiver ignores bits it does not know. */
export const MediaFlag = {
  /** No frame follows; this one has no payload, and its sequence is that of the frame that would have followed. */
  END: 0x01,
  /** Its timestamp is when it was sent, no later than it left: the sender's monotonic clock in ticks of the clock rate, rounded down. */
  SENT: 0x02,
} as const;

/** One frame of a media stream. */
export interface MediaPacket {
  /** Sum of {@link MediaFlag} bits. */
  readonly flags: number;
  /** 0 for the first frame, then one more each, modulo 2^32. */
  readonly sequence: number;
  /** Sender's time in ticks of the stream's clock rate, 0 to 2^53 − 1. */
  readonly timestamp: number;
  /** The user's bytes; a view of the received ones. */
  readonly payload: Uint8Array;
}

/** Bytes before the payload: flags 1, sequence 4, timestamp 8. */
export const MEDIA_PACKET_HEADER_BYTES = 13;

/** Append a MEDIA frame. @throws {RangeError} when the timestamp is no integer from 0 to 2^53 − 1. */
export function encodeMediaPacket(writer: Writer, packet: MediaPacket): void {
  const { timestamp } = packet;
  if (!(timestamp >= 0 && timestamp <= Number.MAX_SAFE_INTEGER) || timestamp % 1 !== 0) {
    throw new RangeError(`Timestamp ${timestamp} is no integer from 0 to 2^53 - 1`);
  }
  const frame = beginFrame(writer, FrameType.MEDIA);
  writer.u8(packet.flags).u32(packet.sequence).u64(timestamp).raw(packet.payload);
  endFrame(writer, frame);
}

/** The body of a MEDIA frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. */
export function decodeMediaPacket(bytes: Uint8Array, start: number, end: number): MediaPacket {
  reader.open(bytes, start, end);
  return { flags: reader.u8(), sequence: reader.u32(), timestamp: reader.u64(), payload: reader.rest() };
}

const reader = new Reader();
