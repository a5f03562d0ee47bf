/**
 * How the bytes of a payload are to be read. Spec: docs/protocol.md, "Payload encodings".
 *
 * @module
 */

/** Encoding ids on the wire. */
export const Encoding = {
  /** The bytes are the value: a `Uint8Array` as it is. */
  RAW: 0,
  /** One CBOR item (RFC 8949), restricted by `cbor_guard.ts`. */
  CBOR: 1,
} as const;

/** An encoding this version knows. */
export type Encoding = (typeof Encoding)[keyof typeof Encoding];

/** True when this version can read payloads of encoding `id`. */
export function isEncoding(id: number): id is Encoding {
  return id === Encoding.RAW || id === Encoding.CBOR;
}
