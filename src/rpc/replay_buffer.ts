/**
 * Events that were sent and not acknowledged, kept so that another connection can go on with them.
 *
 * @module
 */

import { Fifo } from "../connection/fifo.ts";
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
  readonly #events = new Fifo<KeptEvent>();
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
    return this.#events.length;
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
    while ((this.#events.first?.sequence ?? Infinity) <= sequence) this.#bytes -= costBytes(this.#events.shift()!);
  }

  /** What is kept, in order. */
  events(): readonly KeptEvent[] {
    return this.#events.items();
  }
}

function costBytes({ name, payload }: KeptEvent): number {
  return payload.length + name.length + OVERHEAD_BYTES;
}

/** The objects around an event, roughly. */
const OVERHEAD_BYTES = 64;
