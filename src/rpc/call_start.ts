/**
 * What a caller asks for, checked before anything is sent, and the errors a call can end with at its caller.
 *
 * @module
 */

import { type Disposition, EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { type Metadata, type MetadataInit, toMetadata } from "../protocol/metadata.ts";
import { isName } from "../protocol/utf8.ts";
import type { CallOptions } from "./call_options.ts";
import { metadataRefusal, type PeerLimits } from "./limits.ts";

/**
 * Check method and options of a call.
 *
 * @returns Its metadata, if it has any.
 * @throws {EchoStreamError} INVALID_ARGUMENT for a method or metadata the peer would not take, CANCELLED when the signal has aborted; "not processed".
 * @throws {RangeError} when the timeout is not above 0.
 */
export function checkCall(method: unknown, options: CallOptions, peer: PeerLimits): Metadata | undefined {
  if (typeof method !== "string" || !isName(method)) {
    throw invalid(`Method ${JSON.stringify(method)} is no valid name (1 to 128 bytes)`);
  }
  const { signal, timeoutMs } = options;
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`timeoutMs is ${timeoutMs}, expected a number of milliseconds above 0`);
  }
  if (signal?.aborted) throw cancelledCall(method, signal.reason, "notProcessed");
  if (options.metadata === undefined) return undefined;
  const metadata = callMetadata(options.metadata);
  const excess = metadataRefusal(metadata, peer);
  if (excess !== undefined) throw invalid(excess);
  return metadata;
}

/** Whether a signal aborted because the call behind it ran out of time: that is no decision of a caller, but the same deadline. */
export function isOutOfTime(reason: unknown): boolean {
  return reason instanceof EchoStreamError && reason.code === ErrorCode.DEADLINE_EXCEEDED;
}

/** The caller gave up, for `reason`. */
export function cancelledCall(method: string, reason: unknown, disposition: Disposition): EchoStreamError {
  if (isOutOfTime(reason)) return lateCall(method, disposition);
  const message = `"${method}" was cancelled by its caller`;
  return new EchoStreamError(ErrorCode.CANCELLED, message, { cause: reason, disposition });
}

/** The deadline passed. */
export function lateCall(method: string, disposition: Disposition): EchoStreamError {
  return new EchoStreamError(ErrorCode.DEADLINE_EXCEEDED, `"${method}" was not answered in time`, { disposition });
}

/** The connection is gone, or will be. */
export function lostCall(cause: EchoStreamError, disposition: Disposition): EchoStreamError {
  return new EchoStreamError(cause.code, cause.message, { cause, remote: cause.remote, disposition });
}

/** A request, or an item of a streaming call, is larger than the peer takes. */
export function tooLargeCall(method: string, bytes: number, limitBytes: number): EchoStreamError {
  const message = `Request "${method}" of ${bytes} bytes is larger than the ${limitBytes} bytes the peer takes`;
  return new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message, { disposition: "notProcessed" });
}

/** Entries of `init`. @throws {EchoStreamError} INVALID_ARGUMENT when a name is not printable or a value is none. */
export function callMetadata(init: MetadataInit): Metadata {
  try {
    return toMetadata(init);
  } catch (error) {
    throw invalid((error as Error).message, error);
  }
}

function invalid(message: string, cause?: unknown): EchoStreamError {
  return new EchoStreamError(ErrorCode.INVALID_ARGUMENT, message, { cause, disposition: "notProcessed" });
}
