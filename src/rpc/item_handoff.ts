/**
 * The items a caller sends on a channel, on their way through interceptors: one sender, one reader, and nothing sent ahead of it.
 *
 * @module
 */

import { Fifo } from "../connection/fifo.ts";
import type { Channel } from "./outgoing_channel.ts";

/** What {@link ItemHandoff.send} is given is read by iterating; a sender goes on when its reader comes for the next item. */
export class ItemHandoff implements AsyncIterableIterator<unknown> {
  readonly #method: string;
  readonly #sent = new Fifo<Sent>();
  readonly #readers: Reader[] = [];
  // The one that is being worked on.
  #current: Sent | undefined;
  #ended = false;
  #closed: { readonly error: unknown } | undefined;
  #target: Channel<unknown, unknown> | undefined;

  /** @param method Whose items they are, for messages. */
  constructor(method: string) {
    this.#method = method;
  }

  /** As `Channel.send`. */
  send(item: unknown): Promise<boolean> {
    if (this.#ended) return Promise.reject(new TypeError(`"${this.#method}" has ended its items already`));
    if (this.#target !== undefined) return this.#target.send(item);
    if (this.#closed !== undefined) {
      const { error } = this.#closed;
      return error === undefined ? Promise.resolve(false) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      const sent: Sent = { item, resolve, reject };
      const reader = this.#readers.shift();
      if (reader === undefined) this.#sent.push(sent);
      else reader.resolve(this.#take(sent));
    });
  }

  /** No more follow. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#target !== undefined) return this.#target.end();
    for (const reader of this.#readers.splice(0)) reader.resolve(DONE);
  }

  next(): Promise<IteratorResult<unknown>> {
    this.#current?.resolve(true);
    this.#current = undefined;
    const sent = this.#sent.shift();
    if (sent !== undefined) return Promise.resolve(this.#take(sent));
    if (this.#closed?.error !== undefined) return Promise.reject(this.#closed.error);
    if (this.#ended || this.#closed !== undefined || this.#target !== undefined) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** The reader wants no more: senders are told. */
  return(): Promise<IteratorResult<unknown>> {
    this.close(undefined);
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Send what is here and what comes by `channel`, since nobody wants to read it on its way. */
  attach(channel: Channel<unknown, unknown>): void {
    this.#target = channel;
    this.#current?.resolve(true);
    for (const { item, resolve, reject } of this.#sent.takeAll()) channel.send(item).then(resolve, reject);
    if (this.#ended) channel.end();
    for (const reader of this.#readers.splice(0)) reader.resolve(DONE);
  }

  /** Whether all items go to `channel` as they are. */
  isAttachedTo(channel: Channel<unknown, unknown>): boolean {
    return this.#target === channel;
  }

  /** The item that is being worked on cannot travel: its sender is told. False when no sender waits. */
  refuse(error: unknown): boolean {
    const sent = this.#current;
    this.#current = undefined;
    sent?.reject(error);
    return sent !== undefined;
  }

  /** The call is over, for `error` or well: nothing is taken any more. */
  close(error: unknown): void {
    if (this.#closed !== undefined || this.#target !== undefined) return;
    this.#closed = { error };
    const waiting = this.#current === undefined ? [] : [this.#current];
    for (const sent of [...waiting, ...this.#sent.takeAll()]) {
      error === undefined ? sent.resolve(false) : sent.reject(error);
    }
    this.#current = undefined;
    for (const reader of this.#readers.splice(0)) error === undefined ? reader.resolve(DONE) : reader.reject(error);
  }

  #take(sent: Sent): IteratorResult<unknown> {
    this.#current?.resolve(true);
    this.#current = sent;
    return { value: sent.item, done: false };
  }
}

interface Sent {
  readonly item: unknown;
  readonly resolve: (goesOn: boolean) => void;
  readonly reject: (error: unknown) => void;
}

interface Reader {
  readonly resolve: (result: IteratorResult<unknown>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };
