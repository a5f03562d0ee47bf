/**
 * What a handler is told about its call, the same for unary and streaming calls: deadline, signal and metadata.
 *
 * @module
 */

import { Context } from "../context.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import type { CallFields } from "../protocol/call_fields.ts";
import { type Metadata, type MetadataInit, toMetadata } from "../protocol/metadata.ts";
import { Deadline } from "../timer_queue.ts";
import { applicationError, type ApplicationErrorOptions, type DeclaredErrors } from "./application_error.ts";
import type { CallMeter } from "./call_diagnostics.ts";
import type { CallOptions } from "./call_options.ts";
import type { Call } from "./handler.ts";
import { nestedOptions } from "./nested_call.ts";
import type { Overrun } from "./overrun.ts";

/** A call that arrived. Expires when its time is up. */
export abstract class CallContext extends Deadline implements Call {
  readonly method: string;
  readonly traceparent: string | undefined;
  /** When its time is up, in microseconds; 0 for never. */
  readonly deadlineUs: number;
  /** True from the first statement of the handler. */
  started = false;
  /** True when the peer has its answer, or waits for none. */
  answered = false;
  /** True when its handler has ended, or never will begin. */
  ended = false;
  /** Waits for the end of a handler that was told to stop. */
  overrun: Overrun | undefined = undefined;
  /** Measures it, when somebody wants to know. */
  meter: CallMeter | undefined = undefined;
  /** What its method declares, from the first statement of the handler. */
  errors: DeclaredErrors | undefined = undefined;
  /** What the handler promised, while interceptors go on around it: they may end before it does. */
  handled: PromiseLike<unknown> | undefined = undefined;
  readonly #nowUs: () => number;
  readonly #requestMetadata: Metadata | undefined;
  #answerMetadata: Metadata | undefined;
  #context: Context | undefined;
  #controller: AbortController | undefined;
  #abortReason: EchoStreamError | undefined;

  /** @param nowUs Microseconds now, on the clock of `deadlineUs`. */
  constructor(fields: CallFields, deadlineUs: number, nowUs: () => number) {
    super();
    this.method = methodName(fields);
    this.traceparent = fields.traceparent;
    this.deadlineUs = deadlineUs;
    this.#requestMetadata = fields.metadata;
    this.#nowUs = nowUs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get deadlineMs(): number | undefined {
    return this.deadlineUs === 0 ? undefined : Math.max(0, (this.deadlineUs - this.#nowUs()) / 1000);
  }

  get metadata(): Metadata {
    return this.#requestMetadata ?? NO_METADATA;
  }

  get context(): Context {
    return this.#context ??= new Context();
  }

  /** What {@link setMetadata} was given. */
  get answerMetadata(): Metadata | undefined {
    return this.#answerMetadata;
  }

  options<O extends CallOptions = CallOptions>(own?: O): O & CallOptions {
    return nestedOptions(this, own ?? NO_OPTIONS as O);
  }

  abstract sendHeaders(metadata: MetadataInit): void;

  setMetadata(metadata: MetadataInit): void {
    this.#answerMetadata = toMetadata(metadata);
  }

  error(name: string, data?: unknown, options?: ApplicationErrorOptions): EchoStreamError {
    return applicationError(this.method, this.errors, name, data, options);
  }

  /** Whether {@link abort} was called. */
  get aborted(): boolean {
    return this.#abortReason !== undefined;
  }

  /** Why {@link abort} was called. */
  get abortReason(): EchoStreamError | undefined {
    return this.#abortReason;
  }

  /** Tell the handler that nobody waits for its result. It keeps its slot until it has ended. */
  abort(reason: EchoStreamError): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** @throws {EchoStreamError} the reason of {@link abort}. */
  throwIfAborted(): void {
    if (this.#abortReason !== undefined) throw this.#abortReason;
  }
}

/** Ids stand for names handed out in SETTINGS; none are handed out, so an id finds no method. */
export function methodName({ method }: CallFields): string {
  return typeof method === "string" ? method : `\u0000${method}`;
}

/**
 * When a call that arrives at `nowUs` is out of time, in microseconds; 0 for never.
 *
 * @param timeoutMs What the caller asked for; 0 for none.
 * @param maxTimeoutMs The most this end gives, also to calls that ask for none.
 */
export function deadlineUs(timeoutMs: number, maxTimeoutMs: number | undefined, nowUs: number): number {
  const isWithin = maxTimeoutMs === undefined || (timeoutMs > 0 && timeoutMs < maxTimeoutMs);
  const givenMs = isWithin ? timeoutMs : maxTimeoutMs;
  return givenMs === 0 ? 0 : nowUs + givenMs * 1000;
}

const NO_OPTIONS: CallOptions = {};
const NO_METADATA: Metadata = [];
