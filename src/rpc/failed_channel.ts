/**
 * A streaming call that could not begin: whoever reads or writes it learns why.
 *
 * @module
 */

import type { Metadata } from "../protocol/metadata.ts";
import type { Channel } from "./outgoing_channel.ts";
import { readableOf, writableOf } from "./web_streams.ts";

/** Fails everything with the same error; reading, as any iterator, once. */
export class FailedChannel implements Channel<unknown, unknown> {
  readonly #error: unknown;
  #told = false;

  constructor(error: unknown) {
    this.#error = error;
  }

  get headers(): Promise<Metadata> {
    return Promise.reject(this.#error);
  }

  get trailers(): Promise<Metadata> {
    return Promise.reject(this.#error);
  }

  get readable(): ReadableStream<unknown> {
    return readableOf(this);
  }

  get writable(): WritableStream<unknown> {
    return writableOf(this);
  }

  send(): Promise<boolean> {
    return Promise.reject(this.#error);
  }

  sendAll(): Promise<void> {
    return Promise.reject(this.#error);
  }

  response(): Promise<unknown> {
    return Promise.reject(this.#error);
  }

  end(): void {}

  cancel(): void {}

  next(): Promise<IteratorResult<unknown>> {
    if (this.#told) return this.return();
    this.#told = true;
    return Promise.reject(this.#error);
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#told = true;
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
