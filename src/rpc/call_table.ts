/**
 * Calls in progress by their id. A `Map` would do, but for its garbage: under churn it is copied over and over, each copy keeps
 * the one after it alive once it has grown old, and with them every call that was ever in them, until a full collection.
 *
 * @module
 */

/** What a {@link CallTable} holds. */
export interface Identified {
  readonly callId: number;
}

/** A table for ids that mostly ascend: a ring indexed by their low bits, and a `Map` for the few that the ring has lapped. */
export class CallTable<C extends Identified> implements Iterable<C> {
  #ring: (C | undefined)[] = new Array<C | undefined>(FIRST_SLOTS).fill(undefined);
  #mask = FIRST_SLOTS - 1;
  #inRing = 0;
  // Made with the first.
  #lapped: Map<number, C> | undefined;

  /** Calls in it. */
  get size(): number {
    return this.#lapped === undefined ? this.#inRing : this.#inRing + this.#lapped.size;
  }

  /** The call of that id. */
  get(callId: number): C | undefined {
    const call = this.#ring[callId & this.#mask];
    if (call !== undefined && call.callId === callId) return call;
    return this.#lapped?.get(callId);
  }

  /** Add a call whose id is not in it. */
  add(call: C): void {
    const slot = call.callId & this.#mask;
    const occupant = this.#ring[slot];
    if (occupant !== undefined) {
      if (this.#inRing > this.#mask >> 1) {
        this.#grow();
        return this.add(call);
      }
      (this.#lapped ??= new Map()).set(occupant.callId, occupant);
      this.#inRing--;
    }
    this.#ring[slot] = call;
    this.#inRing++;
  }

  /** Take the call of that id out; whether there was one. */
  delete(callId: number): boolean {
    const slot = callId & this.#mask;
    if (this.#ring[slot]?.callId !== callId) return this.#lapped?.delete(callId) ?? false;
    this.#ring[slot] = undefined;
    this.#inRing--;
    return true;
  }

  /** All calls, in no particular order. */
  *[Symbol.iterator](): Iterator<C> {
    for (const call of this.#ring) if (call !== undefined) yield call;
    if (this.#lapped !== undefined) yield* this.#lapped.values();
  }

  /** Double the ring. Two calls that had slots of their own have so in a larger ring too. */
  #grow(): void {
    const calls = this.#ring.filter((call) => call !== undefined);
    this.#mask = this.#mask * 2 + 1;
    this.#ring = new Array<C | undefined>(this.#mask + 1).fill(undefined);
    for (const call of calls) this.#ring[call.callId & this.#mask] = call;
  }
}

/** Slots to begin with; a power of two. Few: most connections have hardly any calls in flight at a time, and there are two tables in each. */
const FIRST_SLOTS = 8;
