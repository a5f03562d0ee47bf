/**
 * Events of one name as an async iterator: they wait until they are asked for.
 *
 * @module
 */

import { Gate } from "../connection/gate.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { EventFrame } from "../protocol/event_frame.ts";
import type { Logger } from "../trace.ts";
import { eventPayload } from "./event_payload.ts";
import { EventQueue, type EventQueueOptions, type OverflowObserver } from "./event_queue.ts";
import type { EventReader } from "./listeners.ts";
import type { StandardSchemaV1 } from "./schema.ts";

/** What an iterator is made with. */
export interface EventIteratorInit {
  /** What may wait. */
  readonly queue: EventQueueOptions;
  /** Validates what arrives. */
  readonly input: StandardSchemaV1 | undefined;
  readonly log: Logger;
  /** Begin to listen. @throws {TypeError | RangeError} as `Listeners.add`. */
  readonly subscribe: (reader: EventReader) => EventSource;
  /** It listens no more. */
  readonly onEnd: () => void;
}

/** Where an iterator has its events from. */
export interface EventSource {
  /** Events it dropped. */
  readonly dropped: number;
  /** Listen no more. */
  close(): void;
}

/**
 * The events of one name, from now on, for one `for await`. Leaving the loop ends it. When the client ends, or `overflow: "close"` has
 * ended its session, what waits is still handed out, then the loop ends: in order where the connection did, otherwise by throwing why.
 */
export class EventIterator<T> implements AsyncIterableIterator<T>, AsyncDisposable, EventReader {
  readonly #init: EventIteratorInit;
  readonly #queue: EventQueue;
  readonly #source: EventSource;
  readonly #changed: Gate = new Gate();
  #end: { readonly error: unknown } | undefined;

  /** @internal Use `RpcClient.events`. */
  constructor(init: EventIteratorInit) {
    this.#init = init;
    this.#source = init.subscribe(this);
    this.#queue = new EventQueue(init.queue);
  }

  /** Events dropped so far because nobody asked for them in time. */
  get dropped(): number {
    return this.#source.dropped;
  }

  /** Events that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next event. @throws {EchoStreamError} (as rejection) why the connection has ended, unless it ended in order. */
  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      const queued = this.#queue.shift();
      if (queued === undefined) {
        if (this.#end !== undefined) return this.#finish();
        await this.#changed.wait();
        continue;
      }
      queued.taken?.();
      try {
        return { done: false, value: await eventPayload({ input: this.#init.input, raw: false }, queued.event) as T };
      } catch (error) {
        this.#logFailure(queued.event, error);
      }
    }
  }

  /** Stop listening and forget what waits. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    this.#queue.clear();
    return Promise.resolve(DONE);
  }

  /** {@link return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** @internal Listen no more; what waits is still handed out, then `error` is thrown where there is one. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#source.close();
    this.#end = { error };
    this.#init.onEnd();
    this.#changed.open();
  }

  /** @internal For the dispatcher. */
  offer(event: EventFrame, volatile: boolean, observer: OverflowObserver): Promise<void> | undefined {
    const taken = this.#queue.push(event, volatile, {
      onDropped: () => observer.onDropped(),
      onTooSlow: () => {
        // The client may connect again; an iterator with a gap in it does not go on.
        this.end(tooSlow(event));
        observer.onTooSlow();
      },
    });
    this.#changed.open();
    return taken;
  }

  #finish(): IteratorResult<T, undefined> {
    const error = this.#end?.error;
    // Thrown once; whoever asks again gets a plain end, as of any iterator.
    this.#end = { error: undefined };
    if (error !== undefined) throw error;
    return DONE;
  }

  #logFailure(event: EventFrame, error: unknown): void {
    const message = `Event "${event.name}" cannot be handed out`;
    this.#init.log({ level: "error", category: "events", message, fields: { sequence: event.sequence }, error });
  }
}

function tooSlow({ name }: EventFrame): EchoStreamError {
  const message = `Event "${name}" was not asked for in time, which ends the session with TOO_SLOW`;
  return new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message);
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
