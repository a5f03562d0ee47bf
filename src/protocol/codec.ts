/**
 * Values to CBOR and back: cbor-x, with {@link checkEncodable} in front of one direction and {@link checkCbor} in front of
 * the other. Spec: docs/protocol.md, "CBOR".
 *
 * @module
 */

import { Encoder } from "cbor-x/index-no-eval";
import { keepByteOrderMarks } from "./byte_order_mark.ts";
import { type CborLimits, CborTrait, checkCbor, DEFAULT_CBOR_LIMITS } from "./cbor_guard.ts";
import { checkEncodable } from "./encodable.ts";
import { EchoStreamError, ErrorCode } from "./error.ts";

/**
 * `value` as one CBOR item.
 *
 * @returns a view of a slab that the next call overwrites: copy it first.
 * @throws {TypeError} when the value, or something inside it, cannot travel; the message names the place.
 * @throws {RangeError} when it has more than 65,536 items.
 */
export function encodeValue(value: unknown): Uint8Array {
  checkEncodable(value);
  const slab = codec.encode(value, REUSE_BUFFER_MODE | RESET_BUFFER_MODE);
  return new Uint8Array(slab.buffer, slab.byteOffset + slab.start, slab.end - slab.start);
}

/**
 * The value of one CBOR item. Nothing in it refers to `bytes` afterwards. Integers are numbers where those are exact,
 * bigints beyond ±(2^53 − 1).
 *
 * @throws {EchoStreamError} INVALID_ARGUMENT when it is malformed or holds what may not travel, RESOURCE_EXHAUSTED above
 * `limits`.
 */
export function decodeValue(bytes: Uint8Array, limits: CborLimits = DEFAULT_CBOR_LIMITS): unknown {
  const traits = checkCbor(bytes, limits);
  if (traits === 0) return decodeChecked(bytes);
  const value = decodeChecked(traits & CborTrait.BYTE_ORDER_MARK ? keepByteOrderMarks(bytes) : bytes);
  return traits & CborTrait.WIDE_INTEGER ? withSafeIntegers(value) : value;
}

function decodeChecked(bytes: Uint8Array): unknown {
  try {
    // cbor-x hangs a DataView on what it decodes, and slices it by its species: both stay off the caller's view.
    if (bytes.length > inbox.length) return codec.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
    inbox.set(bytes);
    return codec.decode(inbox, bytes.length);
  } catch (cause) {
    throw new EchoStreamError(ErrorCode.INVALID_ARGUMENT, "CBOR that cannot be decoded", { cause });
  }
}

/** Bigints that are safe integers become numbers, in place. The guard has bounded the depth. */
function withSafeIntegers(value: unknown): unknown {
  if (typeof value === "bigint") {
    return value <= MAX_SAFE && value >= -MAX_SAFE ? Number(value) : value;
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = withSafeIntegers(value[i]);
  } else if (value !== null && typeof value === "object" && !ArrayBuffer.isView(value)) {
    const record = value as Record<string, unknown>;
    for (const key of Object.keys(record)) record[key] = withSafeIntegers(record[key]);
  }
  return value;
}

/** What is used of cbor-x, with the second arguments its declarations leave out. */
interface Codec {
  /** With {@link REUSE_BUFFER_MODE}: the slab, a `Buffer` where there are any, and where in it the item is. */
  encode(value: unknown, mode: number): Uint8Array & { readonly start: number; readonly end: number };
  decode(bytes: Uint8Array, end?: number): unknown;
}

const codec = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  tagUint8Array: false,
  // Byte strings are copied out, because received bytes are overwritten.
  copyBuffers: true,
}) as unknown as Codec;

// cbor-x's names for "give me the slab, not a view of it" and "start at the same place next time".
const REUSE_BUFFER_MODE = 512;
const RESET_BUFFER_MODE = 1024;

const inbox = new Uint8Array(16_384);

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
