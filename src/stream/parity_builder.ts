/**
 * The parity of groups of fragments, at their sender: the XOR of what is behind the packet number of each, and of their lengths
 * (after RFC 5109; docs/protocol.md, "Media datagrams").
 *
 * @module
 */

import { encodeMediaParity, protectedStart } from "../protocol/media_fragment.ts";

/** Adds up one group after the other. */
export class ParityBuilder {
  readonly #mediaStreamId: number;
  readonly #every: number;
  #bytes: Uint8Array = new Uint8Array(2_048);
  #length = 0;
  #lengths = 0;
  #count = 0;
  #first = 0;

  /** @param every Fragments in a group, 1 to 32. */
  constructor(mediaStreamId: number, every: number) {
    this.#mediaStreamId = mediaStreamId;
    this.#every = every;
  }

  /** Fragments of the group that is not finished. */
  get pending(): number {
    return this.#count;
  }

  /** Take in a fragment's datagram whose packet number stands at `start`. The parity's datagram when the group is full now. */
  add(packet: number, datagram: Uint8Array, start: number): Uint8Array | undefined {
    if (this.#count === 0) this.#first = packet;
    const from = protectedStart(start);
    const length = datagram.length - from;
    if (length > this.#bytes.length) this.#grow(length);
    xorInto(this.#bytes, datagram, from, length);
    this.#length = Math.max(this.#length, length);
    this.#lengths ^= length;
    this.#count++;
    // Numbers begin anew at 2^32, be the group full or not.
    return packet % this.#every === this.#every - 1 || packet === 0xffff_ffff ? this.finish() : undefined;
  }

  /** The parity's datagram of what the group has so far; `undefined` when that is nothing. The next packet starts a new group. */
  finish(): Uint8Array | undefined {
    if (this.#count === 0) return undefined;
    const bytes = this.#bytes.subarray(0, this.#length);
    const parity = { packet: this.#first, count: this.#count, lengths: this.#lengths, bytes };
    const datagram = encodeMediaParity(this.#mediaStreamId, parity);
    bytes.fill(0);
    this.#length = this.#lengths = this.#count = 0;
    return datagram;
  }

  #grow(length: number): void {
    const grown = new Uint8Array(length);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** XOR `length` bytes of `source` from `from` into the start of `target`. */
export function xorInto(target: Uint8Array, source: Uint8Array, from: number, length: number): void {
  for (let i = 0; i < length; i++) target[i]! ^= source[from + i]!;
}
