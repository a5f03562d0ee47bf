/**
 * A call that is made, on its way through interceptors: its deadline and its caller's signal hold while they are at work.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { type Disposition, EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { Metadata } from "../protocol/metadata.ts";
import type { TimerQueue } from "../timer_queue.ts";
import type { Logger } from "../trace.ts";
import type { CallOptions } from "./call_options.ts";
import { callMetadata, cancelledCall, lateCall, lostCall } from "./call_start.ts";
import type { Call } from "./handler.ts";
import { inOrder, type InterceptedOrigin, InterceptedView, viewOf } from "./intercepted_view.ts";
import {
  type CallKind,
  type InterceptedCallOf,
  type InterceptorOf,
  type Next,
  runInterceptors,
} from "./interceptor.ts";
import { LiveCall } from "./live_call.ts";
import { nestedOptions } from "./nested_call.ts";
import type { Channel } from "./outgoing_channel.ts";

/** What makes the calls behind the interceptors. */
export interface OutgoingPath<C> {
  readonly interceptors: readonly InterceptorOf<C>[];
  /** Whom calls go to now. */
  readonly session: C;
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly log: Logger;
  /** Never throws. */
  request(method: string, payload: unknown, options: CallOptions): Promise<unknown>;
  /** Begin a streaming call; with `only`, one whose only item is here already. Never throws. */
  open(method: string, options: CallOptions, only?: { readonly item: unknown }): Channel<unknown, unknown>;
}

/** What a call begins with. */
export interface OutgoingStart {
  readonly kind: CallKind;
  readonly method: string;
  readonly options: CallOptions;
  readonly payload?: unknown;
  readonly items?: AsyncIterable<unknown>;
}

/** One outgoing call that interceptors see. */
export class OutgoingInterception<C> extends LiveCall implements Call, InterceptedOrigin<C> {
  readonly direction = "outgoing";
  readonly kind: CallKind;
  readonly method: string;
  readonly metadata: Metadata;
  readonly payload: unknown;
  readonly items: AsyncIterable<unknown> | undefined;
  readonly #path: OutgoingPath<C>;
  readonly #options: CallOptions;
  #begun = false;
  #onGivenUp: ((error: EchoStreamError) => void) | undefined;

  /** @throws {EchoStreamError} INVALID_ARGUMENT when the metadata are none. */
  constructor(path: OutgoingPath<C>, { kind, method, options, payload, items }: OutgoingStart) {
    const { timeoutMs } = options;
    // A timeout that is none is told by the call itself.
    const deadlineUs = timeoutMs !== undefined && timeoutMs > 0 ? path.clock.nowUs() + timeoutMs * 1000 : 0;
    super(deadlineUs, () => path.clock.nowUs());
    this.#path = path;
    this.#options = options;
    this.kind = kind;
    this.method = method;
    this.payload = payload;
    this.items = items;
    this.metadata = options.metadata === undefined ? NO_METADATA : callMetadata(options.metadata);
  }

  get call(): this {
    return this;
  }

  get session(): C {
    return this.#path.session;
  }

  get idempotent(): boolean {
    return this.#options.idempotent ?? false;
  }

  get traceparent(): string | undefined {
    return this.#options.traceparent;
  }

  options<O extends CallOptions = CallOptions>(own?: O): O & CallOptions {
    return nestedOptions(this, own ?? {} as O);
  }

  sendHeaders(): void {
    throw new TypeError(`Headers of "${this.method}" are sent by whoever answers it`);
  }

  setMetadata(): void {
    throw new TypeError(`Metadata of the answer of "${this.method}" are set by whoever answers it`);
  }

  error(): never {
    throw new TypeError(`The errors of "${this.method}" are made by whoever answers it`);
  }

  /**
   * Lead it through the interceptors to `last`, which is given a call of ours that somebody waits for.
   * @throws what an interceptor throws.
   */
  run(last: (view: InterceptedView<C>) => unknown): unknown {
    const next: Next<C> = (given: InterceptedCallOf<C>) => {
      const view = viewOf(this, given);
      this.throwIfAborted();
      this.#begun = true;
      return last(view);
    };
    return runInterceptors(this.#path.interceptors, new InterceptedView<C>(this), next, this.kind === "channel");
  }

  /** Options for the call that `view` describes, within what is left of the time. */
  optionsOf({ changes, metadata }: InterceptedView<C>): CallOptions {
    const own = this.#options;
    const { traceparent, signal, timeoutMs, onMetadata } = changes;
    return {
      ...own,
      ...(changes.metadata === undefined ? {} : { metadata }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(signal === undefined ? {} : { signal: own.signal ? AbortSignal.any([own.signal, signal]) : signal }),
      ...this.#timeLeft(timeoutMs),
      ...(onMetadata === undefined
        ? {}
        : { onMetadata: own.onMetadata ? inOrder(onMetadata, own.onMetadata) : onMetadata }),
    };
  }

  /**
   * Tell `onGivenUp` when nobody waits any more although interceptors are still at work: at the deadline, or when the caller's signal aborts. They
   * have a moment to make something of it. Until {@link settle}.
   */
  watch(onGivenUp: (error: EchoStreamError) => void): void {
    this.#onGivenUp = onGivenUp;
    if (this.deadlineUs > 0) this.#path.timers.add(this, this.deadlineMs!);
    this.#options.signal?.addEventListener("abort", this);
  }

  /** The call has ended. */
  settle(): void {
    this.#onGivenUp = undefined;
    this.#path.timers.remove(this);
    this.#options.signal?.removeEventListener("abort", this);
  }

  /** Nobody can answer any more. */
  lose(cause: EchoStreamError): void {
    this.#giveUp(lostCall(cause, this.#disposition));
  }

  #giveUp(error: EchoStreamError): void {
    if (this.aborted) return;
    this.abort(error);
    this.#path.timers.add(this, LAST_WORD_MS);
  }

  /** What its caller is told when it gave up for `reason`. */
  cancelled(reason: unknown): EchoStreamError {
    return cancelledCall(this.method, reason, this.#disposition);
  }

  /** What its caller is told when interceptors threw `error`, which is not the call's own failure. */
  failure(cause: unknown): EchoStreamError {
    if (cause instanceof EchoStreamError) return cause;
    const message = `An interceptor of "${this.method}" failed`;
    this.#path.log({ level: "error", category: "rpc", message, fields: { method: this.method }, error: cause });
    return new EchoStreamError(ErrorCode.INTERNAL, message, { cause, disposition: this.#disposition });
  }

  override expire(): void {
    if (this.abortReason === undefined) this.#giveUp(lateCall(this.method, this.#disposition));
    else this.#onGivenUp?.(this.abortReason);
  }

  /** For the signal: an `EventListener` object needs no closure. */
  handleEvent(): void {
    this.#giveUp(this.cancelled(this.#options.signal?.reason));
  }

  get #disposition(): Disposition {
    return this.#begun ? "perhapsProcessed" : "notProcessed";
  }

  #timeLeft(timeoutMs: number | undefined): { readonly timeoutMs?: number } {
    const leftMs = this.deadlineMs;
    if (leftMs === undefined) {
      return timeoutMs === undefined || this.#options.timeoutMs !== undefined ? {} : { timeoutMs };
    }
    return { timeoutMs: Math.min(Math.max(LEAST_MS, leftMs), timeoutMs ?? Infinity) };
  }
}

/** How long interceptors may take to say what becomes of a call nobody waits for any more: the call they wait for ends at the same moment. */
const LAST_WORD_MS = 1;
/** The least time that can be told to a peer, in milliseconds. */
const LEAST_MS = 1;
const NO_METADATA: Metadata = [];
