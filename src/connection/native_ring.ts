/**
 * Records of the two rings between JavaScript and the I/O thread of the native addon, and the ring commands go into.
 * The layout is documented in `native/src/record.rs`, whose twin this is.
 *
 * @module
 */

/** Bytes of a record's header. */
export const HEADER_BYTES = 24;

/** Bits of a record's flags. */
export const Flag = {
  /** The payload ends the stream. */
  FIN: 1,
  /** The stream is a handle of ours, not a QUIC id. */
  LOCAL: 2,
  /** OPEN: the stream goes both ways. */
  BIDIRECTIONAL: 4,
  /** CLOSED: the code is an application's. */
  APPLICATION: 8,
  /** OPEN, DATAGRAM: the urgency 1; three bits, 0 (most urgent) to 7. */
  URGENCY: 16,
  /** OPEN, MESSAGE: it may go before the handshake is done. ESTABLISHED, ACCEPTED: it is not done yet, CONFIRMED follows. */
  EARLY: 128,
} as const;

/** Kinds of records that go down. */
export const Command = {
  WRITE: 1,
  OPEN: 2,
  RESET: 3,
  STOP: 4,
  GRANT: 5,
  MESSAGE: 6,
  DATAGRAM: 7,
  CLOSE: 8,
  MOVE: 9,
} as const;

/** Kinds of records that come up. */
export const Event = {
  DATA: 1,
  RESET: 2,
  STOPPED: 3,
  WRITTEN: 4,
  OPENED: 5,
  MESSAGES_SENT: 6,
  DATAGRAM: 7,
  DATAGRAM_SENT: 8,
  TIME: 9,
  ESTABLISHED: 10,
  ACCEPTED: 11,
  CLOSED: 12,
  LISTENER_CLOSED: 13,
  EXPIRED: 14,
  DELIVERED: 15,
  REFUSED: 16,
  TICKET: 17,
  CONFIRMED: 18,
  MOVED: 19,
} as const;

/** Commands gathered between two flushes, in one growing buffer. */
export class CommandRing {
  /** The commands; valid up to {@link length}. */
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  /** Bytes used. */
  length = 0;
  #words: Uint32Array = new Uint32Array(this.bytes.buffer);
  /** Word index of the header of the record appended last when more may be appended to its payload, or -1. */
  #open = -1;

  /** Append a record, its payload copied from `payload`. A negative `stream` is a handle of ours. */
  push(
    kind: number,
    flags: number,
    connection: number,
    stream: number,
    payload: Uint8Array,
    argument: number,
  ): void {
    const length = payload.length;
    const at = this.#header(kind, flags, connection, stream, length, argument);
    this.#copy(payload, at, length);
  }

  /** Append a record whose payload is one number. */
  pushNumber(kind: number, connection: number, stream: number, value: number): void {
    const word = this.#header(kind, 0, connection, stream, 8, 0) >> 2;
    this.#words[word] = value >>> 0;
    this.#words[word + 1] = Math.floor(value / TWO_32);
  }

  /** Append bytes to a stream: to the record before, when that is an unfinished write to the same stream. */
  write(connection: number, stream: number, payload: Uint8Array, finish: boolean): void {
    const length = payload.length;
    const open = this.#open;
    const words = this.#words;
    const low = stream < 0 ? -stream : stream;
    if (
      open < 0 || words[open + 1] !== connection || words[open + 2] !== low >>> 0 ||
      words[open + 3] !== Math.floor(low / TWO_32) || ((words[open]! >> 8 & Flag.LOCAL) !== 0) !== (stream < 0)
    ) {
      const at = this.#header(Command.WRITE, finish ? Flag.FIN : 0, connection, stream, length, 0);
      this.#copy(payload, at, length);
      this.#open = finish ? -1 : (at - HEADER_BYTES) >> 2;
      return;
    }
    const before = words[open + 4]!;
    const start = open * 4 + HEADER_BYTES + before;
    this.#reserve(start + length + 8);
    this.#words[open + 4] = before + length;
    this.length = padded(start + length);
    this.#copy(payload, start, length);
    if (finish) {
      this.#words[open] = this.#words[open]! | Flag.FIN << 8;
      this.#open = -1;
    }
  }

  /** Empty the ring. */
  clear(): void {
    this.length = 0;
    this.#open = -1;
    if (this.bytes.length > MAX_KEPT_BYTES) this.#replace(INITIAL_BYTES);
  }

  /** Write a header; returns where the payload starts. */
  #header(
    kind: number,
    flags: number,
    connection: number,
    stream: number,
    length: number,
    argument: number,
  ): number {
    const at = this.length;
    this.#reserve(at + HEADER_BYTES + length + 8);
    const words = this.#words;
    const word = at >> 2;
    const id = stream < 0 ? -stream : stream;
    words[word] = kind | (stream < 0 ? flags | Flag.LOCAL : flags) << 8;
    words[word + 1] = connection;
    words[word + 2] = id >>> 0;
    words[word + 3] = id < TWO_32 ? 0 : Math.floor(id / TWO_32);
    words[word + 4] = length;
    words[word + 5] = argument;
    this.length = padded(at + HEADER_BYTES + length);
    this.#open = -1;
    return at + HEADER_BYTES;
  }

  #copy(source: Uint8Array, at: number, length: number): void {
    if (length > LOOP_BYTES) {
      this.bytes.set(source, at);
      return;
    }
    const target = this.bytes;
    for (let index = 0; index < length; index++) target[at + index] = source[index]!;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.bytes.length) return;
    let size = this.bytes.length * 2;
    while (size < bytes) size *= 2;
    const before = this.bytes.subarray(0, this.length);
    this.#replace(size);
    this.bytes.set(before);
  }

  #replace(size: number): void {
    this.bytes = new Uint8Array(size);
    this.#words = new Uint32Array(this.bytes.buffer);
  }
}

/** `length` rounded up to the alignment of records. */
export function padded(length: number): number {
  return (length + 7) & ~7;
}

/** A number out of two words. */
export function joinWords(low: number, high: number): number {
  return high === 0 ? low : high * TWO_32 + low;
}

const TWO_32 = 0x1_0000_0000;
const INITIAL_BYTES = 1 << 16;
/** A burst may grow the buffer; beyond this the memory is given back afterwards. */
const MAX_KEPT_BYTES = 4 << 20;
/** Up to here a loop beats `TypedArray.prototype.set`, which has a fixed cost in every engine. */
const LOOP_BYTES = 96;
