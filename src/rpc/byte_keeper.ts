/**
 * Keeps bytes that are seldom needed again: many of them in one chunk, so that keeping them allocates nothing.
 *
 * @module
 */

import { copyBytes } from "./payload.ts";

/** Whoever keeps bytes keeps their chunk: no larger, so that a thousand that are kept for long stay below 8 MiB. */
const CHUNK_BYTES = 8_192;
/** More bytes than this have a buffer of their own. */
const MAX_SHARED_BYTES = 1_024;

/** Gives bytes a place that nobody overwrites. */
export class ByteKeeper {
  /** Where the bytes that were kept last begin in their chunk. */
  offset = 0;
  #chunk = new Uint8Array(CHUNK_BYTES);
  #used = 0;

  /** Keep a copy of `bytes`: the chunk that holds it, from {@link offset} on. */
  keep(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length > MAX_SHARED_BYTES) {
      this.offset = 0;
      return copyBytes(bytes);
    }
    if (this.#used + length > CHUNK_BYTES) {
      this.#chunk = new Uint8Array(CHUNK_BYTES);
      this.#used = 0;
    }
    const chunk = this.#chunk;
    const offset = this.#used;
    for (let i = 0; i < length; i++) chunk[offset + i] = bytes[i]!;
    this.offset = offset;
    this.#used = offset + length;
    return chunk;
  }
}
