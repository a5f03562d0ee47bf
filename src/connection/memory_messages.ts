/**
 * Messages of a memory connection that wait to leave, packed into as few streams as possible once they may.
 *
 * @module
 */

import { varintSize, writeVarint } from "../protocol/varint.ts";

/** Messages in one stream. */
export interface PackedMessages {
  /** The whole stream: kind byte, then each message led by its length. */
  readonly bytes: Uint8Array;
  /** Bytes of the messages alone. */
  readonly payloadBytes: number;
}

/** Messages in the order they were given. */
export class MessageQueue {
  readonly #kind: number;
  #messages: Uint8Array[] = [];

  /** @param kind First byte of each stream. */
  constructor(kind: number) {
    this.#kind = kind;
  }

  /** Add a message, copied. */
  push(message: Uint8Array): void {
    this.#messages.push(message.slice());
  }

  /** As many messages as fit a packet, at least one; `undefined` when there is none, or they exceed `room` bytes. */
  take(room: number): PackedMessages | undefined {
    let count = 0;
    let size = 1;
    let payloadBytes = 0;
    for (const message of this.#messages) {
      const framed = varintSize(message.length) + message.length;
      if (count > 0 && size + framed > PACKET_BYTES) break;
      count++;
      size += framed;
      payloadBytes += message.length;
    }
    if (count === 0 || size > room) return undefined;
    const bytes = new Uint8Array(size);
    bytes[0] = this.#kind;
    let at = 1;
    for (const message of this.#messages.splice(0, count)) {
      at = writeVarint(bytes, at, message.length);
      bytes.set(message, at);
      at += message.length;
    }
    return { bytes, payloadBytes };
  }

  /** Forget them all. */
  clear(): void {
    this.#messages = [];
  }
}

/** Room for messages in a packet: QUIC's smallest datagram (RFC 9000 §14) without headers and tag. */
const PACKET_BYTES = 1_150;
