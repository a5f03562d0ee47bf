/**
 * What a unidirectional stream starts with: its kind, and for media streams a header.
 * Spec: docs/protocol.md, "Stream kinds" and "Media streams".
 *
 * @module
 */

import { Flag } from "./call_fields.ts";
import { ErrorCode, protocolViolation } from "./error.ts";
import { type Metadata, readMetadata, writeMetadata } from "./metadata.ts";
import { checkName } from "./name.ts";
import { nameRefusal, Reader } from "./reader.ts";
import { MORE, readVarint, varintSizeOf } from "./varint.ts";
import { FLOOR_METADATA_LIMITS, MAX_NAME_BYTES, type MetadataLimits } from "./version.ts";
import type { Writer } from "./writer.ts";

/** First varint of a unidirectional stream. All are below 64, hence one byte. Bidirectional streams have none. */
export const StreamKind = {
  /** Frames SETTINGS, GOAWAY, EVENT_ACK. One per direction, as long as the connection. */
  CONTROL: 0x01,
  /** Length-led messages, then the end. */
  MESSAGES: 0x02,
  /** Frames EVENT. One per direction at a time. */
  EVENTS: 0x03,
  /** A media header, then frames MEDIA and MEDIA_CLOCK. */
  MEDIA: 0x04,
  /** The id of a media stream, then frames MEDIA of it. */
  MEDIA_UNIT: 0x05,
} as const;

/** A kind of unidirectional stream this version knows. */
export type StreamKind = (typeof StreamKind)[keyof typeof StreamKind];

/** How the frames of a media stream travel. */
export type Delivery = "reliable" | "expiring" | "datagram";

/** What the sender of a media stream says about it. */
export interface MediaHeaderInput {
  /** Chosen by the sender, never reused on the connection. */
  readonly mediaStreamId: number;
  /** Whose handler it is for. */
  readonly name: string;
  /** Ticks per second of its timestamps, 1 to 2^32 − 1. */
  readonly clockRateHz: number;
  /** How its frames travel. */
  readonly delivery: Delivery;
  /** Age at which a frame is given up, in milliseconds, 1 to 3,600,000; only where frames may be lost, and needed there. */
  readonly maxLatencyMs?: number | undefined;
  /** Most fragments a parity stands for, 1 to 32; 0 for no parity. Only for delivery `"datagram"`. Default 0. */
  readonly parityEvery?: number | undefined;
  /** Absent or empty: none. */
  readonly metadata?: Metadata | undefined;
}

/** What the receiver of a media stream learns about it. */
export interface MediaHeader {
  /** Never used twice on the connection. */
  readonly mediaStreamId: number;
  /** Empty when `refused`. */
  readonly name: string;
  /** Ticks per second of its timestamps, 1 to 2^32 − 1. */
  readonly clockRateHz: number;
  /** How its frames travel. */
  readonly delivery: Delivery;
  /** Age at which its sender gives a frame up, in milliseconds; `undefined` where no frame is lost. */
  readonly maxLatencyMs: number | undefined;
  /** Most fragments a parity stands for, 0 for no parity; `undefined` unless frames travel in datagrams. */
  readonly parityEvery: number | undefined;
  /** Entries, copied out of the received bytes; `undefined` when there are none. */
  readonly metadata: Metadata | undefined;
  /** The status to refuse the stream with, because a limit was crossed or a field makes no sense. */
  readonly refused: ErrorCode | undefined;
  /** Where the first frame starts. */
  readonly end: number;
}

/** Append the kind of a CONTROL, MESSAGES or EVENTS stream. */
export function encodeStreamKind(writer: Writer, kind: StreamKind): void {
  writer.varint(kind);
}

/**
 * Append kind and header of a media stream.
 *
 * @throws {TypeError} when the name may not travel.
 * @throws {RangeError} when the clock rate is no integer from 1 to 2^32 − 1, or the latency or parity group out of its range.
 */
export function encodeMediaHeader(writer: Writer, header: MediaHeaderInput): void {
  const { clockRateHz, metadata } = header;
  if (!(clockRateHz >= 1 && clockRateHz <= 0xffff_ffff) || clockRateHz % 1 !== 0) {
    throw new RangeError(`Clock rate ${clockRateHz} is no integer from 1 to 2^32 - 1`);
  }
  const { maxLatencyMs = 0, parityEvery = 0 } = header;
  if (header.delivery !== "reliable" && !isWithin(maxLatencyMs, 1, MAX_LATENCY_MS)) {
    throw new RangeError(`Latency of ${maxLatencyMs} ms is no whole number from 1 to ${MAX_LATENCY_MS}`);
  }
  if (!isWithin(parityEvery, 0, MAX_PARITY_GROUP)) {
    throw new RangeError(`Parity group of ${parityEvery} is no whole number from 0 to ${MAX_PARITY_GROUP}`);
  }
  checkName("Stream", header.name);
  const hasMetadata = metadata !== undefined && metadata.length > 0;
  writer.varint(StreamKind.MEDIA);
  const mark = writer.beginLength();
  writer.u8(hasMetadata ? Flag.METADATA : 0).varint(header.mediaStreamId);
  writer.text(header.name).varint(clockRateHz).u8(DELIVERIES.indexOf(header.delivery));
  if (header.delivery !== "reliable") writer.varint(maxLatencyMs);
  if (header.delivery === "datagram") writer.u8(parityEvery);
  if (hasMetadata) writeMetadata(writer, metadata);
  writer.endLength(mark);
}

/**
 * The media header that starts at `start`, behind the kind, or `undefined` when it does not end before `end`.
 *
 * @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed, or announces more than any header may have.
 */
export function decodeMediaHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: MetadataLimits = FLOOR_METADATA_LIMITS,
): MediaHeader | undefined {
  const length = readVarint(bytes, start, end);
  if (length === MORE) return undefined;
  // Checked before waiting, so that a peer cannot make us keep an absurd one.
  if (length > maxMediaHeaderBytes(limits)) throw protocolViolation(`Media header of ${length} bytes`);
  const bodyStart = start + varintSizeOf(bytes[start]!);
  if (length > end - bodyStart) return undefined;
  reader.open(bytes, bodyStart, bodyStart + length);
  const flags = reader.u8();
  if (flags & ~Flag.METADATA) throw protocolViolation(`Unknown flags 0x${flags.toString(16)} of a media header`);
  const mediaStreamId = reader.varint();
  const name = reader.name();
  const clockRateHz = reader.varint();
  if (clockRateHz < 1 || clockRateHz > 0xffff_ffff) throw protocolViolation(`Clock rate ${clockRateHz}`);
  const delivery = DELIVERIES[reader.u8()];
  const maxLatencyMs = delivery === "expiring" || delivery === "datagram" ? reader.varint() : undefined;
  const parityEvery = delivery === "datagram" ? reader.u8() : undefined;
  if (maxLatencyMs !== undefined && !isWithin(maxLatencyMs, 1, MAX_LATENCY_MS)) {
    throw protocolViolation(`Latency of ${maxLatencyMs} ms`);
  }
  if (parityEvery !== undefined && parityEvery > MAX_PARITY_GROUP) {
    throw protocolViolation(`Parity group of ${parityEvery}`);
  }
  // What a delivery of a later version has in its header is not known.
  if (delivery === undefined) reader.skip(reader.remaining);
  const metadata = delivery !== undefined && flags & Flag.METADATA ? readMetadata(reader, limits) : undefined;
  reader.finish();
  const refusedName = nameRefusal(name);
  const refusedMetadata = typeof metadata === "string" ? metadata : undefined;
  return {
    mediaStreamId,
    name: refusedName === undefined ? name : "",
    clockRateHz,
    delivery: delivery ?? "reliable",
    maxLatencyMs,
    parityEvery,
    metadata: typeof metadata === "string" ? undefined : metadata,
    refused: refusedName ?? refusedMetadata ?? (delivery === undefined ? ErrorCode.UNIMPLEMENTED : undefined),
    end: bodyStart + length,
  };
}

/** Largest body of a media header under `limits`. A metadata block beyond its limit still fits, to be refused by status. */
export function maxMediaHeaderBytes(limits: MetadataLimits): number {
  return 2 * limits.maxMetadataBytes + MAX_NAME_BYTES + 64;
}

function isWithin(value: number, least: number, most: number): boolean {
  return value >= least && value <= most && value % 1 === 0;
}

/** An hour: whoever waits longer wants no frame to be lost. */
export const MAX_LATENCY_MS = 3_600_000;

/** Most fragments one parity stands for. */
export const MAX_PARITY_GROUP = 32;

// By wire number.
const DELIVERIES: readonly Delivery[] = ["reliable", "expiring", "datagram"];

const reader = new Reader();
