/**
 * Tuning of a media stream, and what its receiver learns of it.
 *
 * @module
 */

import type { MetadataInit } from "../protocol/metadata.ts";

/** Options of `createStream`. */
export interface StreamOptions {
  /** Ticks per second of this stream's timestamps (RTP clock rate, RFC 3550 §5.1). Default 1,000,000: microseconds. */
  readonly clockRate?: number;
  /** Travels with the stream's header; at most 64 entries and 16 KiB. */
  readonly metadata?: MetadataInit;
}

/** Default of {@link StreamOptions.clockRate}: timestamps are microseconds. */
export const DEFAULT_CLOCK_RATE_HZ = 1_000_000;
