/**
 * Limits of calls and events that ship switched on (docs/security.md), each an option.
 *
 * @module
 */

import { type Metadata, metadataBytes } from "../protocol/metadata.ts";

/** What one connection, and this process, may ask of us. */
export interface Limits {
  /** Largest message (a whole request, answer or event) taken from a peer and sent to one, in bytes. Default 1 MiB. */
  readonly maxMessageBytes: number;
  /** Metadata of one call, names and values together, in bytes. Default 16 KiB. */
  readonly maxMetadataBytes: number;
  /** Entries of metadata of one call. Default 64. */
  readonly maxMetadataEntries: number;
  /** Handlers running at once for one connection; as many more calls wait, what exceeds that is refused. Default 1,024. */
  readonly maxRunningCalls: number;
  /** Cancels a peer may send per second, sustained; crossing it closes the connection. Default 1,000. */
  readonly maxCancelsPerS: number;
  /** Cancels a peer may send in one go. Default 2,000. */
  readonly maxCancelsBurst: number;
  /** Longest deadline a peer's call is given, in milliseconds; also that of calls without one. Default: none. */
  readonly maxTimeoutMs: number | undefined;
  /** Events sent but not yet taken by the peer's listeners; `emit` waits beyond. Default 4,096. */
  readonly maxUnackedEvents: number;
  /**
   * Bytes of events, and 256 for each, that wait for a peer to take them: `emit` beyond is refused, and a peer for which more of broadcasts
   * would wait is cut. Default 4 MiB.
   */
  readonly maxWaitingEventBytes: number;
  /** Bytes of events received whose listeners have not ended; the sender is held back beyond. Default 256 KiB. */
  readonly maxHeldEventBytes: number;
  /** Media streams of a peer at once. Default 256. */
  readonly maxIncomingStreams: number;
  /** Bytes of media streams held for their readers, over all streams, beyond 64 KiB for each. Default 8 MiB. */
  readonly maxHeldStreamBytes: number;
  /** How long the reader of a media stream may hold its sender back before the stream ends, in milliseconds. Default 10,000. */
  readonly unreadStreamTimeoutMs: number;
  /** How long an orderly close waits for what is in flight, in milliseconds. Default 5,000. */
  readonly closeGraceMs: number;
}

/** The defaults. Source: docs/security.md. */
export const DEFAULT_LIMITS: Limits = {
  maxMessageBytes: 1024 * 1024,
  maxMetadataBytes: 16 * 1024,
  maxMetadataEntries: 64,
  maxRunningCalls: 1_024,
  maxCancelsPerS: 1_000,
  maxCancelsBurst: 2_000,
  maxTimeoutMs: undefined,
  maxUnackedEvents: 4_096,
  maxWaitingEventBytes: 4 * 1024 * 1024,
  maxHeldEventBytes: 256 * 1024,
  maxIncomingStreams: 256,
  maxHeldStreamBytes: 8 * 1024 * 1024,
  unreadStreamTimeoutMs: 10_000,
  closeGraceMs: 5_000,
};

/** What the peer accepts: the floor of docs/protocol.md until its SETTINGS raise it. */
export interface PeerLimits {
  /** Largest message, and largest body of an EVENT or MEDIA frame, in bytes. */
  maxMessageBytes: number;
  /** Largest metadata block, in bytes. */
  maxMetadataBytes: number;
  /** Most entries in it. */
  maxMetadataEntries: number;
}

/** Why `metadata` is more than the peer accepts, or `undefined` when it is not. */
export function metadataRefusal(metadata: Metadata, limits: PeerLimits): string | undefined {
  if (metadata.length > limits.maxMetadataEntries) {
    return `Metadata has ${metadata.length} entries, the peer takes ${limits.maxMetadataEntries}`;
  }
  const bytes = metadataBytes(metadata);
  if (bytes > limits.maxMetadataBytes) return `Metadata has ${bytes} bytes, the peer takes ${limits.maxMetadataBytes}`;
  return undefined;
}
