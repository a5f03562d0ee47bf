/**
 * Items of a streaming call that arrived and wait for whoever reads them.
 *
 * @module
 */

import { Fifo } from "../connection/fifo.ts";
import { isThenable } from "./thenable.ts";
import { readableOf } from "./web_streams.ts";

/** Items in order, to be read once: by `for await`, or as a Web Stream. Leaving the loop tells the sender to stop. */
export interface ItemStream<T> extends AsyncIterableIterator<T> {
  /** The same items as a Web Stream; read the one or the other. */
  readonly readable: ReadableStream<T>;
}

/** What a queue needs of its call. */
export interface ItemQueueOwner<T> {
  /** What the reader gets for an item that arrived. */
  convert(item: unknown): T | PromiseLike<T>;
  /** The reader took something. */
  onTaken(): void;
  /** The reader left before the end. */
  onLeft(): void;
}

/** A queue that one side fills and one reader empties. Whoever fills it bounds it, by the credit `onTaken` gives back. */
export class ItemQueue<T> implements ItemStream<T> {
  readonly #owner: ItemQueueOwner<T>;
  readonly #arrived = new Fifo<Arrived>();
  readonly #waiting: Waiting<T>[] = [];
  #heldBytes = 0;
  #end: { readonly error: unknown } | "end" | undefined;

  constructor(owner: ItemQueueOwner<T>) {
    this.#owner = owner;
  }

  /** Bytes of the items nobody has taken yet, each with what it costs to hold it. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether nothing is added any more: it ended, failed, or its reader left. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  get readable(): ReadableStream<T> {
    return readableOf(this);
  }

  /** Add an item that took `bytes` on the wire. */
  push(value: unknown, bytes: number): void {
    if (this.#end !== undefined) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#heldBytes += bytes + ITEM_OVERHEAD_BYTES;
      this.#arrived.push({ value, bytes: bytes + ITEM_OVERHEAD_BYTES });
      return;
    }
    this.#owner.onTaken();
    this.#give(value).then(waiting.resolve, waiting.reject);
  }

  /** No more follow; what is here can still be read. */
  end(): void {
    this.#close("end");
  }

  /** No more follow; what is here can still be read, then reading throws `error` once. */
  fail(error: unknown): void {
    this.#close({ error });
  }

  /** Reading throws `error` once from now on, whatever is here. */
  abort(error: unknown): void {
    this.#drop();
    this.#close({ error });
  }

  next(): Promise<IteratorResult<T>> {
    const item = this.#arrived.shift();
    if (item !== undefined) {
      this.#heldBytes -= item.bytes;
      this.#owner.onTaken();
      return this.#give(item.value);
    }
    const end = this.#end;
    if (end === undefined) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#end = "end";
    return end === "end" ? Promise.resolve(DONE) : Promise.reject(end.error);
  }

  /** Leave: what is here is dropped and the sender told. */
  return(): Promise<IteratorResult<T>> {
    this.#drop();
    const isEarly = this.#end === undefined;
    this.#close("end");
    this.#end = "end";
    if (isEarly) this.#owner.onLeft();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #give(value: unknown): Promise<IteratorResult<T>> {
    try {
      const converted = this.#owner.convert(value);
      return isThenable(converted)
        ? Promise.resolve(converted).then((later) => ({ value: later, done: false }))
        : Promise.resolve({ value: converted, done: false });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #close(end: { readonly error: unknown } | "end"): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    const first = this.#waiting.shift();
    if (first === undefined) return;
    // Readers wait only while nothing is here. The first one learns the end, the others that it is over.
    this.#end = "end";
    if (end === "end") first.resolve(DONE);
    else first.reject(end.error);
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(DONE);
  }

  #drop(): void {
    const held = this.#heldBytes > 0;
    this.#arrived.takeAll();
    this.#heldBytes = 0;
    if (held) this.#owner.onTaken();
  }
}

interface Arrived {
  readonly value: unknown;
  readonly bytes: number;
}

interface Waiting<T> {
  readonly resolve: (result: IteratorResult<T>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };
/** What an item that waits costs beside its bytes. */
const ITEM_OVERHEAD_BYTES = 64;
