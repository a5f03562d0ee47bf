/**
 * What a handler is told about its call, the same for unary and streaming calls: deadline, signal and metadata.
 *
 * @module
 */

import type { EchoStreamError } from "../protocol/error.ts";
import type { CallFields } from "../protocol/call_fields.ts";
import { type Metadata, type MetadataInit, toMetadata } from "../protocol/metadata.ts";
import { applicationError, type ApplicationErrorOptions, type DeclaredErrors } from "./application_error.ts";
import type { CallMeter } from "./call_diagnostics.ts";
import type { CallOptions } from "./call_options.ts";
import type { Call } from "./handler.ts";
import { LiveCall } from "./live_call.ts";
import { nestedOptions } from "./nested_call.ts";
import type { Overrun } from "./overrun.ts";

/** A call that arrived. It keeps its slot until its handler has ended, also when nobody waits for its result any more. */
export abstract class CallContext extends LiveCall implements Call {
  readonly method: string;
  readonly traceparent: string | undefined;
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
  readonly #requestMetadata: Metadata | undefined;
  #answerMetadata: Metadata | undefined;

  /** @param nowUs Microseconds now, on the clock of `deadlineUs`. */
  constructor(fields: CallFields, deadlineUs: number, nowUs: () => number) {
    super(deadlineUs, nowUs);
    this.method = methodName(fields);
    this.traceparent = fields.traceparent;
    this.#requestMetadata = fields.metadata;
  }

  get metadata(): Metadata {
    return this.#requestMetadata ?? NO_METADATA;
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
