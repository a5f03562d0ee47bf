/**
 * Recovers a lost fragment out of the rest of its group and the group's parity, at the receiver (docs/protocol.md, "Media
 * datagrams"). A group is a running XOR, so that no fragment is kept.
 *
 * @module
 */

import type { MediaParity } from "../protocol/media_fragment.ts";
import { xorInto } from "./parity_builder.ts";

/** A fragment that was lost. */
export interface RecoveredFragment {
  /** Its packet number. */
  readonly packet: number;
  /** What is behind it. */
  readonly bytes: Uint8Array;
}

/** The groups of one stream; the last {@link MAX_GROUPS} of them are known. */
export class ParityRecovery {
  readonly #every: number;
  readonly #groups = new Map<number, Group>();
  #heldBytes = 0;

  /** @param every Most fragments of a group, 1 to 32, as the sender says in its header. */
  constructor(every: number) {
    this.#every = every;
  }

  /** Memory its groups occupy. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** A fragment arrived: `bytes[start, end)` is what parity protects of it. What it lets recover, if anything. */
  onFragment(packet: number, bytes: Uint8Array, start: number, end: number): RecoveredFragment | undefined {
    const group = this.#group(packet);
    const bit = 1 << (packet % this.#every);
    if (group.done || (group.mask & bit) !== 0) return undefined;
    group.mask |= bit;
    group.received++;
    this.#mix(group, bytes, start, end - start);
    group.lengths ^= end - start;
    return this.#recover(group);
  }

  /** A parity arrived. What it lets recover, if anything. */
  onParity(parity: MediaParity): RecoveredFragment | undefined {
    if (parity.packet % this.#every !== 0 || parity.count > this.#every) return undefined;
    const group = this.#group(parity.packet);
    if (group.done || group.count > 0) return undefined;
    group.count = parity.count;
    this.#mix(group, parity.bytes, 0, parity.bytes.length);
    group.lengths ^= parity.lengths;
    return this.#recover(group);
  }

  #group(packet: number): Group {
    const first = packet - packet % this.#every;
    let group = this.#groups.get(first);
    if (group === undefined) {
      group = { first, mask: 0, received: 0, count: 0, lengths: 0, bytes: NOTHING, done: false };
      this.#groups.set(first, group);
      if (this.#groups.size > MAX_GROUPS) this.#forgetOldest();
    }
    return group;
  }

  #mix(group: Group, bytes: Uint8Array, start: number, length: number): void {
    if (length > group.bytes.length) {
      const grown = new Uint8Array(length);
      grown.set(group.bytes);
      this.#heldBytes += length - group.bytes.length;
      group.bytes = grown;
      while (this.#heldBytes > MAX_HELD_BYTES && this.#groups.size > 1) this.#forgetOldest();
    }
    xorInto(group.bytes, bytes, start, length);
  }

  #recover(group: Group): RecoveredFragment | undefined {
    const { count, received, mask, bytes, lengths, first } = group;
    // All of a full group have come, and its parity is of no use; or too few, or more than it says.
    const isWhole = received === this.#every || (count > 0 && received >= count);
    if (!isWhole && (count === 0 || received < count - 1)) return undefined;
    group.done = true;
    group.bytes = NOTHING;
    this.#heldBytes -= bytes.length;
    if (isWhole) return undefined;
    const missing = ~mask & (count === 32 ? -1 : (1 << count) - 1);
    // Anything else is a peer's mistake: fragments beyond the count, or a length that no datagram has.
    if (missing === 0 || (missing & (missing - 1)) !== 0 || lengths > bytes.length) return undefined;
    return { packet: first + 31 - Math.clz32(missing), bytes: bytes.subarray(0, lengths) };
  }

  #forgetOldest(): void {
    const [first, group] = this.#groups.entries().next().value!;
    this.#groups.delete(first);
    this.#heldBytes -= group.bytes.length;
  }
}

interface Group {
  readonly first: number;
  /** Which have come, by their place. */
  mask: number;
  received: number;
  /** How many it has, as its parity says; 0 before that came. */
  count: number;
  lengths: number;
  /** XOR of everything that came. */
  bytes: Uint8Array;
  done: boolean;
}

const NOTHING = new Uint8Array(0);
/** Groups that are known: parity comes right behind its group, so older ones wait in vain. */
const MAX_GROUPS = 32;
/** What groups may occupy. */
const MAX_HELD_BYTES = 256 * 1024;
