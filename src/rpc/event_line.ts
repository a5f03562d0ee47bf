/**
 * The events of one session in front of one listener that takes its time: one with the listener, the others in a queue.
 *
 * @module
 */

import type { EventFrame } from "../protocol/event_frame.ts";
import { EventQueue, type OverflowObserver } from "./event_queue.ts";
import type { RegisteredListener } from "./listeners.ts";

/** Keeps a listener busy with one event after the other. It lives for as long as there is one. */
export class EventLine<C> {
  readonly #subscription: RegisteredListener<C>;
  readonly #call: (subscription: RegisteredListener<C>, event: EventFrame) => Promise<void> | undefined;
  readonly #onIdle: () => void;
  readonly #queue: EventQueue;

  /**
   * @param call Calls the listener; the promise it may return never rejects.
   * @param onIdle The last event has ended.
   */
  constructor(
    subscription: RegisteredListener<C>,
    maxBytes: number,
    call: (subscription: RegisteredListener<C>, event: EventFrame) => Promise<void> | undefined,
    onIdle: () => void,
  ) {
    const { capacity, overflow } = subscription;
    this.#subscription = subscription;
    this.#call = call;
    this.#onIdle = onIdle;
    this.#queue = new EventQueue({ capacity, overflow, maxBytes });
  }

  /** The listener has its first event until `end`. @returns as {@link EventQueue.push}. */
  begin(end: Promise<void>): Promise<void> | undefined {
    void end.then(this.#next);
    const { capacity, overflow } = this.#subscription;
    return overflow === "block" && capacity === undefined ? end : undefined;
  }

  /** As {@link EventQueue.push}. */
  offer(event: EventFrame, volatile: boolean, observer: OverflowObserver): Promise<void> | undefined {
    return this.#queue.push(event, volatile, observer);
  }

  readonly #next = (): void => {
    if (!this.#subscription.active) this.#queue.clear();
    for (let queued = this.#queue.shift(); queued !== undefined; queued = this.#queue.shift()) {
      const { taken } = queued;
      const end = this.#call(this.#subscription, queued.event);
      if (end !== undefined) return void end.then(() => (taken?.(), this.#next()));
      taken?.();
      if (!this.#subscription.active) this.#queue.clear();
    }
    this.#onIdle();
  };
}
