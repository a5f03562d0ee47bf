/**
 * A streaming call whose interceptors are at work, as its caller sees it: whatever they decide and whenever, items go out and come in by the
 * same rules as on a channel of its own.
 *
 * @module
 */

import { Gate } from "../connection/gate.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import type { Metadata } from "../protocol/metadata.ts";
import type { CallOptions } from "./call_options.ts";
import { onlyAnswer, sendEach } from "./channel_shortcuts.ts";
import { single } from "./converted_items.ts";
import type { InterceptedView } from "./intercepted_view.ts";
import { isAsyncIterable } from "./invocation.ts";
import { ItemHandoff } from "./item_handoff.ts";
import type { Channel } from "./outgoing_channel.ts";
import { OutgoingInterception, type OutgoingPath } from "./outgoing_interception.ts";
import { isThenable } from "./thenable.ts";
import { readableOf, writableOf } from "./web_streams.ts";

/** Stands for the call, or calls, that interceptors make of it. */
export class InterceptedChannel<C> implements Channel<unknown, unknown> {
  readonly #path: OutgoingPath<C>;
  readonly #live: Set<OutgoingInterception<C>>;
  readonly #call: OutgoingInterception<C>;
  // `undefined` for a call whose only item was there from the start.
  readonly #items: ItemHandoff | undefined;
  // The calls made behind the interceptors, and what those gave as the answers.
  readonly #opened: Channel<unknown, unknown>[] = [];
  #answers: AsyncIterator<unknown> | undefined;
  readonly #readers: Reader[] = [];
  #over = false;
  // Told once, as by any iterator.
  #failure: Failure | undefined;
  // What the call behind the interceptors failed with: told as it is, also where it is a mistake of the caller.
  #told: unknown;
  // Opened when any of these changes.
  readonly #changed: Gate = new Gate();

  /**
   * A call that has not begun.
   * @param live Calls that interceptors are at work on, this one among them until it is over.
   * @throws {EchoStreamError} INVALID_ARGUMENT when its metadata are none.
   */
  constructor(
    path: OutgoingPath<C>,
    live: Set<OutgoingInterception<C>>,
    method: string,
    options: CallOptions,
    only: { readonly item: unknown } | undefined,
  ) {
    this.#path = path;
    this.#live = live;
    this.#items = only === undefined ? new ItemHandoff(method) : undefined;
    this.#call = new OutgoingInterception(
      path,
      this.#items === undefined
        ? { kind: "stream", method, options, payload: only!.item }
        : { kind: "channel", method, options, items: this.#items },
    );
  }

  /**
   * Begin it. Where interceptors let it pass at once and as it is, that call itself is returned.
   * @throws {EchoStreamError} what an interceptor throws.
   */
  begin(): Channel<unknown, unknown> {
    let result: unknown;
    try {
      result = this.#call.run((view) => this.#open(view));
    } catch (error) {
      throw this.#call.failure(error);
    }
    const [opened] = this.#opened;
    if (result === opened && this.#isUntouched(opened!)) return opened!;
    this.#live.add(this.#call);
    this.#call.watch((error) => this.#abandon(error));
    if (isThenable(result)) result.then((answers) => this.#decide(answers), (error) => this.#fail(error));
    else this.#decide(result);
    return this;
  }

  get headers(): Promise<Metadata> {
    return this.#metadata((channel) => channel.headers);
  }

  get trailers(): Promise<Metadata> {
    return this.#metadata((channel) => channel.trailers);
  }

  get readable(): ReadableStream<unknown> {
    return readableOf(this);
  }

  get writable(): WritableStream<unknown> {
    return writableOf(this);
  }

  send(item: unknown): Promise<boolean> {
    if (this.#items !== undefined) return this.#items.send(item);
    return Promise.reject(new TypeError(`"${this.#call.method}" has ended its items already`));
  }

  sendAll(items: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
    return sendEach(this, items);
  }

  end(): void {
    this.#items?.end();
  }

  response(): Promise<unknown> {
    return onlyAnswer(this, this.#call.method);
  }

  cancel(reason?: unknown): void {
    if (!this.#over) this.#abandon(this.#call.cancelled(reason));
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#over) return this.#afterEnd();
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject };
      this.#readers.push(reader);
      if (this.#answers !== undefined) this.#read(reader, this.#answers);
    });
  }

  async return(): Promise<IteratorResult<unknown>> {
    if (!this.#over) {
      const answers = this.#answers;
      const left = this.#call.cancelled(undefined);
      this.#close(undefined);
      // Interceptors that read the answers leave them first; those that do not must not keep the peer busy.
      await quietly(() => answers?.return?.());
      this.#call.abort(left);
      for (const channel of this.#opened) channel.cancel();
    }
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }

  /** Whether the caller may as well have the channel itself. */
  #isUntouched(channel: Channel<unknown, unknown>): boolean {
    return !this.#call.isListenedTo && (this.#items === undefined || this.#items.isAttachedTo(channel));
  }

  /** Make the call that the innermost interceptor asks for. */
  #open(view: InterceptedView<C>): Channel<unknown, unknown> {
    const items = this.#items;
    const only = items === undefined ? { item: view.payload } : undefined;
    const channel = this.#path.open(this.#call.method, this.#call.optionsOf(view), only);
    this.#opened.push(channel);
    channel.trailers.catch((error) => this.#told = error);
    if (view.items !== undefined && view.items !== items) void this.#pump(view.items, channel);
    else items?.attach(channel);
    this.#changed.open();
    return channel;
  }

  /** Send what interceptors made of the caller's items. */
  async #pump(items: AsyncIterable<unknown>, channel: Channel<unknown, unknown>): Promise<void> {
    const handoff = this.#items!;
    // Senders wait for their reader, which waits for a call that is over.
    channel.trailers.then(() => handoff.close(undefined), (error) => handoff.close(error));
    try {
      for await (const item of items) {
        try {
          if (!await channel.send(item)) return;
        } catch (error) {
          if (!handoff.refuse(error)) throw error;
        }
      }
      channel.end();
    } catch (error) {
      const failure = this.#call.failure(error);
      channel.cancel(failure);
      this.#fail(failure);
    }
  }

  /** What the interceptors give as the answers. */
  #decide(result: unknown): void {
    const answers = (isAsyncIterable(result) ? result : single(result))[Symbol.asyncIterator]();
    if (this.#over) return void quietly(() => answers.return?.());
    this.#answers = answers;
    this.#changed.open();
    for (const reader of this.#readers) this.#read(reader, answers);
    // The peer has nothing more to say then; a caller that reads nothing would be remembered for ever, unless its deadline comes.
    const onOver = (): void => {
      if (this.#call.deadlineMs !== undefined) return;
      this.#live.delete(this.#call);
      this.#call.settle();
    };
    const channel = this.#opened.at(-1);
    if (channel !== undefined) channel.trailers.then(onOver, onOver);
    // Answers that come from nowhere else do not end with the session.
    else this.#live.delete(this.#call);
  }

  #read(reader: Reader, answers: AsyncIterator<unknown>): void {
    quiet(() => answers.next()).then((result) => {
      if (!this.#forget(reader)) return;
      if (result.done) this.#close(undefined);
      reader.resolve(result);
    }, (error) => {
      if (!this.#forget(reader)) return;
      const failure = error === this.#told ? error : this.#call.failure(error);
      this.#close({ error: failure, told: true });
      reader.reject(failure);
    });
  }

  #forget(reader: Reader): boolean {
    const index = this.#readers.indexOf(reader);
    if (index >= 0) this.#readers.splice(index, 1);
    return index >= 0;
  }

  #afterEnd(): Promise<IteratorResult<unknown>> {
    const failure = this.#failure;
    if (failure === undefined || failure.told) return Promise.resolve(DONE);
    failure.told = true;
    return Promise.reject(failure.error);
  }

  #fail(error: unknown): void {
    if (!this.#over) this.#close({ error: this.#call.failure(error), told: false });
  }

  /** The caller, its deadline or its session ends the call, whatever interceptors are at. */
  #abandon(error: EchoStreamError): void {
    this.#close({ error, told: false });
    this.#call.abort(error);
    for (const channel of this.#opened) channel.cancel(error);
    void quietly(() => this.#answers?.return?.());
  }

  #close(failure: Failure | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = failure;
    this.#live.delete(this.#call);
    this.#call.settle();
    this.#items?.close(failure?.error);
    for (const reader of this.#readers.splice(0)) this.#afterEnd().then(reader.resolve, reader.reject);
    this.#changed.open();
  }

  async #metadata(of: (channel: Channel<unknown, unknown>) => Promise<Metadata>): Promise<Metadata> {
    for (;;) {
      const channel = this.#opened.at(-1);
      if (channel !== undefined) return await of(channel);
      if (this.#failure !== undefined) throw this.#failure.error;
      // Answered without the peer.
      if (this.#answers !== undefined || this.#over) return [];
      await this.#changed.wait();
    }
  }
}

interface Failure {
  readonly error: unknown;
  told: boolean;
}

interface Reader {
  readonly resolve: (result: IteratorResult<unknown>) => void;
  readonly reject: (error: unknown) => void;
}

/** A promise whatever an iterator of a program does. */
async function quiet<T>(run: () => Promise<T>): Promise<T> {
  return await run();
}

/** Leave what nobody wants any more; how that fails is of no interest. */
async function quietly(leave: () => unknown): Promise<void> {
  try {
    await leave();
  } catch {
    // Nobody is left to be told.
  }
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };
