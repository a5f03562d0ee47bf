/**
 * Which frames of a stream have arrived, when frames may be lost, overtake one another and come twice: constant space, whatever
 * sequences a peer makes up.
 *
 * @module
 */

import { unwrapSequence } from "../protocol/sequence.ts";

/** Knows the last {@link WINDOW} sequences; what is older counts as having arrived. */
export class ArrivalWindow {
  readonly #bits: Uint32Array = new Uint32Array(WINDOW / 32);
  #expected = 0;
  #received = 0;

  /** The highest sequence, without wrapping, plus 1. */
  get expected(): number {
    return this.#expected;
  }

  /** Sequences that have arrived. */
  get received(): number {
    return this.#received;
  }

  /** Sequences below the highest that have not. */
  get missing(): number {
    return this.#expected - this.#received;
  }

  /** Whether `sequence` (modulo 2^32) is taken for having arrived. */
  has(sequence: number): boolean {
    const unwrapped = this.#unwrap(sequence);
    if (unwrapped >= this.#expected) return false;
    return unwrapped < this.#expected - WINDOW || (this.#bits[wordOf(unwrapped)]! & bitOf(unwrapped)) !== 0;
  }

  /** Take in `sequence` (modulo 2^32). False when {@link has} says it was there. */
  add(sequence: number): boolean {
    const unwrapped = this.#unwrap(sequence);
    if (unwrapped > MAX_UNWRAPPED || this.has(sequence)) return false;
    if (unwrapped >= this.#expected) this.#advance(unwrapped);
    this.#bits[wordOf(unwrapped)]! |= bitOf(unwrapped);
    this.#received++;
    return true;
  }

  /** A count from the peer, modulo 2^32, of the frames it has sent; the same without wrapping. */
  unwrapCount(count: number): number {
    return unwrapSequence(count, this.#expected);
  }

  #unwrap(sequence: number): number {
    return unwrapSequence(sequence, Math.max(0, this.#expected - 1));
  }

  #advance(unwrapped: number): void {
    const steps = unwrapped + 1 - this.#expected;
    if (steps >= WINDOW) this.#bits.fill(0);
    else for (let each = this.#expected; each <= unwrapped; each++) this.#bits[wordOf(each)]! &= ~bitOf(each);
    this.#expected = unwrapped + 1;
  }
}

function wordOf(unwrapped: number): number {
  return (unwrapped % WINDOW) >>> 5;
}

function bitOf(unwrapped: number): number {
  return 1 << (unwrapped % 32);
}

/** More than what is sent in half a second at 10,000 frames a second. */
const WINDOW = 8_192;
/** Nobody sends so many; what claims to be beyond has a made-up sequence. */
const MAX_UNWRAPPED = 2 ** 52;
