/**
 * What interceptors see of a call, and the handler behind them: the call as it is, with what interceptors have replaced.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import { type Metadata, type MetadataInit, toMetadata } from "../protocol/metadata.ts";
import type { ApplicationErrorOptions, ErrorDeclarations } from "./application_error.ts";
import type { CallOptions } from "./call_options.ts";
import type { Call } from "./handler.ts";
import type { CallChanges, CallDirection, CallKind, InterceptedCallOf } from "./interceptor.ts";
import { nestedOptions } from "./nested_call.ts";

/** The call before any interceptor has touched it. */
export interface InterceptedOrigin<C> {
  readonly direction: CallDirection;
  readonly kind: CallKind;
  readonly call: Call;
  readonly session: C;
  readonly idempotent: boolean;
  readonly payload: unknown;
  readonly items: AsyncIterable<unknown> | undefined;
  /** Why nobody waits for it any more, told without a signal being made for it; `undefined` while somebody does. */
  readonly abortReason: unknown;
}

/** One view of a call; {@link with} makes another of the same. */
export class InterceptedView<C> implements InterceptedCallOf<C> {
  /** What is behind all views of the call. */
  readonly origin: InterceptedOrigin<C>;
  /** What differs from it. */
  readonly changes: CallChanges;
  readonly #metadata: Metadata | undefined;
  #signal: AbortSignal | undefined;

  constructor(origin: InterceptedOrigin<C>, changes: CallChanges = NO_CHANGES) {
    this.origin = origin;
    this.changes = changes;
    this.#metadata = changes.metadata && toMetadata(changes.metadata);
  }

  get direction(): CallDirection {
    return this.origin.direction;
  }

  get kind(): CallKind {
    return this.origin.kind;
  }

  get session(): C {
    return this.origin.session;
  }

  get idempotent(): boolean {
    return this.origin.idempotent;
  }

  get method(): string {
    return this.origin.call.method;
  }

  get context(): Context {
    return this.origin.call.context;
  }

  get payload(): unknown {
    return "payload" in this.changes ? this.changes.payload : this.origin.payload;
  }

  get items(): AsyncIterable<unknown> | undefined {
    return this.changes.items ?? this.origin.items;
  }

  get metadata(): Metadata {
    return this.#metadata ?? this.origin.call.metadata;
  }

  get traceparent(): string | undefined {
    return this.changes.traceparent ?? this.origin.call.traceparent;
  }

  get signal(): AbortSignal {
    const { signal } = this.changes;
    if (signal === undefined) return this.origin.call.signal;
    return this.#signal ??= AbortSignal.any([this.origin.call.signal, signal]);
  }

  get deadlineMs(): number | undefined {
    const { deadlineMs } = this.origin.call;
    const { timeoutMs } = this.changes;
    if (timeoutMs === undefined) return deadlineMs;
    return deadlineMs === undefined ? timeoutMs : Math.min(deadlineMs, timeoutMs);
  }

  options<O extends CallOptions = CallOptions>(own?: O): O & CallOptions {
    return nestedOptions(this, own ?? {} as O);
  }

  sendHeaders(metadata: MetadataInit): void {
    this.origin.call.sendHeaders(metadata);
  }

  setMetadata(metadata: MetadataInit): void {
    this.origin.call.setMetadata(metadata);
  }

  error(name: string, data?: unknown, options?: ApplicationErrorOptions): EchoStreamError {
    // The names that the method declares are known to its handler, not here.
    return (this.origin.call as Call<ErrorDeclarations>).error(name, data as undefined, options);
  }

  with(changes: CallChanges): InterceptedView<C> {
    const misplaced = Object.keys(changes).find((name) => !mayChange(this.origin, name));
    if (misplaced !== undefined) {
      throw new TypeError(
        `"${misplaced}" of "${this.method}", an ${this.direction} ${this.kind} call, cannot be replaced`,
      );
    }
    const earlier = this.changes;
    return new InterceptedView(this.origin, {
      ...earlier,
      ...changes,
      ...joined("signal", earlier.signal, changes.signal, (a, b) => AbortSignal.any([a, b])),
      ...joined("timeoutMs", earlier.timeoutMs, changes.timeoutMs, Math.min),
      ...joined("onMetadata", earlier.onMetadata, changes.onMetadata, (outer, inner) => inOrder(inner, outer)),
    });
  }
}

/**
 * The view that an interceptor gave to `next`.
 * @throws {TypeError} when it is none of the call it was given, `origin`.
 */
export function viewOf<C>(origin: InterceptedOrigin<C>, given: InterceptedCallOf<C>): InterceptedView<C> {
  if (given instanceof InterceptedView && given.origin === origin) return given;
  throw new TypeError("next takes the call it was given with, or what its with() returned");
}

/** Tell both of the metadata, one after the other. */
export function inOrder(first: OnMetadata, second: OnMetadata): OnMetadata {
  return (metadata) => {
    first(metadata);
    second(metadata);
  };
}

type OnMetadata = NonNullable<CallChanges["onMetadata"]>;

/** What two interceptors said of the same thing, where both count. */
function joined<Name extends keyof CallChanges, T>(
  name: Name,
  earlier: T | undefined,
  later: T | undefined,
  join: (earlier: T, later: T) => T,
): CallChanges {
  return earlier === undefined || later === undefined ? NO_CHANGES : { [name]: join(earlier, later) };
}

function mayChange({ direction, kind }: InterceptedOrigin<unknown>, name: string): boolean {
  switch (name) {
    case "metadata":
    case "traceparent":
    case "signal":
      return true;
    case "payload":
      return kind !== "channel";
    case "items":
      return kind === "channel";
    case "timeoutMs":
      return direction === "outgoing";
    case "onMetadata":
      return direction === "outgoing" && kind === "unary";
  }
  return false;
}

const NO_CHANGES: CallChanges = {};
