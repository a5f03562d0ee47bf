/**
 * Cuts the bytes of a stream into frames, however they were chopped in transit.
 *
 * @module
 */

import { EchoStreamError, ErrorCode } from "./error.ts";
import { type Frame, type FrameType, isFrameType } from "./frame.ts";
import { MORE, readVarint, varintSizeOf } from "./varint.ts";

/**
 * An incremental frame decoder. {@link push} bytes, then call {@link next} until it returns `undefined`; only then may the
 * pushed bytes be overwritten. Frames of unknown type are stepped over without being held.
 */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  // The pushed piece, and how far it is read.
  #piece: Uint8Array = EMPTY;
  #position = 0;
  // A header that a piece boundary cut through; there is room for one from the first of them on.
  #header: Uint8Array = EMPTY;
  #headerLength = 0;
  // The frame in progress across pieces.
  #type: FrameType | undefined;
  #body: Uint8Array = EMPTY;
  #bodyFilled = 0;
  #bodyLength = 0;
  // Bytes of an unknown frame still to be stepped over.
  #skip = 0;
  #failure: unknown;

  /** `maxFrameBytes` bounds the body of a frame of known type. */
  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Take in the next piece of the stream. The previous one must have been drained by {@link next}.
   */
  push(piece: Uint8Array): void {
    this.#piece = piece;
    this.#position = 0;
  }

  /**
   * The next frame, or `undefined` when more bytes are needed.
   *
   * @throws {EchoStreamError} RESOURCE_EXHAUSTED when a frame is larger than allowed, PROTOCOL_VIOLATION when a varint is
   * malformed; every later call throws the same.
   */
  next(): Frame | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#next();
    } catch (failure) {
      this.#failure = failure;
      this.#piece = EMPTY;
      this.#body = EMPTY;
      throw failure;
    }
  }

  /** Bytes that are known to be needed to complete the frame in progress; 0 between frames. Credit has to cover them. */
  get missing(): number {
    if (this.#type !== undefined) return this.#bodyLength - this.#bodyFilled;
    return this.#headerLength > 0 ? 1 : this.#skip;
  }

  /** Memory the frame in progress occupies. */
  get heldBytes(): number {
    return this.#body.length;
  }

  /** True when the stream may end here: no frame is in progress. */
  get isBetweenFrames(): boolean {
    return this.#type === undefined && this.#headerLength === 0 && this.#skip === 0;
  }

  #next(): Frame | undefined {
    for (;;) {
      if (this.#type !== undefined) return this.#fillBody();
      if (this.#skip > 0 && !this.#stepOver()) return this.#drained();
      if (this.#headerLength > 0) {
        if (!this.#completeHeader()) return this.#drained();
        continue;
      }
      const piece = this.#piece;
      const end = piece.length;
      if (this.#position === end) return this.#drained();
      const type = readVarint(piece, this.#position, end);
      const typeEnd = type === MORE ? end : this.#position + varintSizeOf(piece[this.#position]!);
      const length = readVarint(piece, typeEnd, end);
      if (length === MORE) {
        this.#keepHeader();
        return this.#drained();
      }
      const bodyStart = typeEnd + varintSizeOf(piece[typeEnd]!);
      this.#position = bodyStart;
      if (!this.#open(type, length)) continue;
      if (length <= end - bodyStart) {
        this.#position = bodyStart + length;
        this.#type = undefined;
        return { type: type as FrameType, bytes: piece, start: bodyStart, end: this.#position, owned: false };
      }
    }
  }

  /** Enter a frame; false when it is to be stepped over. */
  #open(type: number, length: number): boolean {
    if (!isFrameType(type)) {
      this.#skip = length;
      return false;
    }
    if (length > this.#maxFrameBytes) {
      throw new EchoStreamError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `Frame of ${length} bytes where ${this.#maxFrameBytes} are allowed`,
      );
    }
    this.#type = type;
    this.#bodyLength = length;
    this.#bodyFilled = 0;
    return true;
  }

  #fillBody(): Frame | undefined {
    const take = Math.min(this.#bodyLength - this.#bodyFilled, this.#piece.length - this.#position);
    this.#growBody(this.#bodyFilled + take);
    this.#body.set(this.#piece.subarray(this.#position, this.#position + take), this.#bodyFilled);
    this.#bodyFilled += take;
    this.#position += take;
    if (this.#bodyFilled < this.#bodyLength) return this.#drained();
    const frame: Frame = { type: this.#type!, bytes: this.#body, start: 0, end: this.#bodyLength, owned: true };
    this.#type = undefined;
    this.#body = EMPTY;
    return frame;
  }

  // Memory follows what has arrived, not what was announced: a peer cannot reserve a megabyte with five bytes.
  #growBody(needed: number): void {
    const capacity = this.#body.length;
    if (needed <= capacity) return;
    const grown = new Uint8Array(Math.min(this.#bodyLength, Math.max(needed, capacity * 2, FIRST_BODY_BYTES)));
    grown.set(this.#body.subarray(0, this.#bodyFilled));
    this.#body = grown;
  }

  #stepOver(): boolean {
    const step = Math.min(this.#skip, this.#piece.length - this.#position);
    this.#skip -= step;
    this.#position += step;
    return this.#skip === 0;
  }

  #keepHeader(): void {
    const rest = this.#piece.subarray(this.#position);
    if (this.#header === EMPTY) this.#header = new Uint8Array(MAX_HEADER_BYTES);
    this.#header.set(rest);
    this.#headerLength = rest.length;
    this.#position = this.#piece.length;
  }

  /** Feed the kept header byte by byte; true once it is complete and entered. */
  #completeHeader(): boolean {
    while (this.#position < this.#piece.length) {
      this.#header[this.#headerLength++] = this.#piece[this.#position++]!;
      const type = readVarint(this.#header, 0, this.#headerLength);
      if (type === MORE) continue;
      const length = readVarint(this.#header, varintSizeOf(this.#header[0]!), this.#headerLength);
      if (length === MORE) continue;
      this.#headerLength = 0;
      this.#open(type, length);
      return true;
    }
    return false;
  }

  #drained(): undefined {
    this.#piece = EMPTY;
    this.#position = 0;
    return undefined;
  }
}

const EMPTY = new Uint8Array(0);

// Two varints.
const MAX_HEADER_BYTES = 16;

// What a frame in progress gets at first; it doubles from there as bytes arrive. Room for 64 KiB of payload and its header, so
// that a media frame of that common size is put together in one copy.
const FIRST_BODY_BYTES = 65_536 + 64;
