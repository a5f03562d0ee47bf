/**
 * Who listens to which event. Unlike methods, an event may have several listeners, and they may come and go.
 *
 * @module
 */

import { checkName } from "../protocol/name.ts";
import type { StandardSchemaV1 } from "./schema.ts";

/**
 * Takes events of one name, in order. When it returns a promise, the next event of that name waits for it. What it throws
 * is logged and does not reach the sender.
 */
// deno-lint-ignore no-explicit-any -- a payload's type is known to whoever registers the listener, not here
export type Listener<C> = (context: C, payload: any) => unknown;

/** How the payloads of an event are treated. */
export interface ListenerOptions {
  /** Validates what arrives; its output is what the listener gets. An event that fails is logged and dropped. */
  readonly input?: StandardSchemaV1;
  /** Bytes, untouched by the codec, instead of a value. Default: true when there is no `input`. */
  readonly raw?: boolean;
}

/** One registered listener. */
export interface RegisteredListener<C> {
  readonly listener: Listener<C>;
  readonly input: StandardSchemaV1 | undefined;
  readonly raw: boolean;
}

/** A table of listeners by event name. */
export class Listeners<C> {
  readonly #byName = new Map<string, readonly RegisteredListener<C>[]>();

  /**
   * Add a listener; the same function may be added twice and is then called twice.
   * @returns A function that takes this listener away again; calling it twice does nothing.
   * @throws {TypeError} when `event` is no valid name (1 to 128 bytes).
   */
  add(event: string, listener: Listener<C>, options: ListenerOptions = {}): () => void {
    checkName("Event", event);
    if (typeof listener !== "function") throw new TypeError(`Listener of event "${event}" is not a function`);
    const entry = { listener, input: options.input, raw: options.raw ?? options.input === undefined };
    // Replaced, never changed in place: a dispatch in progress keeps walking the list it started with.
    this.#byName.set(event, [...this.#byName.get(event) ?? [], entry]);
    return () => {
      const rest = (this.#byName.get(event) ?? []).filter((other) => other !== entry);
      if (rest.length > 0) this.#byName.set(event, rest);
      else this.#byName.delete(event);
    };
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
