/**
 * The keys of one large CBOR map, to find one that appears twice: a hash table over places in the received bytes, so that
 * no key becomes a string. A peer that makes keys collide only moves the map to a slower table.
 *
 * @module
 */

/** Keys seen so far in one map. */
export class KeyTable {
  // Three numbers a slot: where the key starts, where it ends (0: empty slot), its hash.
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #shift: number;
  // Collisions that may still be stepped over.
  #stepsLeft: number;
  #texts: Set<string> | undefined;

  /** Room for `count` keys. */
  constructor(count: number) {
    const bits = 33 - Math.clz32(count);
    this.#slots = new Int32Array(3 << bits);
    this.#mask = (1 << bits) - 1;
    this.#shift = 32 - bits;
    this.#stepsLeft = 4 * count;
  }

  /** Note the key `bytes[start, end)`; false when it is there already. `hash` is any function of its bytes. */
  add(bytes: Uint8Array, start: number, end: number, hash: number): boolean {
    if (this.#texts !== undefined) return this.#addText(bytes, start, end);
    const slots = this.#slots;
    // Fibonacci hashing: the upper bits depend on all of them.
    let slot = Math.imul(hash, 0x9e37_79b1) >>> this.#shift;
    for (; slots[slot * 3 + 1] !== 0; slot = (slot + 1) & this.#mask) {
      const isSameHash = slots[slot * 3 + 2] === hash;
      if (isSameHash && isSameKey(bytes, slots[slot * 3]!, slots[slot * 3 + 1]!, start, end)) return false;
      if (--this.#stepsLeft < 0) return this.#useTexts(bytes, start, end);
    }
    slots[slot * 3] = start;
    slots[slot * 3 + 1] = end;
    slots[slot * 3 + 2] = hash;
    return true;
  }

  /** The engine's strings have a hash of their own that no peer knows. */
  #useTexts(bytes: Uint8Array, start: number, end: number): boolean {
    this.#texts = new Set();
    for (let at = 0; at < this.#slots.length; at += 3) {
      if (this.#slots[at + 1] !== 0) this.#addText(bytes, this.#slots[at]!, this.#slots[at + 1]!);
    }
    return this.#addText(bytes, start, end);
  }

  #addText(bytes: Uint8Array, start: number, end: number): boolean {
    const texts = this.#texts!;
    const { size } = texts;
    return texts.add(decoder.decode(bytes.subarray(start, end))).size > size;
  }
}

/** True when `bytes[start, end)` and `bytes[otherStart, otherEnd)` are alike. */
export function isSameKey(
  bytes: Uint8Array,
  start: number,
  end: number,
  otherStart: number,
  otherEnd: number,
): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let i = start, j = otherStart; i < end; i++, j++) if (bytes[i] !== bytes[j]) return false;
  return true;
}

// `ignoreBOM` keeps a leading U+FEFF, so that two keys that differ only in it stay two.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
