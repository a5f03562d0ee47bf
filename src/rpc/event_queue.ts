/**
 * Events that wait for one subscription, and what happens to those it has no room for.
 *
 * @module
 */

import type { EventFrame } from "../protocol/event_frame.ts";

/**
 * What happens to an event for which a subscription has no room:
 * `"block"` holds the sender back, `"dropOldest"` gives up the event that has waited longest, `"dropNewest"` the one that has just
 * arrived, `"close"` ends the session with TOO_SLOW.
 */
export type Overflow = "block" | "dropOldest" | "dropNewest" | "close";

/** How much a queue takes, and what it does beyond. */
export interface EventQueueOptions {
  /** Events that may wait. `undefined` with `"block"`: none is taken before it is asked for; otherwise {@link DEFAULT_CAPACITY}. */
  readonly capacity: number | undefined;
  readonly overflow: Overflow;
  /** Bytes that may wait, whatever the capacity; one event always may. */
  readonly maxBytes: number;
}

/** Who is told what did not fit. */
export interface OverflowObserver {
  /** An event was given up. */
  onDropped(): void;
  /** The session is to be closed. */
  onTooSlow(): void;
}

/** An event in a queue. */
export interface QueuedEvent {
  readonly event: EventFrame;
  /** Lets the sender count it as taken; `undefined` when it may already. */
  taken: (() => void) | undefined;
}

/** The queue of one subscription. Decides and counts; who empties it is up to its owner. */
export class EventQueue {
  readonly #options: EventQueueOptions;
  readonly #capacity: number;
  #events: QueuedEvent[] = [];
  // Of those, what its sender may count as taken; where a capacity is given, the ones in front.
  #accepted = 0;
  #acceptedBytes = 0;
  #closed = false;

  constructor(options: EventQueueOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY;
  }

  /** Events that wait. */
  get length(): number {
    return this.#events.length;
  }

  /**
   * Queue an event, whose payload nobody else may change. A `volatile` one is dropped where another would hold its sender back.
   * @returns `undefined` when its sender may count it as taken, otherwise a promise of that.
   */
  push(event: EventFrame, volatile: boolean, observer: OverflowObserver): Promise<void> | undefined {
    if (this.#closed) return undefined;
    const costBytes = heldBytesOf(event);
    if (this.#options.overflow === "dropOldest") {
      while (!this.#fits(costBytes)) {
        this.shift();
        observer.onDropped();
      }
      return this.#accept(event, costBytes);
    }
    const isHeld = this.#options.overflow === "block" && !volatile;
    if (isHeld && (this.#options.capacity === undefined || !this.#fits(costBytes))) {
      return new Promise((taken) => void this.#events.push({ event, taken }));
    }
    if (this.#fits(costBytes)) return this.#accept(event, costBytes);
    if (this.#options.overflow === "close") {
      this.#closed = true;
      observer.onTooSlow();
    } else observer.onDropped();
    return undefined;
  }

  /** Take out the event that has waited longest. */
  shift(): QueuedEvent | undefined {
    const first = this.#events.shift();
    if (first === undefined) return undefined;
    if (first.taken === undefined) {
      this.#accepted--;
      this.#acceptedBytes -= heldBytesOf(first.event);
    }
    if (this.#options.capacity !== undefined) this.#acceptMore();
    return first;
  }

  /** Forget what waits; its sender may count it as taken. */
  clear(): void {
    const events = this.#events;
    this.#events = [];
    this.#accepted = this.#acceptedBytes = 0;
    for (const { taken } of events) taken?.();
  }

  #fits(costBytes: number): boolean {
    // Something larger than all that may wait is let in alone, or it could never be taken.
    if (this.#events.length === 0) return true;
    if (this.#options.capacity !== undefined && this.#accepted < this.#events.length) return false;
    return this.#events.length < this.#capacity && this.#acceptedBytes + costBytes <= this.#options.maxBytes;
  }

  #accept(event: EventFrame, costBytes: number): undefined {
    this.#events.push({ event, taken: undefined });
    this.#accepted++;
    this.#acceptedBytes += costBytes;
  }

  #acceptMore(): void {
    while (this.#accepted < this.#events.length && this.#accepted < this.#capacity) {
      const next = this.#events[this.#accepted]!;
      const costBytes = heldBytesOf(next.event);
      if (this.#accepted > 0 && this.#acceptedBytes + costBytes > this.#options.maxBytes) return;
      this.#accepted++;
      this.#acceptedBytes += costBytes;
      next.taken?.();
      next.taken = undefined;
    }
  }
}

/** What a waiting event occupies, roughly: its bytes, its objects and promises. */
function heldBytesOf({ name, payload }: EventFrame): number {
  return payload.length + name.length + HELD_OVERHEAD_BYTES;
}

/** Events that may wait where no capacity is given and none may hold its sender back. */
export const DEFAULT_CAPACITY = 256;
const HELD_OVERHEAD_BYTES = 256;
