/**
 * The events of one session in front of one listener that takes its time: one with the listener, the others in a queue.
 *
 * @module
 */

import type { EventFrame } from "../protocol/event_frame.ts";
import { EventQueue, type OverflowObserver } from "./event_queue.ts";
import type { RegisteredListener } from "./listeners.ts";

/** Keeps a listener busy with one event after the other. */
export class EventLine<C> {
  readonly #subscription: RegisteredListener<C>;
  readonly #call: (subscription: RegisteredListener<C>, event: EventFrame) => Promise<void> | undefined;
  readonly #queue: EventQueue;
  #busy = false;

  /** @param call Calls the listener; the promise it may return never rejects. */
  constructor(
    subscription: RegisteredListener<C>,
    maxBytes: number,
    call: (subscription: RegisteredListener<C>, event: EventFrame) => Promise<void> | undefined,
  ) {
    const { capacity, overflow } = subscription;
    this.#subscription = subscription;
    this.#call = call;
    this.#queue = new EventQueue({ capacity, overflow, maxBytes });
  }

  /** Whether the listener is at work, so that an event has to be offered. */
  get busy(): boolean {
    return this.#busy;
  }

  /** The listener, which was idle, has an event until `end`. @returns as {@link EventQueue.push}. */
  begin(end: Promise<void>): Promise<void> | undefined {
    this.#busy = true;
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
    this.#busy = false;
  };
}
