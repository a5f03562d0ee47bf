/**
 * The receiving half of a QUIC stream: bytes go to a sink as views during the call, within the credit that was granted.
 *
 * @module
 */

import { CallbackDeadline, type TimerQueue } from "../timer_queue.ts";
import { type InboundBudget } from "./inbound_budget.ts";
import { type StreamId, type TransportConnection } from "./transport.ts";

/** Who takes the bytes of a stream. */
export interface ReceiveSink {
  /** Bytes in order, valid only during the call, `finished` with the last (which may be empty). */
  onData(bytes: Uint8Array, finished: boolean): void;
  /** The peer abandoned the stream with an application code. Nothing follows. */
  onReset(code: number): void;
  /** The connection is gone before the stream ended. Nothing follows. */
  onClosed?(error: Error): void;
}

/** What a receiving half needs of its connection. */
export interface ReceiveStreamOwner {
  readonly transport: TransportConnection;
  readonly inbound: InboundBudget;
  readonly timers: TimerQueue;
  /** How long a header may take. */
  readonly headerTimeoutMs: number;
  /** Forget the stream: nothing more is delivered of it. */
  forgetReceiving(stream: StreamId): void;
  /** Ask the peer for no more of it. */
  stopReceiving(stream: StreamId, code: number): void;
  /** The header of `stream` did not arrive in time. */
  headerTimedOut(stream: ReceiveStream): void;
}

/** A stream's receiving half. */
export class ReceiveStream {
  readonly id: StreamId;
  readonly #owner: ReceiveStreamOwner;
  #headerDeadline: CallbackDeadline | undefined;
  #sink: ReceiveSink | undefined;
  #creditBytes: number;
  #receivedBytes = 0;
  // What arrived before there was a sink.
  #held: Uint8Array[] | undefined;
  #heldEnd: "finished" | { readonly resetCode: number } | undefined;
  #ended = false;

  /**
   * @param creditBytes What the transport delivers before anyone grants more.
   * @param awaitsHeader Whether the peer has to say what the stream is, within the connection's limit of time.
   */
  constructor(owner: ReceiveStreamOwner, id: StreamId, creditBytes: number, awaitsHeader: boolean) {
    this.#owner = owner;
    this.id = id;
    this.#creditBytes = creditBytes;
    if (!awaitsHeader) return;
    this.#headerDeadline = new CallbackDeadline(() => owner.headerTimedOut(this));
    owner.timers.add(this.#headerDeadline, owner.headerTimeoutMs);
  }

  /** Who takes the bytes. What arrived before it was set is delivered while it is being set. May be changed in a callback. */
  get sink(): ReceiveSink | undefined {
    return this.#sink;
  }

  set sink(sink: ReceiveSink | undefined) {
    this.#sink = sink;
    if (sink !== undefined && (this.#held !== undefined || this.#heldEnd !== undefined)) this.#deliverHeld(sink);
  }

  /** Bytes that may still come without another {@link grant}. */
  get creditBytes(): number {
    return this.#creditBytes;
  }

  /** Bytes that have arrived in all. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** True once nothing more can arrive: finished, reset, stopped or lost with its connection. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Let this many more bytes come. A reader in a hurry grants a window (256 KiB, say) at the start and again what it has taken:
   * with the initial credit alone every few KiB cost a turn of the event loop.
   */
  grant(bytes: number): void {
    if (this.#ended || bytes <= 0) return;
    this.#creditBytes += bytes;
    this.#owner.transport.grant(this.id, bytes);
  }

  /** Grant what is missing so that at least `bytes` may come: the rest of a frame in progress, say. */
  cover(bytes: number): void {
    if (bytes > this.#creditBytes) this.grant(bytes - this.#creditBytes);
  }

  /** Tell that the stream's header is complete, so that its limit of time no longer applies. */
  headerRead(): void {
    if (this.#headerDeadline === undefined) return;
    this.#owner.timers.remove(this.#headerDeadline);
    this.#headerDeadline = undefined;
  }

  /** Ask the peer for no more (STOP_SENDING) with an application code; nothing is delivered any more. */
  stop(code: number): void {
    if (this.#ended) return;
    this.#owner.stopReceiving(this.id, code);
    this.#end();
    this.#dropHeld();
  }

  /** For the connection: bytes arrived. */
  onData(bytes: Uint8Array, finished: boolean): void {
    this.#creditBytes -= bytes.length;
    this.#receivedBytes += bytes.length;
    if (finished) this.#end();
    if (this.#sink !== undefined) return this.#sink.onData(bytes, finished);
    if (bytes.length > 0) {
      (this.#held ??= []).push(bytes.slice());
      this.#owner.inbound.hold(bytes.length);
    }
    if (finished) this.#heldEnd = "finished";
  }

  /** For the connection: the peer abandoned the stream. */
  onReset(code: number): void {
    this.#end();
    if (this.#sink !== undefined) return this.#sink.onReset(code);
    this.#dropHeld();
    this.#heldEnd = { resetCode: code };
  }

  /** For the connection: it is gone. */
  connectionClosed(error: Error): void {
    this.#end();
    this.#sink?.onClosed?.(error);
  }

  #deliverHeld(sink: ReceiveSink): void {
    const held = this.#held ?? [];
    const end = this.#heldEnd;
    this.#held = undefined;
    this.#heldEnd = undefined;
    if (typeof end === "object") return sink.onReset(end.resetCode);
    for (const bytes of held) this.#owner.inbound.release(bytes.length);
    const whole = held.length === 1 ? held[0]! : concatenate(held);
    sink.onData(whole, end === "finished");
  }

  #dropHeld(): void {
    for (const bytes of this.#held ?? []) this.#owner.inbound.release(bytes.length);
    this.#held = undefined;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.headerRead();
    this.#owner.forgetReceiving(this.id);
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
