/**
 * The first bytes of a media stream, however they were chopped in transit, up to the end of its header.
 *
 * @module
 */

import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import { protocolViolation } from "../protocol/error.ts";
import { decodeMediaHeader, maxMediaHeaderBytes, type MediaHeader } from "../protocol/stream_header.ts";
import type { MetadataLimits } from "../protocol/version.ts";

/** Who goes on behind the header, with the bytes that came with it. */
export type OnMediaHeader = (header: MediaHeader, rest: Uint8Array, finished: boolean) => void;

/** Reads one header, then hands over. */
export class MediaHeaderReader implements ReceiveSink {
  readonly #stream: ReceiveStream;
  readonly #limits: MetadataLimits;
  readonly #onHeader: OnMediaHeader;
  #collected: Uint8Array = new Uint8Array(0);

  constructor(stream: ReceiveStream, limits: MetadataLimits, onHeader: OnMediaHeader) {
    this.#stream = stream;
    this.#limits = limits;
    this.#onHeader = onHeader;
  }

  /** Bytes behind the kind of the stream. @throws {EchoStreamError} PROTOCOL_VIOLATION when they cannot become a header. */
  onData(bytes: Uint8Array, finished: boolean): void {
    const all = this.#collected.length === 0 ? bytes : concatenate(this.#collected, bytes);
    const header = decodeMediaHeader(all, 0, all.length, this.#limits);
    if (header !== undefined) return this.#onHeader(header, all.subarray(header.end), finished);
    if (finished) throw protocolViolation("A media stream ended inside its header");
    this.#collected = all === bytes ? bytes.slice() : all;
    this.#stream.cover(maxMediaHeaderBytes(this.#limits) + LENGTH_BYTES - all.length);
  }

  /** Given up before anybody knew what it was. */
  onReset(): void {}
}

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/** Longest varint in front of the header. */
const LENGTH_BYTES = 8;
