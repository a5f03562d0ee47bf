/**
 * Writes that wait their turn: what is given to one stream leaves in the order it was given, each when flow control has room.
 *
 * @module
 */

import { Fifo } from "./fifo.ts";
import type { SendStream } from "./send_stream.ts";

/** What an owner adds to a {@link SendLine}. */
export interface SendLineOptions {
  /** A condition beside the stream's room; call {@link SendLine.resume} when it turns true again. */
  readonly mayWrite?: () => boolean;
  /** Called instead of {@link SendLine.fail} when somebody waits and the stream is lost; `fail` has to follow. */
  readonly onLost?: (error: unknown) => void;
}

/** The line in front of one {@link SendStream}. Nothing waits while the stream has room. */
export class SendLine<Item> {
  readonly #stream: SendStream;
  readonly #write: (item: Item) => void;
  readonly #options: SendLineOptions;
  readonly #waiting = new Fifo<Waiting<Item>>();
  #pumping = false;
  #failure: unknown;
  #failed = false;

  /** @param write Puts one item into the stream. */
  constructor(stream: SendStream, write: (item: Item) => void, options: SendLineOptions = {}) {
    this.#stream = stream;
    this.#write = write;
    this.#options = options;
  }

  /** Items that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** The item that waits for the longest time. */
  get first(): Item | undefined {
    return this.#waiting.first?.item;
  }

  /** Whether an item given now would be written at once. */
  get free(): boolean {
    return this.length === 0 && this.#hasRoom();
  }

  /** Write `item` when it is its turn. Resolves when it is written, which is when flow control has accepted it. */
  submit(item: Item): Promise<void> {
    if (this.#failed) return quietRejection(this.#failure);
    if (this.free) {
      try {
        this.#write(item);
      } catch (error) {
        return Promise.reject(error);
      }
      return WRITTEN;
    }
    const written = new Promise<void>((resolve, reject) => this.#waiting.push({ item, resolve, reject }));
    written.catch(ignore);
    this.#pump();
    return written;
  }

  /** The owner's condition may hold again. */
  resume(): void {
    if (this.length > 0) this.#pump();
  }

  /** Take over what waits, in order: whoever gave it need not wait any more. The line is not used afterwards. */
  takeWaiting(): readonly Item[] {
    const taken = this.#waiting.takeAll();
    for (const { resolve } of taken) resolve();
    return taken.map(({ item }) => item);
  }

  /** Refuse whoever waits, and whoever comes later. Only the first error counts. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#failure = error;
    for (const { reject } of this.#waiting.takeAll()) reject(error);
  }

  #hasRoom(): boolean {
    return this.#stream.writable && (this.#options.mayWrite?.() ?? true);
  }

  #pump(): void {
    if (this.#pumping) return;
    while (this.length > 0 && this.#hasRoom()) this.#writeFirst();
    if (this.length === 0 || this.#stream.writable) return;
    this.#pumping = true;
    this.#stream.ready().then(this.#onReady, this.#onLost);
  }

  #writeFirst(): void {
    const { item, resolve, reject } = this.#waiting.shift()!;
    try {
      this.#write(item);
      resolve();
    } catch (error) {
      reject(error);
    }
  }

  readonly #onReady = (): void => {
    this.#pumping = false;
    this.#pump();
  };

  readonly #onLost = (error: unknown): void => {
    this.#pumping = false;
    if (this.#options.onLost !== undefined) this.#options.onLost(error);
    else this.fail(error);
  };
}

/**
 * A rejection nobody has to take: a program that does not wait for what it sends must not end because its peer went away.
 */
export function quietRejection(error: unknown): Promise<never> {
  const rejected = Promise.reject(error);
  rejected.catch(ignore);
  return rejected;
}

function ignore(): void {}

interface Waiting<Item> {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

// Shared by all writes that need not wait: making a promise costs more than a small write.
const WRITTEN: Promise<void> = Promise.resolve();
