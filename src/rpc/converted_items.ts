/**
 * A sequence whose items are converted as they are read.
 *
 * @module
 */

import type { ItemStream } from "./item_queue.ts";
import { isThenable } from "./thenable.ts";
import { readableOf } from "./web_streams.ts";

/** Reads `source` through `convert`, which may throw or promise. Leaving it leaves the source, also while an item is awaited. */
export class ConvertedItems implements ItemStream<unknown> {
  readonly #source: AsyncIterator<unknown>;
  readonly #convert: (item: unknown) => unknown;
  // Whether nothing more is read, and what leaving the source came to.
  #over = false;
  #left: Promise<unknown> | undefined;
  #ended = false;

  constructor(source: AsyncIterable<unknown>, convert: (item: unknown) => unknown) {
    this.#source = source[Symbol.asyncIterator]();
    this.#convert = convert;
  }

  /** Whether the source has ended: by itself, or because it was left. */
  get ended(): boolean {
    return this.#ended;
  }

  get readable(): ReadableStream<unknown> {
    return readableOf(this);
  }

  async next(): Promise<IteratorResult<unknown>> {
    if (this.#over) return DONE;
    const next = await this.#sourceNext();
    if (next.done) return DONE;
    const value = this.#convert(next.value);
    return { value: isThenable(value) ? await value : value, done: false };
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.#over = true;
    if (this.#ended) return DONE;
    this.#left ??= this.#leave();
    await this.#left;
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #sourceNext(): Promise<IteratorResult<unknown>> {
    try {
      const next = await this.#source.next();
      if (next.done) this.#over = this.#ended = true;
      return next;
    } catch (error) {
      this.#over = this.#ended = true;
      throw error;
    }
  }

  async #leave(): Promise<void> {
    try {
      await this.#source.return?.();
    } finally {
      this.#ended = true;
    }
  }
}

/** One item, as a sequence. */
export async function* single(item: unknown): AsyncGenerator<unknown> {
  yield item;
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };
