/**
 * The asking half of unary calls: sends requests, matches what comes back, and ends those that are cancelled, too late, or cut off.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { Encoding } from "../protocol/encoding.ts";
import {
  type Disposition,
  EchoStreamError,
  type EchoStreamErrorCode,
  ErrorCode,
  StreamCode,
} from "../protocol/error.ts";
import { type AnswerMessage, encodeRequest, type FailureMessage } from "../protocol/message.ts";
import { Writer } from "../protocol/writer.ts";
import type { CallDiagnostics } from "./call_diagnostics.ts";
import type { CallOptions } from "./call_options.ts";
import { cancelledCall, checkCall, lateCall, lostCall, tooLargeCall } from "./call_start.ts";
import { CallTable } from "./call_table.ts";
import { CancelSender } from "./cancel_sender.ts";
import { failureToError } from "./failure.ts";
import type { PeerLimits } from "./limits.ts";
import { OutgoingCall, type OutgoingCallOwner, type Recovery } from "./outgoing_call.ts";
import { copyBytes, decodePayload, encodeSentPayload, encodingOf } from "./payload.ts";

/** Sends requests on one connection. */
export class Requester implements OutgoingCallOwner {
  /** Called whenever the last request in flight has its answer. */
  onIdle: (() => void) | undefined;
  readonly #connection: Connection;
  readonly #peer: PeerLimits;
  readonly #diagnostics: CallDiagnostics;
  // Made with the first call that nobody waits for any more.
  #cancels: CancelSender | undefined;
  // Requests on their way, and those that wait for room; in the order they were made.
  readonly #pending = new CallTable<OutgoingCall>();
  #waiting: Set<OutgoingCall> | undefined;
  #nextCallId = 0;
  #awaitsRoom = false;
  #refusal: (() => EchoStreamError | undefined) | undefined;

  /** @param peer What the peer accepts, kept up to date by its SETTINGS. */
  constructor(connection: Connection, peer: PeerLimits, diagnostics: CallDiagnostics) {
    this.#connection = connection;
    this.#peer = peer;
    this.#diagnostics = diagnostics;
  }

  /** Requests made so far. */
  get sent(): number {
    return this.#nextCallId;
  }

  /** Requests without an answer. */
  get pending(): number {
    return this.#pending.size + this.#waitingSize;
  }

  /**
   * Make a request; see `Session.request`. Never throws, whatever is wrong comes as a rejection, or as what `recovery` makes of it.
   * A recovery costs a request that succeeds no second promise.
   */
  request(method: string, payload: unknown, options: CallOptions, recovery?: Recovery): Promise<unknown> {
    try {
      return this.#start(method, payload, options, recovery).promise;
    } catch (error) {
      this.#diagnostics.notBegun("unary", method, error, options.attempt);
      return recovery === undefined ? Promise.reject(error) : recovery.recover({ method, payload, options }, error);
    }
  }

  /** A call has succeeded. One that nobody waits for any more is ignored. */
  onAnswer(message: AnswerMessage): void {
    const call = this.#take(message.callId);
    if (call === undefined) return;
    call.meter?.received(message.payload.length);
    if (message.refused !== undefined) return call.reject(unusable(call, message.refused));
    let value: unknown;
    try {
      value = decodePayload(message.encoding as Encoding, message.payload);
      if (message.metadata !== undefined) call.onMetadata?.(message.metadata);
    } catch (cause) {
      return call.reject(unusable(call, cause instanceof EchoStreamError ? cause.code : ErrorCode.INTERNAL, cause));
    }
    call.resolve(value);
  }

  /** A call has failed. */
  onFailure(message: FailureMessage): void {
    const call = this.#take(message.callId);
    call?.reject(failureToError(message, call.method));
  }

  /** The answer of a call is larger than what this end takes. */
  onOversizeAnswer(callId: number, bytes: number): void {
    const call = this.#take(callId);
    if (call === undefined) return;
    const message = `Answer of "${call.method}" has ${bytes} bytes, more than this end takes`;
    call.reject(new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message, { disposition: "processed" }));
  }

  /** Refuse new requests for which `refusal` gives a reason; those on their way may end. Only the first call counts. */
  refuse(refusal: () => EchoStreamError | undefined): void {
    this.#refusal ??= refusal;
  }

  /** The connection is gone: what was sent ends with `disposition`, what waits was not processed. */
  end(cause: EchoStreamError, disposition: Disposition): void {
    this.#refusal = () => lostCall(cause, "notProcessed");
    this.#cancels?.end();
    const sent = [...this.#pending];
    const waiting = [...this.#waiting ?? []];
    for (const call of sent) this.#pending.delete(call.callId);
    this.#waiting?.clear();
    for (const call of sent) this.#fail(call, lostCall(cause, disposition));
    for (const call of waiting) this.#fail(call, lostCall(cause, "notProcessed"));
  }

  onDeadline(call: OutgoingCall): void {
    // The peer keeps the same deadline, so it needs no CANCEL.
    this.#abandon(call, (disposition) => lateCall(call.method, disposition), false);
  }

  onAbort(call: OutgoingCall, reason: unknown): void {
    this.#abandon(call, (disposition) => cancelledCall(call.method, reason, disposition), true);
  }

  get #waitingSize(): number {
    return this.#waiting === undefined ? 0 : this.#waiting.size;
  }

  #start(method: string, payload: unknown, options: CallOptions, recovery: Recovery | undefined): OutgoingCall {
    const refusal = this.#refusal?.();
    if (refusal !== undefined) throw refusal;
    const metadata = checkCall(method, options, this.#peer);
    const encoding = encodingOf(payload);
    const bytes = encodeSentPayload(payload);
    if (bytes.length > this.#peer.maxMessageBytes) throw tooLargeCall(method, bytes.length, this.#peer.maxMessageBytes);
    const call = new OutgoingCall(this, this.#nextCallId++, method, options, metadata, recovery);
    call.meter = this.#diagnostics.begin("outgoing", "unary", method, call.callId, options.attempt);
    call.prepare(encoding, bytes);
    if (options.timeoutMs !== undefined) this.#connection.timers.add(call, options.timeoutMs);
    if (this.#waitingSize === 0 && this.#maySend()) this.#send(call);
    else this.#wait(call);
    return call;
  }

  /** Encode and hand over; failures of encoding reject the call. */
  #send(call: OutgoingCall): void {
    writer.reset();
    try {
      encodeRequest(writer, call);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (writer.length > this.#peer.maxMessageBytes) {
      return this.#fail(call, tooLargeCall(call.method, writer.length, this.#peer.maxMessageBytes));
    }
    this.#pending.add(call);
    call.meter?.run();
    call.meter?.sent(call.payload.length);
    call.payload = NOTHING;
    call.sent = this.#connection.sendMessage(writer.view(), call.idempotent);
  }

  #wait(call: OutgoingCall): void {
    // The codec's slab and the caller's buffer may both change until it is this call's turn.
    call.payload = copyBytes(call.payload);
    (this.#waiting ??= new Set()).add(call);
    this.#awaitRoom();
  }

  #awaitRoom(): void {
    // On a connection that is closing, or gone, `end` settles whoever waits.
    if (this.#awaitsRoom || this.#connection.state === "closing") return;
    this.#awaitsRoom = true;
    this.#connection.ready().then(() => this.#pump(), () => {});
  }

  /** What is given to a connection that is closing is dropped, and must not look sent. */
  #maySend(): boolean {
    return this.#connection.writable && this.#connection.state !== "closing";
  }

  #pump(): void {
    this.#awaitsRoom = false;
    const nowUs = this.#connection.clock.nowUs();
    const waiting = this.#waiting!;
    for (const call of waiting) {
      if (!this.#maySend()) return this.#awaitRoom();
      waiting.delete(call);
      if (call.timeoutMs > 0) call.timeoutMs = Math.max(1, (call.dueUs - nowUs) / 1000);
      this.#send(call);
    }
  }

  #abandon(call: OutgoingCall, error: (disposition: Disposition) => EchoStreamError, tellPeer: boolean): void {
    if (this.#waiting?.delete(call)) return this.#fail(call, error("notProcessed"));
    if (!this.#pending.delete(call.callId)) return;
    call.sent?.reset(StreamCode.CANCELLED);
    if (tellPeer) (this.#cancels ??= new CancelSender(this.#connection)).send(call.callId);
    this.#fail(call, error("perhapsProcessed"));
  }

  #take(callId: number): OutgoingCall | undefined {
    const call = this.#pending.get(callId);
    if (call === undefined) return undefined;
    this.#pending.delete(callId);
    this.#connection.timers.remove(call);
    call.sent = undefined;
    if (this.#pending.size === 0) this.#idle();
    return call;
  }

  #fail(call: OutgoingCall, error: unknown): void {
    this.#connection.timers.remove(call);
    call.reject(error);
    this.#idle();
  }

  #idle(): void {
    if (this.pending === 0) this.onIdle?.();
  }
}

function unusable(call: OutgoingCall, code: EchoStreamErrorCode, cause?: unknown): EchoStreamError {
  const message = `Answer of "${call.method}" cannot be used`;
  return new EchoStreamError(code, message, { cause, disposition: "processed" });
}

const NOTHING = new Uint8Array(0);
// Encoding and handing over are synchronous, so one slab serves all connections.
const writer = new Writer();
