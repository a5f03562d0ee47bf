/**
 * Puts frames together that came in fragments, in any order, some never: what is held is bounded in frames, bytes and age
 * (docs/protocol.md, "Media datagrams").
 *
 * @module
 */

import type { MediaFragment } from "../protocol/media_fragment.ts";
import type { WindowPool } from "./window_pool.ts";

/** What an assembler may hold. */
export interface FragmentAssemblerOptions {
  /** Largest frame, in bytes. */
  readonly maxFrameBytes: number;
  /** Age at which an incomplete frame is given up, in microseconds. */
  readonly maxAgeUs: number;
  /** Where its memory beyond the first {@link FREE_BYTES} comes from. */
  readonly pool: WindowPool;
}

/** Incomplete frames of one stream. */
export class FragmentAssembler {
  readonly #options: FragmentAssemblerOptions;
  // In order of their first fragments.
  readonly #partials = new Map<number, Partial>();
  #heldBytes = 0;
  #pooledBytes = 0;

  constructor(options: FragmentAssemblerOptions) {
    this.#options = options;
  }

  /** Incomplete frames. */
  get length(): number {
    return this.#partials.size;
  }

  /** Memory they occupy, roughly. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Take in a fragment of a frame that has more than one. The frame's payload when it is complete now, a copy; `undefined` when
   * others are missing, or the fragment came twice, contradicts others, or has no room.
   */
  insert(fragment: MediaFragment, nowUs: number): Uint8Array | undefined {
    this.#giveUp(nowUs - this.#options.maxAgeUs);
    const { sequence, count, index, payload } = fragment;
    let partial = this.#partials.get(sequence);
    if (partial === undefined) {
      partial = {
        count,
        timestamp: fragment.timestamp,
        sinceUs: nowUs,
        parts: [],
        missing: count,
        bytes: 0,
        costBytes: 0,
      };
      if (this.#partials.size >= MAX_PARTIAL_FRAMES) this.#evictOldest(undefined);
      this.#partials.set(sequence, partial);
      if (!this.#charge(partial, PARTIAL_COST_BYTES + count * SLOT_COST_BYTES)) return this.#drop(sequence);
    }
    if (partial.count !== count || partial.timestamp !== fragment.timestamp) return undefined;
    if (partial.parts[index] !== undefined) return undefined;
    if (partial.bytes + payload.length > this.#options.maxFrameBytes) return this.#drop(sequence);
    if (!this.#charge(partial, payload.length + FRAGMENT_COST_BYTES)) return this.#drop(sequence);
    partial.parts[index] = payload.slice();
    partial.bytes += payload.length;
    partial.missing--;
    if (partial.missing > 0) return undefined;
    this.#drop(sequence);
    return concatenate(partial.parts as Uint8Array[], partial.bytes);
  }

  /** Give everything up. */
  clear(): void {
    for (const sequence of [...this.#partials.keys()]) this.#drop(sequence);
  }

  #giveUp(beforeUs: number): void {
    for (const [sequence, { sinceUs }] of this.#partials) {
      if (sinceUs > beforeUs) return;
      this.#drop(sequence);
    }
  }

  /** Make `partial` own `bytes` more, at the expense of older frames if it has to be. */
  #charge(partial: Partial, bytes: number): boolean {
    partial.costBytes += bytes;
    this.#heldBytes += bytes;
    for (;;) {
      const neededBytes = this.#heldBytes - FREE_BYTES - this.#pooledBytes;
      if (neededBytes <= 0) return true;
      const takenBytes = this.#options.pool.take(neededBytes);
      this.#pooledBytes += takenBytes;
      if (takenBytes === neededBytes) return true;
      if (!this.#evictOldest(partial)) return false;
    }
  }

  #evictOldest(except: Partial | undefined): boolean {
    for (const [sequence, partial] of this.#partials) {
      if (partial === except) continue;
      this.#drop(sequence);
      return true;
    }
    return false;
  }

  #drop(sequence: number): undefined {
    const partial = this.#partials.get(sequence);
    if (partial === undefined) return;
    this.#partials.delete(sequence);
    this.#heldBytes -= partial.costBytes;
    const surplusBytes = this.#pooledBytes - Math.max(0, this.#heldBytes - FREE_BYTES);
    this.#pooledBytes -= surplusBytes;
    this.#options.pool.give(surplusBytes);
  }
}

interface Partial {
  readonly count: number;
  readonly timestamp: number;
  /** When its first fragment came. */
  readonly sinceUs: number;
  readonly parts: (Uint8Array | undefined)[];
  missing: number;
  bytes: number;
  costBytes: number;
}

function concatenate(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** What one stream may hold without asking: half a frame of usual size. */
const FREE_BYTES = 64 * 1024;
/** Frames in progress at once: more than are sent within a round trip. */
const MAX_PARTIAL_FRAMES = 64;
/** Rough cost of an incomplete frame, of each of its slots, and of each fragment beside its bytes. */
const PARTIAL_COST_BYTES = 256;
const SLOT_COST_BYTES = 8;
const FRAGMENT_COST_BYTES = 128;
