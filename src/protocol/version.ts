/**
 * The name of the protocol and the limits that hold before anything is negotiated.
 * Spec: docs/protocol.md, "Limits".
 *
 * @module
 */

/** ALPN identifier (RFC 7301) both ends offer; another major version of the wire gets another name. */
export const ALPN = "echostream/1";

/** Largest message, and largest body of a MESSAGE, EVENT or MEDIA frame, in bytes: the floor, which SETTINGS may raise. */
export const MAX_MESSAGE_BYTES = 1_048_576;

/** Largest encoded metadata block in bytes: the floor, which SETTINGS may raise. */
export const MAX_METADATA_BYTES = 16_384;

/** Most metadata entries in one block: the floor, which SETTINGS may raise. */
export const MAX_METADATA_ENTRIES = 64;

/** Longest method, event, stream, metadata or error name in bytes of UTF-8. Fixed. */
export const MAX_NAME_BYTES = 128;

/** Longest error or close text in bytes of UTF-8; a sender cuts what is longer, and so does a receiver. Fixed. */
export const MAX_TEXT_BYTES = 1_024;

/** Largest body of a frame on the control stream, in bytes. Fixed. */
export const MAX_CONTROL_FRAME_BYTES = 65_536;

/** Longest session or resume token in bytes; tokens of ours have 32. Fixed. */
export const MAX_TOKEN_BYTES = 256;

/** The limits on what one message may hold that a receiver applies while decoding it. */
export interface MetadataLimits {
  /** Bytes of the encoded block. */
  readonly maxMetadataBytes: number;
  /** Entries in it. */
  readonly maxMetadataEntries: number;
}

/** What a receiver accepts when it announced nothing else. */
export const FLOOR_METADATA_LIMITS: MetadataLimits = {
  maxMetadataBytes: MAX_METADATA_BYTES,
  maxMetadataEntries: MAX_METADATA_ENTRIES,
};
