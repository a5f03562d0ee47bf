/**
 * A cursor over one whole message or frame body. Running past the end is a violation, never "more":
 * what is read here has arrived completely.
 *
 * @module
 */

import { ErrorCode, protocolViolation } from "./error.ts";
import { decodeName, decodeText } from "./utf8.ts";
import { MORE, readU32, readVarint, varintSizeOf } from "./varint.ts";
import { MAX_NAME_BYTES, MAX_TEXT_BYTES } from "./version.ts";

/** Reads wire values one after the other. Reuse one: {@link Reader.open}, read, {@link Reader.finish}. */
export class Reader {
  /** What is read. */
  bytes: Uint8Array = EMPTY;
  /** Where the next value starts. */
  position = 0;
  /** Where the values end. */
  end = 0;

  /** Start over at `bytes[start, end)`. */
  open(bytes: Uint8Array, start: number, end: number): this {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    return this;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.end - this.position;
  }

  /**
   * Let go of the bytes.
   *
   * @throws {EchoStreamError} PROTOCOL_VIOLATION when some are left.
   */
  finish(): void {
    if (this.position !== this.end) throw protocolViolation(`${this.remaining} bytes after the last field`);
    this.bytes = EMPTY;
  }

  /** One byte. */
  u8(): number {
    if (this.position >= this.end) throw truncated();
    return this.bytes[this.position++]!;
  }

  /** 32 bits, big-endian. */
  u32(): number {
    const at = this.skip(4);
    return readU32(this.bytes, at);
  }

  /** 64 bits, big-endian. @throws {EchoStreamError} PROTOCOL_VIOLATION when they exceed 2^53 − 1. */
  u64(): number {
    const at = this.skip(8);
    const high = readU32(this.bytes, at);
    if (high > 0x1f_ffff) throw protocolViolation("Integer above 2^53 - 1");
    return high * 0x1_0000_0000 + readU32(this.bytes, at + 4);
  }

  /** A varint (RFC 9000 §16). */
  varint(): number {
    const at = this.position;
    const value = readVarint(this.bytes, at, this.end);
    if (value === MORE) throw truncated();
    this.position = at + varintSizeOf(this.bytes[at]!);
    return value;
  }

  /** Step over `count` bytes and return where they start. */
  skip(count: number): number {
    const at = this.position;
    if (count > this.end - at) throw truncated();
    this.position = at + count;
    return at;
  }

  /** A varint length and so many bytes, as a view. */
  blob(): Uint8Array {
    const length = this.varint();
    const at = this.skip(length);
    return this.bytes.subarray(at, this.position);
  }

  /** Everything up to the end, as a view. */
  rest(): Uint8Array {
    const { bytes, position, end } = this;
    // Half the price of `subarray`, which looks for a species first.
    const view = new Uint8Array(bytes.buffer, bytes.byteOffset + position, end - position);
    this.position = end;
    this.bytes = EMPTY;
    return view;
  }

  /** A varint length and text for people: at most 1,024 bytes of it are looked at, and nothing in it is an error. */
  text(maxBytes: number = MAX_TEXT_BYTES): string {
    const length = this.varint();
    const at = this.skip(length);
    return decodeText(this.bytes, at, at + Math.min(length, maxBytes));
  }

  /** A varint length and a name; {@link NAME_TOO_LONG} or {@link NAME_MALFORMED} when it may not be one. */
  name(): string {
    const length = this.varint();
    const at = this.skip(length);
    if (length > MAX_NAME_BYTES) return NAME_TOO_LONG;
    return decodeName(this.bytes, at, this.position) ?? NAME_MALFORMED;
  }
}

/** What {@link Reader.name} returns for more than 128 bytes; cannot be a name itself. */
export const NAME_TOO_LONG = "\u0000long";

/** What {@link Reader.name} returns for text that may not be a name; cannot be a name itself. */
export const NAME_MALFORMED = "\u0000malformed";

/** The status that refuses what {@link Reader.name} returned, or `undefined` when it is a name. */
export function nameRefusal(name: string): ErrorCode | undefined {
  if (name === NAME_TOO_LONG) return ErrorCode.RESOURCE_EXHAUSTED;
  return name === NAME_MALFORMED ? ErrorCode.INVALID_ARGUMENT : undefined;
}

function truncated(): Error {
  return protocolViolation("A field reaches past the end of its message or frame");
}

const EMPTY = new Uint8Array(0);
