/**
 * First in, first out, at constant cost: `Array.shift` moves everything that is left.
 *
 * @module
 */

/** A queue. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  // Items before this index have left; the array is cut when half of it has, so that leaving costs O(1).
  #first = 0;

  /** Items in it. */
  get length(): number {
    return this.#items.length - this.#first;
  }

  /** The one that came first, which stays; `undefined` when there is none. */
  get first(): T | undefined {
    return this.#items[this.#first];
  }

  /** Add `item` behind all others. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Take out the one that came first; `undefined` when there is none. */
  shift(): T | undefined {
    if (this.#first === this.#items.length) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined;
    if (this.#first * 2 >= this.#items.length) {
      this.#items.splice(0, this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** Take out all, in order. */
  takeAll(): T[] {
    const taken = this.items();
    this.#items = [];
    this.#first = 0;
    return taken;
  }

  /** All that is in it, in order; a copy. */
  items(): T[] {
    return this.#items.slice(this.#first) as T[];
  }
}
