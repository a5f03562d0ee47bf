/**
 * The answering half of streaming calls: takes the streams in, admits their calls, and tells handlers when nobody waits.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { BidirectionalStream } from "../connection/streams.ts";
import { decodeCallHeaders, encodeFailureTrailer } from "../protocol/call_frames.ts";
import type { CallFields } from "../protocol/call_fields.ts";
import { EchoStreamError, ErrorCode, StreamCode } from "../protocol/error.ts";
import { type Frame, FrameType, misplacedFrame } from "../protocol/frame.ts";
import type { Logger } from "../trace.ts";
import { deadlineUs, methodName } from "./call_context.ts";
import type { CallDiagnostics } from "./call_diagnostics.ts";
import type { CallSlots } from "./call_slots.ts";
import { CallStream, type CallStreamSink } from "./call_stream.ts";
import { answeredInstead, logFailure } from "./handler_failure.ts";
import { IncomingChannel, type IncomingChannelOwner } from "./incoming_channel.ts";
import type { InterceptorOf } from "./interceptor.ts";
import type { Limits, PeerLimits } from "./limits.ts";
import { refusalText, type ResponderOptions } from "./responder.ts";
import type { Router } from "./router.ts";

/** Answers the streaming calls of one connection. */
export class StreamResponder<C> implements IncomingChannelOwner<C> {
  readonly context: C;
  readonly nowUs: () => number;
  readonly peer: PeerLimits;
  readonly limits: Limits;
  readonly interceptors: readonly InterceptorOf<C>[];
  readonly #connection: Connection;
  readonly #router: Router<C>;
  readonly #slots: CallSlots;
  readonly #log: Logger;
  readonly #diagnostics: CallDiagnostics;
  // Calls that the peer waits for.
  readonly #live = new Set<IncomingChannel<C>>();

  constructor(connection: Connection, options: ResponderOptions<C>) {
    const { context, router, limits, slots, peer, log, diagnostics } = options;
    this.#diagnostics = diagnostics;
    this.context = context;
    this.peer = peer;
    this.limits = limits;
    this.nowUs = () => connection.clock.nowUs();
    this.#connection = connection;
    this.#router = router;
    this.interceptors = router.interceptors;
    this.#slots = slots;
    this.#log = log;
  }

  /** The peer opened a call. */
  onStream(stream: BidirectionalStream): void {
    const call = new CallStream(stream, this.#connection.inbound, this.limits.maxMessageBytes);
    call.start(new Opening(call, this.limits, (fields) => this.#begin(call, fields)));
  }

  /** The connection is gone: handlers are told, calls that wait never run. */
  end(cause: EchoStreamError): void {
    for (const call of [...this.#live]) call.abort(cause);
  }

  onReady(call: IncomingChannel<C>): void {
    const entry = this.#slots.enter(call);
    if (entry === "waiting") return;
    if (entry === "run") return call.run();
    this.#slots.refuse();
    call.refuse(new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, "Too many calls run already"), "notProcessed");
  }

  onAnswered(call: IncomingChannel<C>): void {
    this.#connection.timers.remove(call);
    this.#live.delete(call);
    this.#slots.withdraw(call);
  }

  onAborted(call: IncomingChannel<C>): void {
    this.#slots.expectEnd(call);
  }

  onFailure(call: IncomingChannel<C>, error: unknown): void {
    logFailure(this.#log, call, error);
  }

  onEnded(call: IncomingChannel<C>): void {
    const { handled } = call;
    if (handled === undefined) return this.#slots.leave(call);
    call.handled = undefined;
    call.abort(answeredInstead(call));
    const leave = (): void => this.#slots.leave(call);
    void handled.then(leave, leave);
  }

  /** The headers of a call are here. Returns who takes the rest of its stream, unless it is refused. */
  #begin(stream: CallStream, fields: CallFields): CallStreamSink | undefined {
    this.#slots.received++;
    const name = methodName(fields);
    if (fields.refused !== undefined) return this.#refuse(stream, name, fields.refused, refusalText(fields.refused));
    if (this.#slots.draining) return this.#refuse(stream, name, ErrorCode.UNAVAILABLE, "The session is closing");
    const method = this.#router.methodFor(name);
    if (method === undefined) return this.#refuse(stream, name, ErrorCode.UNIMPLEMENTED, `No method "${name}"`);
    const dueUs = deadlineUs(fields.timeoutMs, this.limits.maxTimeoutMs, this.nowUs());
    const call = new IncomingChannel(this, stream, method, fields, dueUs);
    call.meter = this.#diagnostics.begin("incoming", method.channel ? "channel" : "stream", name);
    this.#live.add(call);
    if (dueUs > 0) this.#connection.timers.add(call, (dueUs - this.nowUs()) / 1000);
    if (method.channel) this.onReady(call);
    return call;
  }

  #refuse(stream: CallStream, method: string, code: ErrorCode, message: string): undefined {
    this.#diagnostics.refused("stream", method, code);
    this.#slots.refuse();
    stream.send((writer) => encodeFailureTrailer(writer, { code, message, disposition: "notProcessed" }), true);
    stream.stop(StreamCode.CANCELLED);
  }
}

/** A stream whose headers have not arrived, or were refused. */
class Opening implements CallStreamSink {
  readonly heldBytes = 0;
  readonly #stream: CallStream;
  readonly #limits: Limits;
  readonly #begin: (fields: CallFields) => CallStreamSink | undefined;
  #refused = false;

  constructor(stream: CallStream, limits: Limits, begin: (fields: CallFields) => CallStreamSink | undefined) {
    this.#stream = stream;
    this.#limits = limits;
    this.#begin = begin;
  }

  onFrame(frame: Frame): void {
    if (this.#refused) return;
    if (frame.type !== FrameType.HEADERS) misplacedFrame(frame, "comes before HEADERS in a call");
    this.#stream.headerRead();
    const sink = this.#begin(decodeCallHeaders(frame.bytes, frame.start, frame.end, this.#limits));
    if (sink === undefined) this.#refused = true;
    else this.#stream.sink = sink;
  }

  onFinished(): void {
    if (!this.#refused) this.#stream.reset(StreamCode.CANCELLED);
  }

  onCut(): void {
    this.#stream.reset(StreamCode.CANCELLED);
  }

  onStopped(): void {}

  onOversize(): void {
    this.#stream.cancel(StreamCode.LIMIT_EXCEEDED);
  }

  onClosed(): void {}
}
