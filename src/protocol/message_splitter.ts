/**
 * Cuts a MESSAGES stream, behind its kind byte, into length-led messages.
 * Spec: docs/protocol.md, "Message streams".
 *
 * @module
 */

import { protocolViolation } from "./error.ts";
import { MESSAGE_HEAD_BYTES } from "./message.ts";
import { MAX_VARINT_BYTES, MORE, readVarint, varintSizeOf } from "./varint.ts";

/** Who takes the messages. Views are valid only during the call. */
export interface MessageSink {
  /** A message is `bytes[start, end)`. */
  onMessage(bytes: Uint8Array, start: number, end: number): void;
  /**
   * A message of `lengthBytes` is too large and is stepped over; `head` are its first bytes, for `decodeMessageHead`.
   * The stream may be stopped now.
   */
  onOversize(head: Uint8Array, lengthBytes: number): void;
}

/**
 * Hand over every message of a stream that arrived whole as `bytes[start, end)`. Keeps nothing.
 *
 * @throws {EchoStreamError} PROTOCOL_VIOLATION when the last message is cut off, or one is empty.
 */
export function splitWhole(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxMessageBytes: number,
  sink: MessageSink,
): void {
  let position = start;
  while (position < end) {
    const length = readVarint(bytes, position, end);
    if (length === MORE) throw truncated();
    position += varintSizeOf(bytes[position]!);
    if (length > end - position) throw truncated();
    if (length === 0) throw empty();
    if (length <= maxMessageBytes) sink.onMessage(bytes, position, position + length);
    else sink.onOversize(bytes.subarray(position, position + MESSAGE_HEAD_BYTES), length);
    position += length;
  }
}

/** Splits a stream that arrives in several pieces. Holds at most one message. */
export class MessageSplitter {
  readonly #maxMessageBytes: number;
  readonly #sink: MessageSink;
  readonly #length = new Uint8Array(MAX_VARINT_BYTES);
  #lengthFilled = 0;
  // The message in progress; -1 between messages.
  #messageBytes = -1;
  #seenBytes = 0;
  #held: Uint8Array = EMPTY;

  /** A message of more than `maxMessageBytes` is reported and stepped over. */
  constructor(maxMessageBytes: number, sink: MessageSink) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#sink = sink;
  }

  /**
   * Take in `bytes[start, end)` and hand over each message that it completes.
   *
   * @throws {EchoStreamError} PROTOCOL_VIOLATION when a message is empty or its length malformed.
   */
  push(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    let position = start;
    while (position < end) {
      if (this.#messageBytes < 0) {
        position = this.#takeLength(bytes, position, end);
      } else {
        position = this.#takeBody(bytes, position, end);
      }
    }
  }

  /**
   * The stream has ended.
   *
   * @throws {EchoStreamError} PROTOCOL_VIOLATION when it did so inside a message.
   */
  finish(): void {
    if (!this.isBetweenMessages) throw truncated();
  }

  /** Bytes that are known to be needed to complete the message in progress; 0 between messages. Credit has to cover them. */
  get missing(): number {
    if (this.#messageBytes >= 0) return this.#messageBytes - this.#seenBytes;
    return this.#lengthFilled > 0 ? 1 : 0;
  }

  /** Memory the message in progress occupies. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** True when the stream may end here. */
  get isBetweenMessages(): boolean {
    return this.#messageBytes < 0 && this.#lengthFilled === 0;
  }

  #takeLength(bytes: Uint8Array, start: number, end: number): number {
    let position = start;
    let length = MORE;
    if (this.#lengthFilled === 0) {
      length = readVarint(bytes, position, end);
      if (length !== MORE) position += varintSizeOf(bytes[position]!);
    }
    while (length === MORE && position < end) {
      this.#length[this.#lengthFilled++] = bytes[position++]!;
      length = readVarint(this.#length, 0, this.#lengthFilled);
    }
    if (length === MORE) return position;
    if (length === 0) throw empty();
    this.#lengthFilled = 0;
    // A message that lies in this piece as a whole is never copied.
    if (length <= end - position && length <= this.#maxMessageBytes) {
      this.#sink.onMessage(bytes, position, position + length);
      return position + length;
    }
    this.#messageBytes = length;
    this.#seenBytes = 0;
    return position;
  }

  #takeBody(bytes: Uint8Array, start: number, end: number): number {
    const isOversize = this.#messageBytes > this.#maxMessageBytes;
    const take = Math.min(this.#messageBytes - this.#seenBytes, end - start);
    const seenBefore = this.#seenBytes;
    this.#seenBytes += take;
    // Of a message that is too large only the head is kept, and reported as soon as it is there.
    const keepUntil = isOversize ? Math.min(MESSAGE_HEAD_BYTES, this.#seenBytes) : this.#seenBytes;
    if (keepUntil > seenBefore) {
      this.#growHeld(keepUntil, isOversize ? MESSAGE_HEAD_BYTES : this.#messageBytes);
      this.#held.set(bytes.subarray(start, start + keepUntil - seenBefore), seenBefore);
    }
    const held = this.#held;
    if (isOversize && seenBefore < MESSAGE_HEAD_BYTES && this.#seenBytes >= MESSAGE_HEAD_BYTES) {
      this.#held = EMPTY;
      this.#sink.onOversize(held, this.#messageBytes);
    }
    if (this.#seenBytes === this.#messageBytes) {
      const length = this.#messageBytes;
      this.#messageBytes = -1;
      this.#held = EMPTY;
      if (!isOversize) this.#sink.onMessage(held, 0, length);
    }
    return start + take;
  }

  // Memory follows what has arrived, not what was announced.
  #growHeld(needed: number, limit: number): void {
    const capacity = this.#held.length;
    if (needed <= capacity) return;
    const grown = new Uint8Array(Math.min(limit, Math.max(needed, capacity * 2, FIRST_HELD_BYTES)));
    grown.set(this.#held);
    this.#held = grown;
  }
}

function truncated(): Error {
  return protocolViolation("A MESSAGES stream ends inside a message");
}

function empty(): Error {
  return protocolViolation("Empty message");
}

const EMPTY = new Uint8Array(0);

// What a message in progress gets at first; it doubles from there as bytes arrive.
const FIRST_HELD_BYTES = 16_384;
