/**
 * What a caller may say about one request.
 *
 * @module
 */

import type { Metadata, MetadataInit } from "../protocol/metadata.ts";

/** Options of `request`. */
export interface CallOptions {
  /** Cancels the call: the peer's handler is told, the request rejects with CANCELLED. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the request rejects with DEADLINE_EXCEEDED, at both ends. Default: no deadline. */
  readonly timeoutMs?: number;
  /** Travels with the request; at most 64 entries and 16 KiB. */
  readonly metadata?: MetadataInit;
  /** W3C Trace Context `traceparent` (55 characters) the handler shall see. */
  readonly traceparent?: string;
  /** Whether a second execution does no harm. Default false. */
  readonly idempotent?: boolean;
  /** Which attempt of the same call this is, for its {@link CallRecord}; a client's retries say so themselves. Default 1. */
  readonly attempt?: number;
  /** Called with the metadata of the answer, before the request settles, when the answer carries any. */
  readonly onMetadata?: (metadata: Metadata) => void;
}
