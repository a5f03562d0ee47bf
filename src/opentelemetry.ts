/**
 * `@echostream/core/opentelemetry`: spans of calls through `@opentelemetry/api`, which is an optional peer dependency. Names of attributes are
 * those of the semantic conventions for RPC (https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/).
 *
 * ```ts ignore
 * const server = RpcServer.builder().use(openTelemetry(), { calls: "both" });
 * const client = RpcClient.builder().use(openTelemetry(), { calls: "both" });
 * ```
 *
 * @module
 */

import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type TracerProvider,
} from "@opentelemetry/api";
import { ErrorCode } from "./protocol/error.ts";
import type { Metadata } from "./protocol/metadata.ts";
import type { Next } from "./rpc/interceptor.ts";
import { isAsyncIterable } from "./rpc/invocation.ts";
import { type CallOutcome, observeCall } from "./rpc/observe_call.ts";
import { isThenable } from "./rpc/thenable.ts";
import type { InterceptedCall, Interceptor } from "./session/interception.ts";
import type { Session } from "./session.ts";

/** Settings of {@link openTelemetry}; all have defaults. */
export interface OpenTelemetryOptions {
  /** Makes the spans. Default: whatever the program has registered; while it has none, no span is made and trace contexts are passed on. */
  readonly tracerProvider?: TracerProvider;
}

/**
 * An interceptor that makes a span of every call it sees: of kind SERVER for one that arrives, of kind CLIENT for one that is made, whichever end is
 * server or client of the connection.
 *
 * The span of an incoming call is a child of its caller's, and active while its handler runs. That of an outgoing call is a child of the active span,
 * or else of the call it is made on behalf of by `call.options()`. Other headers of the registered propagator, `tracestate` and `baggage`,
 * travel as metadata.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Interceptor {
  const tracer = (options.tracerProvider ?? trace).getTracer("@echostream/core");
  return (call, next) => {
    const isIncoming = call.direction === "incoming";
    const parent = isIncoming ? callerOf(call) : activeOrGiven(call);
    const kind = isIncoming ? SpanKind.SERVER : SpanKind.CLIENT;
    const span = tracer.startSpan(call.method, { kind, attributes: attributesOf(call) }, parent);
    const inside = trace.setSpan(parent, span);
    return follow(inside, carrying(call, inside, span), next, (outcome) => end(span, call, outcome));
  };
}

/** Go on, with `inside` active for everything behind, items that are read later included. */
function follow(
  inside: Context,
  call: InterceptedCall,
  next: Next<Session>,
  onEnd: (outcome: CallOutcome) => void,
): unknown {
  const enter = (result: unknown): unknown => isAsyncIterable(result) ? new AnswersInContext(inside, result) : result;
  const result = context.with(inside, () => observeCall(call, next, onEnd));
  if (call.kind === "unary") return result;
  return isThenable(result) ? result.then(enter) : enter(result);
}

/** The trace context a call came with. */
function callerOf(call: InterceptedCall): Context {
  return extracted(ROOT_CONTEXT, call.traceparent, call.metadata);
}

/** What an outgoing call is a part of. */
function activeOrGiven(call: InterceptedCall): Context {
  const active = context.active();
  return trace.getSpan(active) === undefined ? extracted(active, call.traceparent, []) : active;
}

function extracted(base: Context, traceparent: string | undefined, metadata: Metadata): Context {
  const carrier: Record<string, string> = {};
  for (const [name, value] of metadata) if (typeof value === "string") carrier[name] ??= value;
  if (traceparent !== undefined) carrier.traceparent = traceparent;
  const found = propagation.extract(base, carrier);
  if (traceparent === undefined || trace.getSpan(found) !== undefined) return found;
  // No propagator is registered.
  const [, traceId, spanId, flags] = traceparent.split("-");
  return trace.setSpanContext(found, {
    traceId: traceId!,
    spanId: spanId!,
    traceFlags: parseInt(flags!, 16),
    isRemote: true,
  });
}

/** The call with the trace context that whoever handles it, and calls made on its behalf, shall continue. */
function carrying(call: InterceptedCall, inside: Context, span: Span): InterceptedCall {
  const { traceId, spanId, traceFlags } = span.spanContext();
  if (!isSpanContextValid(span.spanContext())) return call;
  const traceparent = `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, "0")}`;
  if (call.direction === "incoming") return call.with({ traceparent });
  const carrier: Record<string, string> = {};
  propagation.inject(inside, carrier);
  delete carrier.traceparent;
  const names = Object.keys(carrier);
  if (names.length === 0) return call.with({ traceparent });
  const others = call.metadata.filter(([name]) => !names.includes(name));
  return call.with({ traceparent, metadata: [...others, ...Object.entries(carrier)] });
}

function attributesOf({ method, kind, direction, session }: InterceptedCall): Attributes {
  const peer = session.peerAddr();
  const colon = peer.lastIndexOf(":");
  const address = peer.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = Number(peer.slice(colon + 1));
  return {
    "rpc.system.name": "echostream",
    "rpc.method": method,
    "echostream.call.kind": kind,
    "echostream.session.id": session.id,
    "network.peer.address": address,
    "network.peer.port": port,
    ...(direction === "outgoing" ? { "server.address": address, "server.port": port } : {}),
  };
}

function end(span: Span, { method, kind, direction }: InterceptedCall, { code, error, answers }: CallOutcome): void {
  span.setAttribute("rpc.response.status_code", code);
  if (kind !== "unary") span.setAttribute("echostream.call.answers", answers);
  const isIncoming = direction === "incoming";
  if (isIncoming && code === ErrorCode.UNIMPLEMENTED) {
    // Names that nobody registered are as many as peers like to invent.
    span.updateName(OTHER).setAttributes({ "rpc.method": OTHER, "rpc.method_original": method });
  }
  if (error !== undefined && code !== "OK" && (!isIncoming || FAULTS_OF_THE_CALLEE.has(code))) {
    span.setAttribute("error.type", code);
    span.recordException(error instanceof Error ? error : String(error));
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
  }
  span.end();
}

/** Runs whatever gives the answers with a context active, whoever asks for them. */
class AnswersInContext implements AsyncIterableIterator<unknown> {
  readonly #context: Context;
  readonly #answers: AsyncIterator<unknown>;

  constructor(inside: Context, answers: AsyncIterable<unknown>) {
    this.#context = inside;
    this.#answers = answers[Symbol.asyncIterator]();
  }

  next(): Promise<IteratorResult<unknown>> {
    return context.with(this.#context, () => this.#answers.next());
  }

  async return(): Promise<IteratorResult<unknown>> {
    await context.with(this.#context, () => this.#answers.return?.());
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** A value of `rpc.method` that stands for all that is not known. */
const OTHER = "_OTHER";
/** Codes that make the span of an incoming call an error; others are the caller's business (semantic conventions for gRPC, "Server"). */
const FAULTS_OF_THE_CALLEE: ReadonlySet<string> = new Set([
  ErrorCode.UNKNOWN,
  ErrorCode.DEADLINE_EXCEEDED,
  ErrorCode.UNIMPLEMENTED,
  ErrorCode.INTERNAL,
  ErrorCode.UNAVAILABLE,
  ErrorCode.DATA_LOSS,
]);
