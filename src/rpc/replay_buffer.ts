/**
 * Events that were sent and not acknowledged, kept so that another connection can go on with them.
 *
 * @module
 */

import type { Encoding } from "../protocol/encoding.ts";

/** How much is kept at most. */
export interface ReplayLimits {
  /** Events. */
  readonly maxEvents: number;
  /** Bytes of their names and payloads, and 64 for each. */
  readonly maxBytes: number;
}

/** One event that may be sent again. */
export interface KeptEvent {
  readonly sequence: number;
  readonly name: string;
  readonly encoding: Encoding;
  /** Stays as it is. */
  readonly payload: Uint8Array;
}

/** A bounded queue of events in order of their sequence. */
export class ReplayBuffer {
  readonly limits: ReplayLimits;
  #events: KeptEvent[] = [];
  // Events before this index are gone; the array is cut when half of it is, so that leaving costs O(1).
  #first = 0;
  #bytes = 0;

  constructor(limits: ReplayLimits) {
    this.limits = limits;
  }

  /** Bytes kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Events kept. */
  get length(): number {
    return this.#events.length - this.#first;
  }

  /** Whether another event would cross no limit by itself; one that is larger than the limit may be alone. */
  get hasRoom(): boolean {
    return this.length < this.limits.maxEvents && this.#bytes < this.limits.maxBytes;
  }

  /** Keep `event`, the one after the last. */
  add(event: KeptEvent): void {
    this.#events.push(event);
    this.#bytes += costBytes(event);
  }

  /** Let go of every event up to `sequence`. */
  release(sequence: number): void {
    while (this.length > 0 && this.#events[this.#first]!.sequence <= sequence) {
      this.#bytes -= costBytes(this.#events[this.#first]!);
      this.#first++;
    }
    if (this.#first * 2 < this.#events.length) return;
    this.#events.splice(0, this.#first);
    this.#first = 0;
  }

  /** What is kept, in order. */
  events(): readonly KeptEvent[] {
    return this.#events.slice(this.#first);
  }
}

function costBytes({ name, payload }: KeptEvent): number {
  return payload.length + name.length + OVERHEAD_BYTES;
}

/** The objects around an event, roughly. */
const OVERHEAD_BYTES = 64;
