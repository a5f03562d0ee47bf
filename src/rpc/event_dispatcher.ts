/**
 * Hands the events of one session to their listeners. A listener gets one event at a time, however long it takes; listeners do not
 * wait for each other.
 *
 * @module
 */

import { isEncoding } from "../protocol/encoding.ts";
import type { EventFrame } from "../protocol/event_frame.ts";
import type { Logger } from "../trace.ts";
import { EventLine } from "./event_line.ts";
import { eventPayload } from "./event_payload.ts";
import type { OverflowObserver } from "./event_queue.ts";
import { isThenable } from "./thenable.ts";
import type { Listeners, RegisteredListener } from "./listeners.ts";

/** What a dispatcher needs. */
export interface EventDispatcherOptions<C> {
  /** What listeners get as their context. */
  readonly context: C;
  readonly listeners: Listeners<C>;
  readonly log: Logger;
  /** Bytes that may wait for one listener. */
  readonly maxQueuedBytes: number;
  /** Nobody listens to this event, or nobody could read it. */
  readonly onUnheard: (event: EventFrame, volatile: boolean) => void;
  /** A listener asks for the end of the session, for this reason. */
  readonly onTooSlow: (reason: string) => void;
}

/** Calls listeners. Shut until {@link open}: until then events wait. */
export class EventDispatcher<C> {
  /** Events that a listener had no room for. */
  dropped = 0;
  readonly #options: EventDispatcherOptions<C>;
  // Of listeners that take their time. They come and go, so they are not kept alive.
  readonly #lines = new WeakMap<RegisteredListener<C>, EventLine<C>>();
  readonly #reported = new WeakSet<RegisteredListener<C>>();
  #early: EarlyEvent[] | undefined = [];

  constructor(options: EventDispatcherOptions<C>) {
    this.#options = options;
  }

  /** Let events through, those that waited first. */
  open(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const { event, taken } of early) {
      const later = this.#deliver(event, true, false);
      if (later === undefined) taken();
      else void later.then(taken);
    }
  }

  /** Let events wait again. */
  shut(): void {
    this.#early ??= [];
  }

  /**
   * Hand `event` to its listeners. `owned` when its payload may be kept as it is.
   * @returns `undefined` when they have taken it, otherwise a promise of that, which never rejects.
   */
  dispatch(event: EventFrame, owned: boolean): Promise<void> | undefined {
    const early = this.#early;
    if (early === undefined) return this.#deliver(event, owned, false);
    return new Promise((taken) => void early.push({ event: owned ? event : keep(event), taken }));
  }

  /** Hand an event to its listeners that may be lost: it never waits for {@link open}, and holds nobody back. */
  dispatchVolatile(event: EventFrame): void {
    if (this.#early === undefined) void this.#deliver(event, false, true);
    else this.dropped++;
  }

  #deliver(event: EventFrame, owned: boolean, volatile: boolean): Promise<void> | undefined {
    const listeners = this.#options.listeners.find(event.name);
    if (listeners === undefined || !isEncoding(event.encoding)) {
      this.#options.onUnheard(event, volatile);
      return undefined;
    }
    let later: Promise<void>[] | undefined;
    let kept = owned ? event : undefined;
    for (const listener of listeners) {
      const queue = listener.reader ?? this.#busyLine(listener);
      const taken = queue === undefined
        ? this.#begin(listener, event)
        : queue.offer(kept ??= keep(event), volatile, this.#observer(listener, event));
      if (taken !== undefined) (later ??= []).push(taken);
    }
    if (later === undefined) return undefined;
    return later.length === 1 ? later[0] : Promise.all(later).then(() => {});
  }

  /** What events of a listener wait in while it is at work. */
  #busyLine(listener: RegisteredListener<C>): EventLine<C> | undefined {
    const line = listener.waits ? this.#lines.get(listener) : undefined;
    return line?.busy ? line : undefined;
  }

  /** Call a listener that is idle. */
  #begin(listener: RegisteredListener<C>, event: EventFrame): Promise<void> | undefined {
    const end = this.#call(listener, event);
    if (end === undefined) return undefined;
    listener.waits = true;
    let line = this.#lines.get(listener);
    if (line === undefined) {
      line = new EventLine(listener, this.#options.maxQueuedBytes, this.#call);
      this.#lines.set(listener, line);
    }
    return line.begin(end);
  }

  readonly #call = (listener: RegisteredListener<C>, event: EventFrame): Promise<void> | undefined => {
    try {
      const { context } = this.#options;
      const payload = eventPayload(listener, event);
      const result = isThenable(payload)
        ? payload.then((value) => listener.listener(context, value))
        : listener.listener(context, payload);
      if (!isThenable(result)) return undefined;
      return Promise.resolve(result).then(() => {}, (error) => this.#logFailure(event, error));
    } catch (error) {
      this.#logFailure(event, error);
      return undefined;
    }
  };

  #observer(listener: RegisteredListener<C>, event: EventFrame): OverflowObserver {
    return {
      onDropped: () => this.#onDropped(listener, event),
      onTooSlow: () => this.#options.onTooSlow(`Listener of event "${event.name}" does not keep up`),
    };
  }

  #onDropped(listener: RegisteredListener<C>, event: EventFrame): void {
    this.dropped++;
    listener.dropped++;
    if (!this.#reported.has(listener)) {
      this.#reported.add(listener);
      const message = `Listener of event "${event.name}" does not keep up, events are dropped`;
      this.#options.log({ level: "warn", category: "events", message, fields: { event: event.name } });
    }
    try {
      listener.onDropped?.(listener.dropped, this.#options.context);
    } catch (error) {
      this.#logFailure(event, error);
    }
  }

  #logFailure(event: EventFrame, error: unknown): void {
    const message = `Listener of event "${event.name}" failed`;
    this.#options.log({ level: "error", category: "events", message, fields: { sequence: event.sequence }, error });
  }
}

interface EarlyEvent {
  readonly event: EventFrame;
  readonly taken: () => void;
}

function keep(event: EventFrame): EventFrame {
  return { ...event, payload: event.payload.slice() };
}
