/**
 * A streaming call as its caller sees it: items out, items in, each at its own pace, and one end for both.
 *
 * @module
 */

import { Gate } from "../connection/gate.ts";
import type { InboundBudget } from "../connection/inbound_budget.ts";
import type { BidirectionalStream } from "../connection/streams.ts";
import {
  type CallMessage,
  decodeCallMessage,
  decodeEnd,
  decodeResponseHeaders,
  decodeTrailer,
  encodeCallHeaders,
  encodeCallMessage,
  encodeEnd,
} from "../protocol/call_frames.ts";
import type { CallFieldsInput } from "../protocol/call_fields.ts";
import { type Encoding, isEncoding } from "../protocol/encoding.ts";
import {
  type Disposition,
  EchoStreamError,
  type EchoStreamErrorCode,
  ErrorCode,
  protocolViolation,
  StreamCode,
} from "../protocol/error.ts";
import { type Frame, FrameType, misplacedFrame } from "../protocol/frame.ts";
import type { Metadata } from "../protocol/metadata.ts";
import { Deadline } from "../timer_queue.ts";
import type { CallMeter } from "./call_diagnostics.ts";
import { cancelledCall, lateCall, lostCall, tooLargeCall } from "./call_start.ts";
import { CallStream, type CallStreamSink } from "./call_stream.ts";
import { onlyAnswer, sendEach } from "./channel_shortcuts.ts";
import { failureToError } from "./failure.ts";
import { ItemQueue, type ItemQueueOwner, type ItemStream } from "./item_queue.ts";
import type { PeerLimits } from "./limits.ts";
import { decodePayload, encodeSentPayload, encodingOf } from "./payload.ts";
import { writableOf } from "./web_streams.ts";

/** The answers of a streaming call. `for await` reads them; leaving the loop cancels the call. */
export interface ResponseStream<T> extends ItemStream<T>, AsyncDisposable {
  /** What the callee sent before its first item; rejects when the call failed before. */
  readonly headers: Promise<Metadata>;
  /** What the callee sent with its end; rejects when the call failed. */
  readonly trailers: Promise<Metadata>;
  /** End the call: reading rejects with CANCELLED, the callee's signal aborts. Nothing happens when it is over. */
  cancel(reason?: unknown): void;
}

/** A call with items both ways. */
export interface Channel<In, Out> extends ResponseStream<Out> {
  /**
   * Send an item, which is read before this returns. Resolves when the next one would be welcome: to false when the callee has ended the call
   * and takes no more.
   * @throws {EchoStreamError} (as rejection) why the call failed; INVALID_ARGUMENT or RESOURCE_EXHAUSTED when the item cannot travel, which
   * leaves the call as it is.
   * @throws {TypeError} (as rejection) after {@link end}.
   */
  send(item: In): Promise<boolean>;
  /** Send every item of an iterable or a Web Stream, then {@link end}. When it throws the call is cancelled, for that reason. */
  sendAll(items: AsyncIterable<In> | Iterable<In>): Promise<void>;
  /** No more items from here; answers may still come. */
  end(): void;
  /** Items to send, as a Web Stream. */
  readonly writable: WritableStream<In>;
  /**
   * The only answer of the callee, for calls that stream one way. Ends the call if {@link end} was not called.
   * @throws {EchoStreamError} (as rejection) why the call failed; INTERNAL when there was no answer or another one.
   */
  response(): Promise<Out>;
}

/** What a channel needs of whoever opened it. */
export interface OutgoingChannelOwner {
  /** What the peer accepts, kept up to date. */
  readonly peer: PeerLimits;
  /** What the connection may hold inbound. */
  readonly inbound: InboundBudget;
  /** Largest frame taken here. */
  readonly maxFrameBytes: number;
  /** The call is over. */
  onOver(channel: OutgoingChannel): void;
}

/** A streaming call on its way. */
export class OutgoingChannel extends Deadline
  implements Channel<unknown, unknown>, CallStreamSink, ItemQueueOwner<unknown> {
  readonly method: string;
  /** Measures it, when somebody wants to know. */
  meter: CallMeter | undefined = undefined;
  readonly #owner: OutgoingChannelOwner;
  readonly #stream: CallStream;
  readonly #items: ItemQueue<unknown>;
  readonly #signal: AbortSignal | undefined;
  // What the callee has said so far, and how the call ended.
  #headers: Metadata | undefined;
  #trailers: Metadata | undefined;
  #failure: EchoStreamError | undefined;
  #over = false;
  #ended = false;
  // Opened when any of these changes.
  readonly #changed: Gate = new Gate();

  /** Sends HEADERS at once; with `only`, also the one item there is and the end of the items. */
  constructor(
    owner: OutgoingChannelOwner,
    stream: BidirectionalStream,
    call: CallFieldsInput & { readonly method: string },
    signal: AbortSignal | undefined,
    only?: CallMessage,
  ) {
    super();
    this.method = call.method;
    this.#owner = owner;
    this.#items = new ItemQueue(this);
    this.#stream = new CallStream(stream, owner.inbound, owner.maxFrameBytes);
    this.#signal = signal;
    signal?.addEventListener("abort", this);
    this.#ended = only !== undefined;
    this.#stream.send((writer) => {
      encodeCallHeaders(writer, call);
      if (only === undefined) return;
      encodeCallMessage(writer, only);
      encodeEnd(writer);
    }, this.#ended);
    this.#stream.start(this);
  }

  get headers(): Promise<Metadata> {
    return this.#when(() => this.#headers);
  }

  get trailers(): Promise<Metadata> {
    return this.#when(() => this.#trailers);
  }

  get readable(): ReadableStream<unknown> {
    return this.#items.readable;
  }

  get writable(): WritableStream<unknown> {
    return writableOf(this);
  }

  async send(item: unknown): Promise<boolean> {
    if (this.#ended) throw new TypeError(`"${this.method}" has ended its items already`);
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#over || this.#stream.sendEnded) return false;
    const message = outgoingItem(this.method, item, this.#owner.peer);
    this.#stream.sendItem(message);
    this.meter?.sent(message.payload.length);
    if (this.#stream.writable) return true;
    await this.#stream.ready().catch(() => {});
    if (this.#failure !== undefined) throw this.#failure;
    return !this.#over && !this.#stream.sendEnded;
  }

  sendAll(items: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
    return sendEach(this, items);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream.send(encodeEnd, true);
  }

  response(): Promise<unknown> {
    return onlyAnswer(this, this.method);
  }

  cancel(reason?: unknown): void {
    this.#abandon(cancelledCall(this.method, reason, "perhapsProcessed"));
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#items.next();
  }

  return(): Promise<IteratorResult<unknown>> {
    return this.#items.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }

  /** The connection is gone, or will be. */
  lose(cause: EchoStreamError, disposition: Disposition): void {
    this.#abandon(lostCall(cause, disposition));
  }

  /** For the signal: an `EventListener` object needs no closure. */
  handleEvent(): void {
    this.cancel(this.#signal?.reason);
  }

  override expire(): void {
    this.#abandon(lateCall(this.method, "perhapsProcessed"));
  }

  // What the reader does (ItemQueueOwner).

  convert(item: unknown): unknown {
    return item;
  }

  onTaken(): void {
    this.#stream.grant();
  }

  onLeft(): void {
    this.cancel();
  }

  // What arrives (CallStreamSink).

  get heldBytes(): number {
    return this.#items.heldBytes;
  }

  onFrame(frame: Frame): void {
    if (this.#over) return;
    const { type, bytes, start, end } = frame;
    switch (type) {
      case FrameType.HEADERS:
        if (this.#headers !== undefined) misplacedFrame(frame, "comes twice in an answer");
        return this.#onHeaders(decodeResponseHeaders(bytes, start, end, this.#owner.peer));
      case FrameType.MESSAGE:
        if (this.#headers === undefined) misplacedFrame(frame, "comes before HEADERS in an answer");
        return this.#onMessage(frame);
      case FrameType.TRAILER:
        return this.#onTrailer(frame);
      case FrameType.END:
        decodeEnd(bytes, start, end);
    }
    misplacedFrame(frame, "in an answer");
  }

  onFinished(): void {
    this.#fail(this.#error(ErrorCode.DATA_LOSS, `"${this.method}" ended without a result`));
  }

  onCut(code: number): void {
    const [status, what, disposition] = cutReason(code);
    this.#fail(new EchoStreamError(status, `"${this.method}" ${what}`, { remote: true, disposition }));
  }

  onStopped(): void {
    // Either it ended early and a TRAILER tells, or the other half is reset too.
  }

  onOversize(error: EchoStreamError): void {
    const message = `Answer of "${this.method}" is too large: ${error.message}`;
    this.#fail(this.#error(ErrorCode.RESOURCE_EXHAUSTED, message));
  }

  onClosed(error: EchoStreamError): void {
    this.lose(error, "perhapsProcessed");
  }

  #onHeaders({ metadata, refused }: ReturnType<typeof decodeResponseHeaders>): void {
    if (refused !== undefined) return this.#fail(this.#error(refused, `Metadata of "${this.method}" cannot be used`));
    this.#headers = metadata ?? [];
    this.#changed.open();
  }

  #onMessage({ bytes, start, end }: Frame): void {
    const { encoding, payload } = decodeCallMessage(bytes, start, end);
    this.meter?.received(payload.length);
    let item: unknown;
    try {
      if (!isEncoding(encoding)) throw new EchoStreamError(ErrorCode.UNIMPLEMENTED, "Its encoding is not known");
      item = decodePayload(encoding as Encoding, payload);
    } catch (cause) {
      const code = cause instanceof EchoStreamError ? cause.code : ErrorCode.INTERNAL;
      return this.#fail(this.#error(code, `Answer of "${this.method}" cannot be used`, cause));
    }
    this.#items.push(item, end - start);
  }

  #onTrailer({ bytes, start, end }: Frame): void {
    const { failure, metadata } = decodeTrailer(bytes, start, end);
    this.#headers ??= [];
    if (failure !== undefined) return this.#finish(failureToError(failure, this.method));
    this.#trailers = metadata ?? [];
    this.#finish(undefined);
  }

  /** The call is over here while the callee does not know it yet. */
  #abandon(error: EchoStreamError): void {
    if (this.#over) return;
    this.#stream.cancel(StreamCode.CANCELLED);
    this.#items.abort(error);
    this.#finish(error);
  }

  /** What came cannot be used: the items before it can. */
  #fail(error: EchoStreamError): void {
    if (this.#over) return;
    this.#stream.cancel(StreamCode.CANCELLED);
    this.#finish(error);
  }

  #finish(failure: EchoStreamError | undefined): void {
    this.#over = true;
    this.#failure = failure;
    this.#signal?.removeEventListener("abort", this);
    if (failure === undefined) this.#items.end();
    else this.#items.fail(failure);
    if (failure === undefined) this.meter?.end("OK", "processed");
    else this.meter?.fail(failure);
    // What is still on its way to a callee that has ended is of no use.
    if (!this.#ended) this.#stream.reset(StreamCode.CANCELLED);
    this.#owner.onOver(this);
    this.#changed.open();
  }

  async #when(metadata: () => Metadata | undefined): Promise<Metadata> {
    for (;;) {
      const known = metadata();
      if (known !== undefined) return known;
      if (this.#over) throw this.#failure ?? protocolViolation(`"${this.method}" has no such metadata`);
      await this.#changed.wait();
    }
  }

  #error(code: EchoStreamErrorCode, message: string, cause?: unknown): EchoStreamError {
    return new EchoStreamError(code, message, { cause, disposition: "perhapsProcessed" });
  }
}

/**
 * An item as it travels; its payload may be a view of the codec's slab.
 * @throws {EchoStreamError} INVALID_ARGUMENT or RESOURCE_EXHAUSTED when it cannot travel.
 */
export function outgoingItem(method: string, item: unknown, peer: PeerLimits): CallMessage {
  const payload = encodeSentPayload(item);
  // The encoding takes a byte of the frame's body.
  if (payload.length + 1 > peer.maxMessageBytes) throw tooLargeCall(method, payload.length + 1, peer.maxMessageBytes);
  return { encoding: encodingOf(item), payload };
}

/** A callee's reset is no part of a call: what it may mean nevertheless. */
function cutReason(code: number): [ErrorCode, string, Disposition] {
  switch (code) {
    case StreamCode.UNKNOWN_KIND:
      return [ErrorCode.UNIMPLEMENTED, "was refused: the peer takes no streaming calls", "notProcessed"];
    case StreamCode.SESSION_CLOSED:
      return [ErrorCode.UNAVAILABLE, "was cut: the session has ended", "perhapsProcessed"];
    case StreamCode.LIMIT_EXCEEDED:
      return [ErrorCode.RESOURCE_EXHAUSTED, "was cut by a limit of the peer", "perhapsProcessed"];
    case StreamCode.TIMED_OUT:
      return [ErrorCode.UNAVAILABLE, "was cut: the peer waited too long for its beginning", "notProcessed"];
    default:
      return [ErrorCode.DATA_LOSS, `was cut with code 0x${code.toString(16)}`, "perhapsProcessed"];
  }
}
