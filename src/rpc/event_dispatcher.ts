/**
 * Hands events to their listeners. Events of one name are taken one after the other, however long a listener takes; those of
 * different names do not wait for each other.
 *
 * @module
 */

import { type Encoding, isEncoding } from "../protocol/encoding.ts";
import type { EventFrame } from "../protocol/event_frame.ts";
import type { Logger } from "../trace.ts";
import { isThenable } from "./invocation.ts";
import type { Listeners, RegisteredListener } from "./listeners.ts";
import { decodePayload, decodeRawPayload } from "./payload.ts";
import { isUnchecked, validate, type ValidationResult } from "./schema.ts";

/** What a dispatcher needs. */
export interface EventDispatcherOptions<C> {
  /** What listeners get as their context. */
  readonly context: C;
  readonly listeners: Listeners<C>;
  readonly log: Logger;
  /** Nobody listens to this event, or nobody could read it. */
  readonly onUnheard: (event: EventFrame) => void;
}

/** Calls listeners. Shut until {@link open}: until then events wait. */
export class EventDispatcher<C> {
  readonly #options: EventDispatcherOptions<C>;
  // The end of the last event of each name that is still with its listeners.
  readonly #busy = new Map<string, Promise<void>>();
  #opened: Promise<void> | undefined;
  #open!: () => void;

  constructor(options: EventDispatcherOptions<C>) {
    this.#options = options;
    this.#opened = new Promise((resolve) => this.#open = resolve);
  }

  /** Let events through, those that waited first. */
  open(): void {
    this.#opened = undefined;
    this.#open();
  }

  /**
   * Hand `event` to its listeners. `owned` when its payload may be kept as it is.
   * @returns `undefined` when they have ended, otherwise a promise of their end, which never rejects.
   */
  dispatch(event: EventFrame, owned: boolean): Promise<void> | undefined {
    const before = this.#busy.get(event.name) ?? this.#opened;
    let end: Promise<void> | undefined;
    if (before === undefined) end = this.#deliver(event);
    else {
      const kept = owned ? event : { ...event, payload: event.payload.slice() };
      end = before.then(() => this.#deliver(kept));
    }
    if (end === undefined) return undefined;
    this.#busy.set(event.name, end);
    return end.then(() => {
      if (this.#busy.get(event.name) === end) this.#busy.delete(event.name);
    });
  }

  #deliver(event: EventFrame): Promise<void> | undefined {
    const listeners = this.#options.listeners.find(event.name);
    if (listeners === undefined || !isEncoding(event.encoding)) {
      this.#options.onUnheard(event);
      return undefined;
    }
    let ends: Promise<void>[] | undefined;
    for (const listener of listeners) {
      const end = this.#call(listener, event);
      if (end !== undefined) (ends ??= []).push(end);
    }
    if (ends === undefined) return undefined;
    return ends.length === 1 ? ends[0] : Promise.all(ends).then(() => {});
  }

  #call(listener: RegisteredListener<C>, event: EventFrame): Promise<void> | undefined {
    try {
      const result = this.#run(listener, event);
      if (!isThenable(result)) return undefined;
      return Promise.resolve(result).then(() => {}, (error) => this.#logFailure(event, error));
    } catch (error) {
      this.#logFailure(event, error);
      return undefined;
    }
  }

  #run({ listener, input, raw }: RegisteredListener<C>, event: EventFrame): unknown {
    const { context } = this.#options;
    const encoding = event.encoding as Encoding;
    if (raw) return listener(context, decodeRawPayload(encoding, event.payload));
    const value = decodePayload(encoding, event.payload);
    if (input === undefined || isUnchecked(input)) return listener(context, value);
    const checked = validate(input, value);
    if (isThenable(checked)) return checked.then((result) => listener(context, valueOf(result)));
    return listener(context, valueOf(checked));
  }

  #logFailure(event: EventFrame, error: unknown): void {
    const message = `Listener of event "${event.name}" failed`;
    this.#options.log({ level: "error", category: "events", message, fields: { sequence: event.sequence }, error });
  }
}

function valueOf(result: ValidationResult): unknown {
  if (result.issues === undefined) return result.value;
  const reason = result.issues[0]?.message ?? "no reason given";
  throw new TypeError(`Payload does not match its schema: ${reason}`, { cause: result.issues });
}
