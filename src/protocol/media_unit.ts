/**
 * What a stream that carries frames of a media stream beside it starts with: its kind and the id of the media stream. Frames MEDIA
 * follow. Spec: docs/protocol.md, "Deliveries".
 *
 * @module
 */

import { StreamKind } from "./stream_header.ts";
import { MORE, readVarint, varintSizeOf } from "./varint.ts";
import type { Writer } from "./writer.ts";

/** Append kind and media stream id. */
export function encodeMediaUnitHead(writer: Writer, mediaStreamId: number): void {
  writer.varint(StreamKind.MEDIA_UNIT).varint(mediaStreamId);
}

/**
 * The media stream id that starts at `start`, behind the kind, and where the first frame starts; `undefined` while bytes are missing.
 *
 * @throws {EchoStreamError} PROTOCOL_VIOLATION when the id exceeds 2^53 − 1.
 */
export function decodeMediaUnitHead(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly mediaStreamId: number; readonly end: number } | undefined {
  const mediaStreamId = readVarint(bytes, start, end);
  return mediaStreamId === MORE ? undefined : { mediaStreamId, end: start + varintSizeOf(bytes[start]!) };
}
