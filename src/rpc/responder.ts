/**
 * The answering half of unary calls: admits requests, runs their handlers, sends what they return, and tells them when nobody waits.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { type Disposition, EchoStreamError, ErrorCode, protocolViolation } from "../protocol/error.ts";
import { encodeAnswer, encodeFailure, type FailureInput, type RequestMessage } from "../protocol/message.ts";
import { Writer } from "../protocol/writer.ts";
import type { Logger } from "../trace.ts";
import { deadlineUs, methodName } from "./call_context.ts";
import type { CallDiagnostics } from "./call_diagnostics.ts";
import type { CallSlots } from "./call_slots.ts";
import { CallTable } from "./call_table.ts";
import { EarlyCancels } from "./early_cancels.ts";
import { withoutData } from "./failure.ts";
import {
  answeredInstead,
  cancelledByCaller,
  checkAnswerMetadata,
  failureFor,
  logFailure,
  outOfTime,
} from "./handler_failure.ts";
import { IncomingCall, type IncomingCallOwner } from "./incoming_call.ts";
import type { Limits, PeerLimits } from "./limits.ts";
import { encodePayload, encodingOf } from "./payload.ts";
import type { InterceptorOf } from "./interceptor.ts";
import type { Method, Router } from "./router.ts";
import { TokenBucket } from "./token_bucket.ts";

/** What a responder needs besides its connection. */
export interface ResponderOptions<C> {
  readonly context: C;
  readonly router: Router<C>;
  readonly limits: Limits;
  /** Shared with the streaming calls of the connection. */
  readonly slots: CallSlots;
  /** What the peer accepts, kept up to date by its SETTINGS. */
  readonly peer: PeerLimits;
  readonly log: Logger;
  readonly diagnostics: CallDiagnostics;
}

/** Answers the requests of one connection. */
export class Responder<C> implements IncomingCallOwner<C> {
  readonly context: C;
  readonly nowUs: () => number;
  readonly interceptors: readonly InterceptorOf<C>[];
  readonly #connection: Connection;
  readonly #options: ResponderOptions<C>;
  readonly #router: Router<C>;
  readonly #slots: CallSlots;
  readonly #earlyCancels = new EarlyCancels();
  // Made with the first cancel.
  #cancelRate: TokenBucket | undefined;
  // Calls that wait for a slot, and those whose handler goes on after its return.
  readonly #live = new CallTable<IncomingCall<C>>();

  constructor(connection: Connection, options: ResponderOptions<C>) {
    this.context = options.context;
    this.#connection = connection;
    this.#options = options;
    this.#router = options.router;
    this.interceptors = options.router.interceptors;
    this.#slots = options.slots;
    this.nowUs = () => connection.clock.nowUs();
  }

  /** A call arrives. Its payload is a view unless `owned`. */
  onRequest(request: RequestMessage, owned: boolean): void {
    this.#slots.received++;
    const { callId } = request;
    if (this.#live.get(callId) !== undefined) throw protocolViolation(`Call id ${callId} is used twice`);
    if (this.#earlyCancels.size > 0 && this.#earlyCancels.take(callId, this.nowUs())) {
      return this.#options.diagnostics.refused("unary", methodName(request), ErrorCode.CANCELLED, callId);
    }
    if (request.refused !== undefined) {
      return this.#refuseRequest(request, request.refused, refusalText(request.refused));
    }
    if (this.#connection.early && this.#router.methodFor(methodName(request))?.idempotent !== true) {
      return this.#refuseRequest(
        request,
        ErrorCode.UNAVAILABLE,
        "The handshake is not done, and the method not idempotent",
      );
    }
    if (this.#slots.draining) return this.#refuseRequest(request, ErrorCode.UNAVAILABLE, "The session is closing");
    const dueUs = deadlineUs(request.timeoutMs, this.#options.limits.maxTimeoutMs, this.nowUs());
    const call = new IncomingCall(this, request, dueUs);
    call.meter = this.#options.diagnostics.begin("incoming", "unary", call.method, callId);
    call.meter?.received(request.payload.length);
    const entry = this.#slots.enter(call);
    if (entry === "run") return call.run();
    if (entry === "refused") {
      call.meter?.end(ErrorCode.RESOURCE_EXHAUSTED, "notProcessed");
      return this.#refuse(callId, ErrorCode.RESOURCE_EXHAUSTED, "Too many calls run already");
    }
    call.keepPayload(owned);
    this.#track(call);
  }

  /** A request that is larger than what this end takes. */
  onOversizeRequest(callId: number, bytes: number): void {
    this.#slots.received++;
    this.#options.diagnostics.refused("unary", "", ErrorCode.RESOURCE_EXHAUSTED, callId);
    const limitBytes = this.#options.limits.maxMessageBytes;
    this.#refuse(callId, ErrorCode.RESOURCE_EXHAUSTED, `Request of ${bytes} bytes, at most ${limitBytes} are taken`);
  }

  /** The caller gave up. */
  onCancel(callId: number): void {
    const nowUs = this.nowUs();
    const { maxCancelsPerS, maxCancelsBurst } = this.#options.limits;
    this.#cancelRate ??= new TokenBucket(maxCancelsPerS, maxCancelsBurst, nowUs);
    if (!this.#cancelRate.take(nowUs)) {
      throw new EchoStreamError(
        "LIMIT_EXCEEDED",
        `More than ${maxCancelsPerS} cancels per second`,
      );
    }
    const call = this.#live.get(callId);
    if (call === undefined) return this.#earlyCancels.add(callId, nowUs);
    call.answered = true;
    this.#stop(call, cancelledByCaller(call));
  }

  /** The connection is gone: handlers are told, calls that wait never run. */
  end(cause: EchoStreamError): void {
    for (const call of [...this.#live]) {
      call.answered = true;
      this.#stop(call, cause);
    }
  }

  methodFor(name: string): Method<C> | undefined {
    return this.#router.methodFor(name);
  }

  onSuspended(call: IncomingCall<C>): void {
    this.#track(call);
  }

  onResult(call: IncomingCall<C>, result: unknown): void {
    if (!call.answered) this.#answer(call, result);
    this.#leave(call);
  }

  onError(call: IncomingCall<C>, error: unknown): void {
    logFailure(this.#options.log, call, error, call.callId);
    if (!call.answered) this.#fail(call, error, call.started ? "processed" : "notProcessed");
    this.#leave(call);
  }

  onDeadline(call: IncomingCall<C>): void {
    const error = outOfTime(call);
    if (!call.answered) this.#fail(call, error, call.started ? "perhapsProcessed" : "notProcessed");
    this.#stop(call, error);
  }

  #track(call: IncomingCall<C>): void {
    this.#live.add(call);
    if (call.deadlineUs > 0) this.#connection.timers.add(call, (call.deadlineUs - this.nowUs()) / 1000);
  }

  /** Nobody waits for this call: it leaves the queue, or goes on running without being heard. */
  #stop(call: IncomingCall<C>, reason: EchoStreamError): void {
    this.#connection.timers.remove(call);
    call.answered = true;
    call.meter?.end(reason.code, call.started ? "perhapsProcessed" : "notProcessed");
    if (this.#slots.withdraw(call)) return void this.#live.delete(call.callId);
    call.abort(reason);
    this.#slots.expectEnd(call);
  }

  #leave(call: IncomingCall<C>): void {
    if (call.handled !== undefined) return this.#leaveLater(call, call.handled);
    if (this.#live.size > 0) {
      this.#connection.timers.remove(call);
      this.#live.delete(call.callId);
    }
    this.#slots.leave(call);
  }

  #leaveLater(call: IncomingCall<C>, handled: PromiseLike<unknown>): void {
    call.handled = undefined;
    call.abort(answeredInstead(call));
    this.#slots.expectEnd(call);
    const leave = (): void => this.#leave(call);
    handled.then(leave, leave);
  }

  #answer(call: IncomingCall<C>, result: unknown): void {
    let sentBytes = 0;
    writer.reset();
    try {
      const { callId, answerMetadata: metadata } = call;
      checkAnswerMetadata(metadata, this.#options.peer);
      const payload = encodePayload(result);
      encodeAnswer(writer, { callId, metadata, encoding: encodingOf(result), payload });
      sentBytes = payload.length;
      if (writer.length > this.#options.peer.maxMessageBytes) throw this.#tooLarge(call, writer.length);
    } catch (error) {
      logFailure(this.#options.log, call, error, call.callId);
      return this.#fail(call, error, "processed");
    }
    call.answered = true;
    this.#connection.sendMessage(writer.view());
    call.meter?.sent(sentBytes);
    call.meter?.end("OK", "processed");
  }

  #fail(call: IncomingCall<C>, error: unknown, disposition: Disposition): void {
    call.answered = true;
    const failure = failureFor(error, disposition, this.#options.peer);
    this.#sendFailure({ callId: call.callId, ...failure });
    call.meter?.end(failure.code, disposition);
  }

  #refuseRequest(request: RequestMessage, code: ErrorCode, message: string): void {
    this.#options.diagnostics.refused("unary", methodName(request), code, request.callId);
    this.#refuse(request.callId, code, message);
  }

  #refuse(callId: number, code: ErrorCode, message: string): void {
    this.#slots.refuse();
    this.#sendFailure({ callId, code, message, disposition: "notProcessed" });
  }

  #sendFailure(failure: FailureInput): void {
    encodeFailure(writer.reset(), failure);
    // Losing the details of a failure is better than losing what failed.
    if (writer.length > this.#options.peer.maxMessageBytes) {
      encodeFailure(writer.reset(), withoutData(failure));
    }
    this.#connection.sendMessage(writer.view());
  }

  #tooLarge(call: IncomingCall<C>, bytes: number): EchoStreamError {
    const message =
      `Answer of "${call.method}" has ${bytes} bytes, the peer takes ${this.#options.peer.maxMessageBytes}`;
    return new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message);
  }
}

/** What a refused call is told. */
export function refusalText(code: ErrorCode): string {
  if (code === ErrorCode.RESOURCE_EXHAUSTED) return "Method name or metadata is larger than this end takes";
  return code === ErrorCode.UNIMPLEMENTED ? "Payload encoding is not known" : "Method name or metadata is malformed";
}

// Encoding and handing over are synchronous, so one slab serves all connections.
const writer = new Writer();
