/**
 * What a bad network does to each packet of one direction, decided from its time and a seed: delay that changes, jitter, loss,
 * reordering, duplicates, damage, and a bottleneck with a queue. No socket and no timer: `udp_proxy.ts` is the shell around it.
 *
 * @module
 */

import { seededRandom } from "../../src/connection/memory_link.ts";

/** How bad it is. Chances are shares of the packets, from 0 to 1; whatever is left out does not happen. */
export interface Faults {
  /** It never arrives. */
  readonly drop?: number;
  /** How many packets are lost in a row on average, when each is not judged on its own: more than 1. */
  readonly meanBurst?: number;
  /** One of its bits is another. */
  readonly corrupt?: number;
  /** It arrives twice. */
  readonly duplicate?: number;
  /** Those behind it overtake it, for {@link HELD_BACK_MS}. */
  readonly reorder?: number;
  /** Its end is missing. */
  readonly truncate?: number;
  /** How much longer every packet takes, in milliseconds; a function of the time for a path that changes. */
  readonly delayMs?: number | ((nowMs: number) => number);
  /** Mean of what queues elsewhere add to it; the same for all packets of a moment, since they wait in the same queue. */
  readonly jitterMs?: number;
  /** Bytes a second that pass the bottleneck; what comes faster queues there. */
  readonly rateBytesPerS?: number;
  /** Packets that may wait at the bottleneck; more are lost. Default 100. */
  readonly queuePackets?: number;
  /** Bytes of the longest packet that fits the path; without it QUIC finds out that loopback carries 64 KiB. */
  readonly mtuBytes?: number;
}

/** A packet, as it leaves at its time. */
export interface Passage {
  readonly dueMs: number;
  readonly bytes: Uint8Array;
}

/** How much later a packet leaves that others overtake. */
export const HELD_BACK_MS = 12;

/** One direction of a network. Ask it in the order of time. */
export class Impairment {
  /** What happens from now on. */
  faults: Faults;
  /** While true nothing passes. */
  cut = false;
  /** What was done to packets so far; those for which the bottleneck had no room are `overflowed` and `dropped`. */
  readonly counts = {
    passed: 0,
    passedBytes: 0,
    dropped: 0,
    overflowed: 0,
    corrupted: 0,
    duplicated: 0,
    reordered: 0,
    truncated: 0,
  };
  readonly #random: () => number;
  /** When the packets at the bottleneck will have passed it, in order. */
  readonly #queue: number[] = [];
  #slot = -1;
  #jitterMs = 0;
  #isLosing = false;
  #lastDueMs = 0;

  constructor(seed: number, faults: Faults = {}) {
    this.#random = seededRandom(seed);
    this.faults = faults;
  }

  /** What becomes of a packet that enters at `nowMs`: nothing of it when it is lost, two when it comes twice. `bytes` are copied. */
  pass(bytes: Uint8Array, nowMs: number): readonly Passage[] {
    const { counts, faults } = this;
    const { mtuBytes = Infinity } = faults;
    const isLost = this.cut || bytes.length > mtuBytes || this.#loses();
    const passedMs = isLost ? undefined : this.#bottleneck(bytes.length, nowMs);
    if (passedMs === undefined) {
      counts.dropped++;
      return [];
    }
    counts.passed++;
    counts.passedBytes += bytes.length;
    const damaged = this.#damage(Uint8Array.from(bytes));
    const dueMs = this.#dueMs(passedMs, nowMs);
    const passage = { dueMs, bytes: damaged };
    if (!this.#happens(faults.duplicate)) return [passage];
    counts.duplicated++;
    return [passage, passage];
  }

  /** Whether it is lost on the way: each packet on its own, or after Gilbert (1960): in one state all pass, in the other none. */
  #loses(): boolean {
    const { drop = 0, meanBurst } = this.faults;
    if (meanBurst === undefined || drop === 0) return this.#happens(drop);
    const change = this.#isLosing ? 1 / meanBurst : drop / (1 - drop) / meanBurst;
    if (this.#random() < change) this.#isLosing = !this.#isLosing;
    return this.#isLosing;
  }

  /** When it has passed the bottleneck; `undefined` when there is no room to wait. */
  #bottleneck(bytes: number, nowMs: number): number | undefined {
    const { rateBytesPerS = Infinity, queuePackets = 100 } = this.faults;
    const queue = this.#queue;
    while (queue.length > 0 && queue[0]! <= nowMs) queue.shift();
    if (queue.length >= queuePackets) {
      this.counts.overflowed++;
      return undefined;
    }
    const passedMs = Math.max(nowMs, queue.at(-1) ?? nowMs) + bytes * 1000 / rateBytesPerS;
    if (passedMs > nowMs) queue.push(passedMs);
    return passedMs;
  }

  #damage(bytes: Uint8Array): Uint8Array {
    const { counts, faults } = this;
    if (bytes.length > 0 && this.#happens(faults.corrupt)) {
      counts.corrupted++;
      bytes[this.#below(bytes.length)]! ^= 1 << this.#below(8);
    }
    if (!this.#happens(faults.truncate)) return bytes;
    counts.truncated++;
    return bytes.subarray(0, 1 + this.#below(bytes.length));
  }

  #dueMs(passedMs: number, nowMs: number): number {
    const { delayMs = 0, reorder } = this.faults;
    const dueMs = passedMs + (typeof delayMs === "number" ? delayMs : delayMs(nowMs)) + this.#jitter(nowMs);
    if (this.#happens(reorder)) {
      this.counts.reordered++;
      return dueMs + HELD_BACK_MS;
    }
    // A queue is left in the order in which it was entered.
    this.#lastDueMs = Math.max(this.#lastDueMs, dueMs);
    return this.#lastDueMs;
  }

  #jitter(nowMs: number): number {
    const { jitterMs = 0 } = this.faults;
    if (jitterMs === 0) return 0;
    const slot = Math.floor(nowMs / SLOT_MS);
    if (slot !== this.#slot) {
      this.#slot = slot;
      this.#jitterMs = -jitterMs * Math.log(1 - this.#random());
    }
    return this.#jitterMs;
  }

  #happens(chance = 0): boolean {
    return chance > 0 && this.#random() < chance;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

/** How long the queues of a network stay as they are. */
const SLOT_MS = 10;
