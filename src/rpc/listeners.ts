/**
 * Who listens to which event. Unlike methods, an event may have several listeners, and they may come and go.
 *
 * @module
 */

import type { EventFrame } from "../protocol/event_frame.ts";
import { checkName } from "../protocol/name.ts";
import type { Overflow, OverflowObserver } from "./event_queue.ts";
import type { StandardSchemaV1 } from "./schema.ts";

/**
 * Takes events of one name, in order. When it returns a promise, its next event waits for that. What it throws is logged and does
 * not reach the sender.
 */
// deno-lint-ignore no-explicit-any -- a payload's type is known to whoever registers the listener, not here
export type Listener<C> = (context: C, payload: any) => unknown;

/** What happens to events that a listener, which takes its time, has not got to. */
export interface SubscriptionOptions<C> {
  /** Events that may wait, 1 or more; they wait in no more than `limits.maxHeldEventBytes`. Default 256, none with `"block"`. */
  readonly capacity?: number;
  /** What happens to what does not fit. Default `"block"`. */
  readonly overflow?: Overflow;
  /** Called for every event dropped, with how many of this subscription were so far, and whose event it was. */
  readonly onDropped?: (dropped: number, context: C) => void;
}

/** How the payloads of an event are treated. */
export interface ListenerOptions<C> extends SubscriptionOptions<C> {
  /** Validates what arrives; its output is what the listener gets. An event that fails is logged and dropped. */
  readonly input?: StandardSchemaV1;
  /** Bytes, untouched by the codec, instead of a value. Default: true when there is no `input`. */
  readonly raw?: boolean;
  /** Takes the events itself, instead of the listener. */
  readonly reader?: EventReader;
}

/** Takes events in as they come, to hand them out when it is asked. */
export interface EventReader {
  /** As `EventQueue.push`. */
  offer(event: EventFrame, volatile: boolean, observer: OverflowObserver): Promise<void> | undefined;
}

/** One registered listener. */
export interface RegisteredListener<C> {
  readonly listener: Listener<C>;
  readonly input: StandardSchemaV1 | undefined;
  readonly raw: boolean;
  readonly capacity: number | undefined;
  readonly overflow: Overflow;
  readonly onDropped: ((dropped: number, context: C) => void) | undefined;
  readonly reader: EventReader | undefined;
  /** Events dropped so far, in all sessions. */
  dropped: number;
  /** Whether it has ever returned a promise. */
  waits: boolean;
  /** False once it was taken away: what waits for it is forgotten. */
  active: boolean;
}

/** A table of listeners by event name. */
export class Listeners<C> {
  readonly #byName = new Map<string, readonly RegisteredListener<C>[]>();

  /**
   * Add a listener; the same function may be added twice and is then called twice.
   * @returns A function that takes this listener away again; calling it twice does nothing.
   * @throws {TypeError} when `event` is no valid name (1 to 128 bytes), or an option is not what it should be.
   * @throws {RangeError} when `capacity` is not a whole number from 1 on.
   */
  add(event: string, listener: Listener<C>, options: ListenerOptions<C> = {}): () => void {
    const entry = this.register(event, listener, options);
    return () => this.remove(event, entry);
  }

  /** As {@link add}. @returns what {@link remove} takes. */
  register(event: string, listener: Listener<C>, options: ListenerOptions<C> = {}): RegisteredListener<C> {
    checkName("Event", event);
    if (typeof listener !== "function") throw new TypeError(`Listener of event "${event}" is not a function`);
    const { input, raw = input === undefined, capacity, overflow = "block", onDropped, reader } = options;
    if (capacity !== undefined && !(Number.isSafeInteger(capacity) && capacity >= 1)) {
      throw new RangeError(`Capacity of event "${event}" is ${String(capacity)}, expected a whole number from 1 on`);
    }
    if (!OVERFLOWS.includes(overflow)) {
      throw new TypeError(`Overflow of event "${event}" is "${String(overflow)}", expected ${OVERFLOWS.join(", ")}`);
    }
    if (onDropped !== undefined && typeof onDropped !== "function") {
      throw new TypeError(`onDropped of event "${event}" is not a function`);
    }
    const entry = {
      listener,
      input,
      raw,
      capacity,
      overflow,
      onDropped,
      reader,
      dropped: 0,
      waits: false,
      active: true,
    };
    // Replaced, never changed in place: a dispatch in progress keeps walking the list it started with.
    this.#byName.set(event, [...this.#byName.get(event) ?? [], entry]);
    return entry;
  }

  /** Take a listener away; nothing happens when it is not there. */
  remove(event: string, entry: RegisteredListener<C>): void {
    entry.active = false;
    const rest = (this.#byName.get(event) ?? []).filter((other) => other !== entry);
    if (rest.length > 0) this.#byName.set(event, rest);
    else this.#byName.delete(event);
  }

  /** Listeners of that event in the order they were added, or `undefined` when there is none. */
  find(event: string): readonly RegisteredListener<C>[] | undefined {
    return this.#byName.get(event);
  }

  /** Names of all events somebody listens to. */
  names(): IterableIterator<string> {
    return this.#byName.keys();
  }
}

const OVERFLOWS: readonly Overflow[] = ["block", "dropOldest", "dropNewest", "close"];
