/**
 * Who takes which media stream.
 *
 * @module
 */

import { checkName } from "../protocol/name.ts";
import type { IncomingStream } from "./incoming_stream.ts";

/**
 * Takes one media stream of a peer. The stream counts as taken when the handler has ended and every frame was read; a handler that
 * throws, or ends before the last frame, tells the sender so.
 */
export type StreamHandler<C> = (context: C, incoming: IncomingStream) => unknown;

/** A table of stream handlers by stream name. */
export class StreamHandlers<C> {
  readonly #byName = new Map<string, StreamHandler<C>>();

  /**
   * Register who takes streams called `name`.
   * @throws {TypeError} when `name` is no valid name (1 to 128 bytes), or is already taken.
   */
  handle(name: string, handler: StreamHandler<C>): this {
    checkName("Stream", name);
    if (typeof handler !== "function") throw new TypeError(`Handler of stream "${name}" is not a function`);
    if (this.#byName.has(name)) throw new TypeError(`Stream "${name}" already has a handler`);
    this.#byName.set(name, handler);
    return this;
  }

  /** The handler of streams called `name`, or `undefined` when nobody registered one. */
  find(name: string): StreamHandler<C> | undefined {
    return this.#byName.get(name);
  }

  /** Names of all streams somebody takes. */
  names(): IterableIterator<string> {
    return this.#byName.keys();
  }
}
