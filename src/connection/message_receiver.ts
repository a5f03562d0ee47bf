/**
 * Messages on unidirectional streams, after the kind byte: each a QUIC varint length (RFC 9000 §16) and so many bytes. Whole small
 * streams are split in place; one that arrives in pieces keeps a receiver, which pays for a message before more of it may come.
 *
 * @module
 */

import { type EchoStreamError, protocolViolation } from "../protocol/error.ts";
import { MORE, readVarint, varintSizeOf } from "../protocol/varint.ts";
import { type InboundBudget, type Reservation } from "./inbound_budget.ts";
import { type StreamId, type TransportConnection } from "./transport.ts";

/** Who takes messages. Thrown `PROTOCOL_VIOLATION` closes the connection. */
export interface MessageSink {
  /**
   * One whole message, `bytes` from `start` to `end`, valid only during the call unless `owned`: then nobody else writes to
   * `bytes` any more, and they may be kept without a copy.
   */
  onMessage(bytes: Uint8Array, start: number, end: number, owned: boolean): void;
  /**
   * A message of `length` bytes that crosses the limit. Its first bytes are there, 64 or all of them, so that the call it belongs to
   * can be refused; the rest never comes.
   */
  onOversizeMessage(bytes: Uint8Array, start: number, end: number, length: number): void;
}

/** What a receiver of messages needs of its connection. */
export interface MessageReceiverOwner {
  readonly transport: TransportConnection;
  readonly inbound: InboundBudget;
  readonly maxMessageBytes: number;
  readonly messages: MessageSink;
  /** Forget the stream: nothing more is delivered of it. */
  forgetReceiving(stream: StreamId): void;
  /** Stop reading the stream because of a limit. */
  refuseReceiving(stream: StreamId): void;
}

/**
 * Split the messages of a whole stream, from `start` on.
 * @throws {EchoStreamError} PROTOCOL_VIOLATION when the stream ends inside a message.
 */
export function splitMessages(bytes: Uint8Array, start: number, maxMessageBytes: number, sink: MessageSink): void {
  let at = start;
  while (at < bytes.length) {
    const length = readVarint(bytes, at, bytes.length);
    const lengthEnd = at + varintSizeOf(bytes[at]!);
    const end = lengthEnd + length;
    if (length === MORE || end > bytes.length) throw truncated();
    if (length <= maxMessageBytes) sink.onMessage(bytes, lengthEnd, end, false);
    else sink.onOversizeMessage(bytes, lengthEnd, end, length);
    at = end;
  }
}

/** The receiving half of a message stream that arrives in pieces. */
export class MessageReceiver {
  readonly #owner: MessageReceiverOwner;
  readonly #stream: StreamId;
  readonly #initialCreditBytes: number;
  #creditBytes: number;
  /** Of the message in progress: its length as far as known, or its first bytes up to its whole. */
  #buffer: Uint8Array = new Uint8Array(PREFIX_BYTES);
  #filled = 0;
  /** Length of the message in progress, `undefined` while its own bytes are incomplete. */
  #length: number | undefined;
  #reservation: Reservation | undefined;
  #ended = false;

  /** @param creditBytes What the transport delivers, kind byte included, before anyone grants more. */
  constructor(owner: MessageReceiverOwner, stream: StreamId, creditBytes: number) {
    this.#owner = owner;
    this.#stream = stream;
    this.#initialCreditBytes = creditBytes;
    this.#creditBytes = creditBytes;
  }

  /** Bytes after the kind byte; `kindBytes` is 1 with those it came with. @throws {EchoStreamError} PROTOCOL_VIOLATION. */
  onData(bytes: Uint8Array, finished: boolean, kindBytes = 0): void {
    this.#creditBytes -= bytes.length;
    let at = kindBytes;
    while (at < bytes.length && !this.#ended) {
      at = this.#length === undefined ? this.#takeLength(bytes, at) : this.#takeBody(bytes, at, this.#length);
    }
    if (this.#ended) return;
    if (finished) {
      if (this.#filled > 0 || this.#length !== undefined) throw truncated();
      this.#end();
    } else if (this.#length === undefined && this.#creditBytes < this.#initialCreditBytes / 2) {
      this.#grant(this.#initialCreditBytes - this.#creditBytes);
    }
  }

  /** The peer gave the message in progress up: a cancelled call. */
  onReset(_code: number): void {
    this.#end();
  }

  /** The connection is gone. */
  connectionClosed(_error: Error): void {
    this.#end();
  }

  #takeLength(bytes: Uint8Array, start: number): number {
    let at = start;
    const size = varintSizeOf(this.#filled > 0 ? this.#buffer[0]! : bytes[at]!);
    while (this.#filled < size && at < bytes.length) this.#buffer[this.#filled++] = bytes[at++]!;
    if (this.#filled < size) return at;
    const length = readVarint(this.#buffer, 0, size);
    this.#filled = 0;
    const end = at + length;
    if (length <= this.#owner.maxMessageBytes && end <= bytes.length) {
      this.#owner.messages.onMessage(bytes, at, end, false);
      return end;
    }
    this.#length = length;
    if (length <= this.#owner.maxMessageBytes) this.#reserve(length, bytes.length - at);
    else this.#grant(PREFIX_BYTES);
    return at;
  }

  #takeBody(bytes: Uint8Array, start: number, length: number): number {
    const oversize = length > this.#owner.maxMessageBytes;
    const wanted = oversize ? Math.min(PREFIX_BYTES, length) : length;
    const end = Math.min(bytes.length, start + wanted - this.#filled);
    this.#buffer.set(bytes.subarray(start, end), this.#filled);
    this.#filled += end - start;
    if (this.#filled < wanted) return end;
    const whole = this.#buffer;
    if (oversize) {
      this.#owner.messages.onOversizeMessage(whole, 0, wanted, length);
      this.#end();
      this.#owner.refuseReceiving(this.#stream);
      return end;
    }
    this.#startNext();
    this.#owner.messages.onMessage(whole, 0, length, true);
    return end;
  }

  /** Pay for a message before its rest may come; `here` bytes of it are in hand. */
  #reserve(length: number, here: number): void {
    // Until it is paid for, no more than the credit given so far can arrive.
    this.#buffer = new Uint8Array(Math.min(length, here + this.#creditBytes));
    this.#reservation = this.#owner.inbound.reserve(length, () => {
      if (this.#buffer.length < length) {
        const whole = new Uint8Array(length);
        whole.set(this.#buffer.subarray(0, this.#filled));
        this.#buffer = whole;
      }
      // As much beyond it as at first: many small messages must not cost a turn of the event loop each.
      this.#grant(length - Math.max(this.#filled, here) - this.#creditBytes + this.#initialCreditBytes);
    });
  }

  #startNext(): void {
    this.#release();
    this.#buffer = new Uint8Array(PREFIX_BYTES);
    this.#filled = 0;
    this.#length = undefined;
  }

  #release(): void {
    if (this.#reservation !== undefined) this.#owner.inbound.cancel(this.#reservation);
    this.#reservation = undefined;
  }

  #grant(bytes: number): void {
    if (bytes <= 0) return;
    this.#creditBytes += bytes;
    this.#owner.transport.grant(this.#stream, bytes);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    this.#owner.forgetReceiving(this.#stream);
  }
}

function truncated(): EchoStreamError {
  return protocolViolation("Message stream ends inside a message");
}

/** Bytes of an oversize message that are read to learn which call it belongs to. */
const PREFIX_BYTES = 64;
