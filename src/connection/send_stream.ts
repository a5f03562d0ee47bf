/**
 * The sending half of a QUIC stream: writes are copied at once, back-pressure is counted in bytes that have not left yet, and the
 * last bytes carry the end of the stream (a stream that carried data is never finished apart from them; docs/protocol.md).
 *
 * @module
 */

import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { Gate } from "./gate.ts";
import { type OutboundQueue } from "./outbound_queue.ts";
import { type StreamId, type TransportConnection } from "./transport.ts";

/** What a sending half needs of its connection. */
export interface SendStreamOwner {
  readonly transport: TransportConnection;
  /** Bytes queued for one stream before it asks for a pause. */
  readonly maxOutboundStreamBytes: number;
  /** Forget the stream: nothing more is reported about it. */
  forgetSending(stream: StreamId): void;
  /** Why nothing can be sent after a stop with `code`. */
  stoppedError(code: number): EchoStreamError;
}

/** A stream's sending half. It ends when it is finished, reset, stopped by the peer, expired, or lost with its connection. */
export class SendStream {
  readonly id: StreamId;
  /** The peer asked for no more (STOP_SENDING) with this code; the stream has ended then. */
  onStopped: ((code: number) => void) | undefined;
  /** So many bytes have left. */
  onWritten: ((bytes: number) => void) | undefined;
  /** Its lifetime was over before all of it had been acknowledged, finished or not; the stream has ended then. */
  onExpired: (() => void) | undefined;
  readonly #owner: SendStreamOwner;
  readonly #outbound: OutboundQueue;
  // Made when somebody waits.
  #gate: Gate | undefined;
  #openedGate: Gate | undefined;
  readonly #expires: boolean;
  #opened: boolean;
  #queuedBytes = 0;
  #carriedData = false;
  #finished = false;
  #failure: Error | undefined;

  /**
   * @param outbound Where its bytes count until they leave.
   * @param opened True for a stream of the peer, which has its QUIC id already.
   * @param expires Whether it has a lifetime: then it lives until everything is acknowledged, not only until it has left.
   */
  constructor(owner: SendStreamOwner, outbound: OutboundQueue, id: StreamId, opened: boolean, expires = false) {
    this.#owner = owner;
    this.#outbound = outbound;
    this.id = id;
    this.#opened = opened;
    this.#expires = expires;
  }

  /** Bytes written that have not left yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether a write now would be welcome. */
  get writable(): boolean {
    return this.#failure === undefined && this.#queuedBytes < this.#owner.maxOutboundStreamBytes &&
      this.#outbound.writable;
  }

  /** True after {@link finish}, {@link reset}, a stop by the peer or the end of the connection. */
  get ended(): boolean {
    return this.#finished || this.#failure !== undefined;
  }

  /** Resolves when the peer's stream credit has let the stream leave; rejects when it ends before. */
  get opened(): Promise<void> {
    if (this.#opened) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#openedGate ??= new Gate();
    return this.#openedGate.wait();
  }

  /**
   * Queue `bytes`, which are copied before this returns. False means: wait for {@link ready} before the next.
   * On a stream that the peer stopped or whose connection closed they are dropped, and `ready` tells why.
   * @throws {TypeError} after {@link finish} or {@link reset}.
   */
  write(bytes: Uint8Array): boolean {
    if (this.#finished) throw new TypeError("Stream is finished, nothing can be written");
    if (this.#failure !== undefined) return this.#dropped();
    if (bytes.length === 0) return this.writable;
    this.#queue(bytes, false);
    return this.writable;
  }

  /**
   * End the stream with its last bytes.
   * @throws {TypeError} when it has ended here already, or when it carried data and `lastBytes` is empty.
   */
  finish(lastBytes: Uint8Array = NOTHING): void {
    if (this.#finished) throw new TypeError("Stream is finished already");
    if (this.#failure !== undefined) return void this.#dropped();
    if (lastBytes.length === 0 && this.#carriedData) {
      throw new TypeError("A stream that carried data ends with its last bytes, got none");
    }
    this.#finished = true;
    this.#queue(lastBytes, true);
    if (this.#hasLeft) this.#owner.forgetSending(this.id);
  }

  /** Abandon the stream with an application code; what is queued is dropped. Nothing happens when it has ended and left. */
  reset(code: number): void {
    if (this.#failure !== undefined || this.#hasLeft) return;
    this.#owner.transport.reset(this.id, code);
    this.#end(new TypeError("Stream was reset, nothing can be written"));
  }

  /** Resolves when {@link writable} holds; rejects when the stream was stopped or its connection closed. */
  async ready(): Promise<void> {
    while (!this.writable) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#queuedBytes >= this.#owner.maxOutboundStreamBytes) await (this.#gate ??= new Gate()).wait();
      else await this.#outbound.ready();
    }
  }

  /** For the connection: so many bytes have left. */
  written(bytes: number): void {
    const left = Math.min(bytes, this.#queuedBytes);
    this.#queuedBytes -= left;
    this.#outbound.remove(left);
    if (this.#hasLeft) this.#owner.forgetSending(this.id);
    if (this.#queuedBytes <= this.#owner.maxOutboundStreamBytes / 2) this.#gate?.open();
    if (left > 0) this.onWritten?.(left);
  }

  /** For the connection: the stream has its QUIC id. */
  hasOpened(): void {
    this.#opened = true;
    this.#openedGate?.open();
  }

  /** For the connection: the peer sent STOP_SENDING. */
  stopped(code: number): void {
    // Tells the transport to drop what is queued; QUIC itself answers with a reset (RFC 9000 §3.5).
    this.#owner.transport.reset(this.id, code);
    this.#end(this.#owner.stoppedError(code));
    this.onStopped?.(code);
  }

  /** For the connection: its lifetime is over, and the transport has reset it. */
  expired(): void {
    this.#end(new EchoStreamError(ErrorCode.DEADLINE_EXCEEDED, "Stream was not delivered within its lifetime"));
    this.onExpired?.();
  }

  /** For the connection: it is gone. */
  connectionClosed(error: Error): void {
    this.#end(error);
  }

  /** Whether nothing can happen to it any more. */
  get #hasLeft(): boolean {
    return this.#finished && this.#queuedBytes === 0 && !this.#expires;
  }

  #queue(bytes: Uint8Array, finish: boolean): void {
    if (bytes.length > 0) this.#carriedData = true;
    this.#queuedBytes += bytes.length;
    this.#outbound.add(bytes.length);
    this.#owner.transport.write(this.id, bytes, finish);
  }

  #end(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#outbound.remove(this.#queuedBytes);
    this.#queuedBytes = 0;
    this.#owner.forgetSending(this.id);
    this.#gate?.fail(error);
    this.#openedGate?.fail(error);
  }

  #dropped(): false {
    if (this.#failure instanceof TypeError) throw this.#failure;
    return false;
  }
}

const NOTHING = new Uint8Array(0);
