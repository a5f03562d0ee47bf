/**
 * One growable slab that encoders append to, so that a message costs no allocation.
 *
 * @module
 */

import { writeUtf8 } from "./utf8.ts";
import { MAX_VARINT_BYTES, varintSize, writeU32, writeVarint } from "./varint.ts";

/** Appends wire values to {@link Writer.bytes}. Reuse one: {@link Writer.reset}, encode, send {@link Writer.view}. */
export class Writer {
  /** The slab; the first {@link length} bytes are written. Replaced when it grows, so do not keep it. */
  bytes: Uint8Array;
  /** Bytes written so far. */
  length = 0;

  /** `capacityBytes` is what it holds before it grows. */
  constructor(capacityBytes = 1024) {
    this.bytes = new Uint8Array(capacityBytes);
  }

  /** Forget what was written. Views of it become invalid with the next write. */
  reset(): this {
    this.length = 0;
    if (this.bytes.length > RETAINED_BYTES) this.bytes = new Uint8Array(1024);
    return this;
  }

  /** What was written, as a view that is valid until the next write or reset. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Make sure that `count` more bytes fit. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(this.length + count);
  }

  /** Append one byte. */
  u8(value: number): this {
    if (this.length === this.bytes.length) this.#grow(this.length + 1);
    this.bytes[this.length++] = value;
    return this;
  }

  /** Append 32 bits, big-endian. */
  u32(value: number): this {
    this.reserve(4);
    writeU32(this.bytes, this.length, value);
    this.length += 4;
    return this;
  }

  /** Append a non-negative safe integer as 64 bits, big-endian. */
  u64(value: number): this {
    return this.u32(Math.floor(value / 0x1_0000_0000)).u32(value >>> 0);
  }

  /**
   * Append a varint (RFC 9000 §16).
   *
   * @throws {RangeError} when `value` is no safe integer of zero or more.
   */
  varint(value: number): this {
    this.reserve(MAX_VARINT_BYTES);
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER) || value % 1 !== 0) {
      throw new RangeError(`No integer from 0 to 2^53 - 1: ${value}`);
    }
    this.length = writeVarint(this.bytes, this.length, value);
    return this;
  }

  /** Append `bytes` as they are. */
  raw(bytes: Uint8Array): this {
    const count = bytes.length;
    this.reserve(count);
    if (count <= COPY_INLINE_BYTES) {
      const target = this.bytes;
      const at = this.length;
      for (let i = 0; i < count; i++) target[at + i] = bytes[i]!;
    } else {
      this.bytes.set(bytes, this.length);
    }
    this.length += count;
    return this;
  }

  /** Append a varint length and `bytes`. */
  blob(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  /** Append `text` as UTF-8, without a length. */
  utf8(text: string): this {
    this.reserve(text.length * 3);
    this.length = writeUtf8(this.bytes, this.length, text);
    return this;
  }

  /** Append a varint length and `text` as UTF-8. */
  text(text: string): this {
    const mark = this.beginLength();
    this.utf8(text);
    this.endLength(mark);
    return this;
  }

  /** Leave room for a varint length of what is written until {@link endLength}. */
  beginLength(): number {
    this.u8(0);
    return this.length;
  }

  /** Fill in the length that {@link beginLength} left room for; `mark` is what it returned. */
  endLength(mark: number): void {
    const count = this.length - mark;
    const extra = varintSize(count) - 1;
    if (extra > 0) {
      this.reserve(extra);
      this.bytes.copyWithin(mark + extra, mark, this.length);
      this.length += extra;
    }
    writeVarint(this.bytes, mark - 1, count);
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

// A slab that one huge message has blown up is given back at the next reset.
const RETAINED_BYTES = 1 << 20;

// Up to here a loop beats `set`.
const COPY_INLINE_BYTES = 64;
