/**
 * Between a payload on the wire and what a program passes around: bytes as they are, or a value in CBOR.
 * The side that knows the schema decides; a caller need not know whether the peer's handler takes bytes or values.
 *
 * @module
 */

import { type CborLimits, DEFAULT_CBOR_LIMITS } from "../protocol/cbor_guard.ts";
import { decodeValue, encodeValue } from "../protocol/codec.ts";
import { Encoding } from "../protocol/encoding.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";

/** A value that was encoded already, so that it can be sent more than once whatever becomes of it. */
export class EncodedValue {
  /** CBOR, with a buffer of its own. */
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** How `value` travels: a `Uint8Array` as it is, anything else as CBOR. */
export function encodingOf(value: unknown): Encoding {
  return value instanceof Uint8Array ? Encoding.RAW : Encoding.CBOR;
}

/**
 * Bytes of `value` in the encoding {@link encodingOf} chose: `value` itself, or a view that the next encoded value overwrites.
 * @throws {TypeError} when it holds something CBOR cannot carry.
 */
export function encodePayload(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : encodeValue(value);
}

/**
 * As {@link encodePayload}, for whoever sends on behalf of a program.
 * @throws {EchoStreamError} INVALID_ARGUMENT when CBOR cannot carry it, RESOURCE_EXHAUSTED when it has too many items.
 */
export function encodeSentPayload(value: unknown): Uint8Array {
  if (value instanceof EncodedValue) return value.bytes;
  try {
    return encodePayload(value);
  } catch (cause) {
    const code = cause instanceof RangeError ? ErrorCode.RESOURCE_EXHAUSTED : ErrorCode.INVALID_ARGUMENT;
    throw new EchoStreamError(code, (cause as Error).message, { cause, disposition: "notProcessed" });
  }
}

/**
 * `value` in a form that may be sent now and again later: later changes of an object or buffer do not show.
 * @throws what {@link encodeSentPayload} throws.
 */
export function keptPayload(value: unknown): unknown {
  if (value instanceof Uint8Array) return copyBytes(value);
  if (typeof value !== "object" || value === null) return value;
  return new EncodedValue(copyBytes(encodeSentPayload(value)));
}

/**
 * What a handler without a schema returned, as bytes: text as UTF-8, nothing as no bytes.
 * @throws {TypeError} when it is anything else.
 */
export function rawResult(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return utf8.encode(value);
  if (value === undefined) return NOTHING;
  throw new TypeError(`Without a schema bytes or text must be returned, got ${describe(value)}`);
}

/**
 * What an interceptor gives in place of a payload to a handler without a schema, as bytes: text as UTF-8.
 * @throws {TypeError} when it is anything else.
 */
export function rawInput(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return utf8.encode(value);
  throw new TypeError(`A handler without a schema takes bytes or text, got ${describe(value)}`);
}

/**
 * The value of a payload that arrived; never a view of `bytes`.
 * @throws {EchoStreamError} INVALID_ARGUMENT or RESOURCE_EXHAUSTED when it cannot be decoded within the limits.
 */
export function decodePayload(encoding: Encoding, bytes: Uint8Array): unknown {
  return encoding === Encoding.RAW ? copyBytes(bytes) : decodeValue(bytes, LIMITS);
}

/**
 * The bytes of a payload for whoever takes bytes: text sent as a value arrives as UTF-8. Never a view of `bytes`.
 * @throws {EchoStreamError} INVALID_ARGUMENT when it is a value that is neither bytes nor text.
 */
export function decodeRawPayload(encoding: Encoding, bytes: Uint8Array): Uint8Array {
  if (encoding === Encoding.RAW) return copyBytes(bytes);
  const value = decodeValue(bytes, LIMITS);
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return utf8.encode(value);
  if (value === undefined) return NOTHING;
  throw new EchoStreamError(ErrorCode.INVALID_ARGUMENT, `Bytes or text are expected, got ${describe(value)}`);
}

/** A copy of `bytes` with a buffer of its own. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  const length = bytes.length;
  const copy = new Uint8Array(length);
  if (length > COPY_INLINE_BYTES) copy.set(bytes);
  else for (let i = 0; i < length; i++) copy[i] = bytes[i]!;
  return copy;
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

// What arrives has passed the limit of messages already, which an option may have raised.
const LIMITS: CborLimits = { ...DEFAULT_CBOR_LIMITS, maxBytes: Infinity };
const utf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);
// Up to here a loop beats `set`.
const COPY_INLINE_BYTES = 64;
