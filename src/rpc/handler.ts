/**
 * What answers a call: the handler a program registers, and the call it is told about.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import type { Metadata, MetadataInit } from "../protocol/metadata.ts";
import type { ErrorArguments, ErrorDeclarations } from "./application_error.ts";
import type { CallOptions } from "./call_options.ts";
import type { None } from "./signature.ts";

/**
 * Answers calls of one method. `context` is whoever asked (a session), `payload` what it sent: bytes owned by the handler for
 * a method without a schema, a value otherwise. The answer is returned, or promised. A thrown `EchoStreamError` reaches the
 * caller with its code, message, name and data; anything else reaches it as INTERNAL without its text.
 */
// deno-lint-ignore no-explicit-any -- a payload's type is known to whoever registers the handler, not here
export type Handler<C> = (context: C, payload: any, call: Call) => unknown;

/** One call, as its handler sees it. `E` are the errors its method declares. */
export interface Call<E extends ErrorDeclarations = None> {
  /** Name of the method. */
  readonly method: string;
  /** Aborts when the caller cancels, the deadline passes or the connection ends; its reason is an `EchoStreamError`. */
  readonly signal: AbortSignal;
  /** Milliseconds left until the deadline at the moment of reading, never below 0; `undefined` when the call has none. */
  readonly deadlineMs: number | undefined;
  /** What the caller sent along, in its order. */
  readonly metadata: Metadata;
  /** W3C Trace Context `traceparent` of the caller, if it sent one. */
  readonly traceparent: string | undefined;
  /** Values kept for this call alone: by interceptors, for the handler and for each other. */
  readonly context: Context;
  /**
   * Options for a call that is made on behalf of this one, on any session or client: it ends when this one does, within what is left of its
   * deadline, and carries its trace context. `own` may say less time, another signal, and anything else; metadata are not passed on.
   *
   * ```ts ignore
   * .handler("order", (session, item, call) => stock.request("reserve", item, call.options({ timeoutMs: 500 })))
   * ```
   */
  options<O extends CallOptions = CallOptions>(own?: O): O & CallOptions;
  /**
   * Metadata to go ahead of the answer, once: a streaming call sends it now, before its first item; that of a unary call goes with its
   * answer, before what {@link setMetadata} sets.
   * @throws {TypeError} when a name or value is none, or the answer has begun.
   */
  sendHeaders(metadata: MetadataInit): void;
  /**
   * Metadata to go with the answer, or with the end of a streaming one, replacing what was set before; a failure carries that of its error instead.
   * @throws {TypeError} when a name or value is none.
   */
  setMetadata(metadata: MetadataInit): void;
  /**
   * The declared error `name`, to be thrown: the caller gets its status, name and data. The data are validated when it leaves; what does not
   * match its schema is logged, and INTERNAL to the caller.
   *
   * ```ts ignore
   * throw call.error("outOfStock", { left: 0 });
   * ```
   * @throws {TypeError} when the method does not declare it, or metadata are none.
   */
  error<N extends keyof E & string>(name: N, ...rest: ErrorArguments<E[N]>): EchoStreamError;
}
