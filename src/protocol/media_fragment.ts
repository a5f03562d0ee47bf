/**
 * Datagrams of media streams: fragments of frames, and the parity of a group of fragments (RFC 5109 in spirit: everything that has to
 * be known of a lost one is in the XOR). Spec: docs/protocol.md, "Media datagrams".
 *
 * @module
 */

import { MAX_PARITY_GROUP } from "./stream_header.ts";
import { MORE, readU32, readVarint, varintSize, varintSizeOf, writeU32, writeVarint } from "./varint.ts";

/** Kinds of datagrams that carry media: the first varint of a datagram. */
export const MediaDatagramKind = {
  /** A frame, or a part of one. */
  FRAGMENT: 0x03,
  /** The XOR of a group of fragments. */
  PARITY: 0x04,
} as const;

/** A part of a frame. */
export interface MediaFragment {
  /** Number of the datagram: 0 for the first of the stream, one more each, modulo 2^32. */
  readonly packet: number;
  /** Which part of the frame it is, from 0. */
  readonly index: number;
  /** Of how many, 1 to {@link MAX_FRAGMENTS}. */
  readonly count: number;
  /** Sequence of the frame. */
  readonly sequence: number;
  /** Timestamp of the frame. */
  readonly timestamp: number;
  /** A view of the received bytes. */
  readonly payload: Uint8Array;
}

/** The parity of a group. */
export interface MediaParity {
  /** Number of the first datagram it stands for. */
  readonly packet: number;
  /** How many it stands for, 1 to {@link MAX_PARITY_GROUP}. */
  readonly count: number;
  /** XOR of the lengths of what it protects. */
  readonly lengths: number;
  /** XOR of what it protects, each filled up with zeros; a view of the received bytes. */
  readonly bytes: Uint8Array;
}

/** What every media datagram begins with. */
export interface MediaDatagramHead {
  /** Whose it is. */
  readonly mediaStreamId: number;
  /** Where what follows the id starts. */
  readonly start: number;
}

/** Most fragments of one frame: 1 MiB in the smallest packets of QUIC needs 950. */
export const MAX_FRAGMENTS = 1_024;

/** The id a media datagram begins with behind its kind, or `undefined` when it has none. */
export function decodeMediaDatagramHead(bytes: Uint8Array): MediaDatagramHead | undefined {
  const length = bytes.length;
  // Checked by hand, as reading an absurd varint throws.
  if (length < 2 || (bytes[1]! >= 0xc0 && (bytes[1]! > 0xc0 || (bytes[2] ?? 0) > 0x1f))) return undefined;
  const mediaStreamId = readVarint(bytes, 1, length);
  if (mediaStreamId === MORE) return undefined;
  return { mediaStreamId, start: 1 + varintSizeOf(bytes[1]!) };
}

/** Bytes of a fragment's datagram beside its payload. */
export function fragmentOverheadBytes(mediaStreamId: number, count: number): number {
  return 1 + varintSize(mediaStreamId) + PACKET_BYTES + 2 * varintSize(count) + FRAME_FIELDS_BYTES;
}

/** What a parity's datagram is longer by than the longest fragment it stands for. */
export const PARITY_OVERHEAD_BYTES = 3;

/** The datagram of a fragment, whose frame has these `MediaFlag` bits; the caller has checked the ranges. */
export function encodeMediaFragment(mediaStreamId: number, fragment: MediaFragment, flags = 0): Uint8Array {
  const { packet, index, count, sequence, timestamp, payload } = fragment;
  const headBytes = 1 + varintSize(mediaStreamId) + PACKET_BYTES + varintSize(index) + varintSize(count);
  const bytes = new Uint8Array(headBytes + FRAME_FIELDS_BYTES + payload.length);
  bytes[0] = MediaDatagramKind.FRAGMENT;
  let at = writeVarint(bytes, 1, mediaStreamId);
  writeU32(bytes, at, packet);
  at = writeVarint(bytes, at + PACKET_BYTES, index);
  at = writeVarint(bytes, at, count);
  bytes[at] = flags;
  writeU32(bytes, at + 1, sequence);
  writeU32(bytes, at + 5, Math.floor(timestamp / 0x1_0000_0000));
  writeU32(bytes, at + 9, timestamp % 0x1_0000_0000);
  bytes.set(payload, at + FRAME_FIELDS_BYTES);
  return bytes;
}

/** Number of a fragment's or parity's datagram, which stands at `start`; `undefined` when it is too short. */
export function readPacketNumber(bytes: Uint8Array, start: number): number | undefined {
  return start + PACKET_BYTES > bytes.length ? undefined : readU32(bytes, start);
}

/** Where the part of a fragment starts that parity protects: behind its number, which stands at `start`. */
export function protectedStart(start: number): number {
  return start + PACKET_BYTES;
}

/**
 * A fragment out of what parity protects of it, `bytes[start, end)`, and its number; `undefined` when it is malformed and to be
 * dropped.
 */
export function decodeMediaFragment(
  packet: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): MediaFragment | undefined {
  // Both are at most 1,024, so that their shortest forms have two bytes; longer forms are read as well as any.
  const index = readSmallVarint(bytes, start, end);
  if (index === MORE) return undefined;
  const countAt = start + varintSizeOf(bytes[start]!);
  const count = readSmallVarint(bytes, countAt, end);
  if (count === MORE || count > MAX_FRAGMENTS || index >= count) return undefined;
  const at = countAt + varintSizeOf(bytes[countAt]!);
  if (at + FRAME_FIELDS_BYTES > end) return undefined;
  const high = readU32(bytes, at + 5);
  if (high > 0x1f_ffff) return undefined;
  const payloadAt = at + FRAME_FIELDS_BYTES;
  return {
    packet,
    index,
    count,
    sequence: readU32(bytes, at + 1),
    timestamp: high * 0x1_0000_0000 + readU32(bytes, at + 9),
    payload: new Uint8Array(bytes.buffer, bytes.byteOffset + payloadAt, end - payloadAt),
  };
}

/** `MediaFlag` bits of a fragment's frame, out of what {@link decodeMediaFragment} has found well formed. */
export function fragmentFlags(bytes: Uint8Array, start: number): number {
  const countAt = start + varintSizeOf(bytes[start]!);
  return bytes[countAt + varintSizeOf(bytes[countAt]!)]!;
}

/** The datagram of a parity. */
export function encodeMediaParity(mediaStreamId: number, parity: MediaParity): Uint8Array {
  const idBytes = varintSize(mediaStreamId);
  const bytes = new Uint8Array(1 + idBytes + PACKET_BYTES + PARITY_OVERHEAD_BYTES + parity.bytes.length);
  bytes[0] = MediaDatagramKind.PARITY;
  const at = writeVarint(bytes, 1, mediaStreamId);
  writeU32(bytes, at, parity.packet);
  bytes[at + 4] = parity.count;
  bytes[at + 5] = parity.lengths >>> 8;
  bytes[at + 6] = parity.lengths;
  bytes.set(parity.bytes, at + 7);
  return bytes;
}

/** A parity, which starts behind the id at `start`; `undefined` when it is malformed and to be dropped. */
export function decodeMediaParity(bytes: Uint8Array, start: number): MediaParity | undefined {
  const at = start + PACKET_BYTES + PARITY_OVERHEAD_BYTES;
  if (at > bytes.length) return undefined;
  const count = bytes[start + 4]!;
  if (count < 1 || count > MAX_PARITY_GROUP) return undefined;
  return {
    packet: readU32(bytes, start),
    count,
    lengths: bytes[start + 5]! << 8 | bytes[start + 6]!,
    bytes: bytes.subarray(at),
  };
}

/** A varint of at most four bytes; {@link MORE} when it has eight, which is beyond everything allowed. */
function readSmallVarint(bytes: Uint8Array, start: number, end: number): number {
  if (start < end && bytes[start]! >= 0xc0) return MORE;
  return readVarint(bytes, start, end);
}

const PACKET_BYTES = 4;
/** Flags 1, sequence 4, timestamp 8, as in the body of a MEDIA frame. */
const FRAME_FIELDS_BYTES = 13;
