/**
 * The live streams of one connection: whose bytes are whose. Whole small streams of messages pass through without leaving a trace.
 *
 * @module
 */

import { EchoStreamError, ErrorCode, StreamCode } from "../protocol/error.ts";
import { type TimerQueue } from "../timer_queue.ts";
import { type Logger } from "../trace.ts";
import { formatAddress } from "./address.ts";
import { type InboundBudget } from "./inbound_budget.ts";
import { MessageReceiver, type MessageReceiverOwner, type MessageSink, splitMessages } from "./message_receiver.ts";
import { type ConnectionLimits } from "./options.ts";
import { type OutboundQueue } from "./outbound_queue.ts";
import { ReceiveStream, type ReceiveStreamOwner } from "./receive_stream.ts";
import { SendStream, type SendStreamOwner } from "./send_stream.ts";
import { DEFAULT_URGENCY, type StreamId, type TransportConnection, type TransportOptions } from "./transport.ts";

/** Both halves of a bidirectional stream. */
export interface BidirectionalStream {
  readonly send: SendStream;
  readonly receive: ReceiveStream;
}

/** How a stream opened here leaves; every field has a default. */
export interface OpenOptions {
  /** More urgent streams leave first: 0 (most) to 7, default 3 (RFC 9218 §4.1). */
  readonly urgency?: number;
  /**
   * When not all of the stream, its end included, is acknowledged so many milliseconds after it was opened, it is reset and
   * {@link SendStream.onExpired} is called. Default 0: never.
   */
  readonly lifetimeMs?: number;
  /** Whether it may open before the handshake is done: what it carries may arrive twice. Default false. */
  readonly early?: boolean;
}

/** Who takes what the peer sends on streams. */
export interface StreamHandler extends MessageSink {
  /** The peer opened a stream; `send` is its other half when it is bidirectional. Its first bytes, kind included, follow. */
  onStream(receive: ReceiveStream, send: SendStream | undefined): void;
}

/** What the streams need of their connection. */
export interface StreamsHost {
  readonly transport: TransportConnection;
  readonly inbound: InboundBudget;
  /** Where bytes of streams count until they leave, unless their opener says otherwise. */
  readonly outboundStreams: OutboundQueue;
  readonly timers: TimerQueue;
  readonly limits: ConnectionLimits;
  readonly log: Logger;
  readonly handler: StreamHandler | undefined;
  readonly state: string;
}

/** The transport options streams depend on. */
export type StreamTransportOptions = Pick<TransportOptions, "initialCreditBytes" | "messageStreamKind">;

/** The streams of one connection. */
export class Streams implements SendStreamOwner, ReceiveStreamOwner, MessageReceiverOwner, MessageSink {
  readonly #host: StreamsHost;
  readonly #initialCreditBytes: number;
  readonly #messageStreamKind: number;
  readonly #sending = new Map<StreamId, SendStream>();
  readonly #receiving = new Map<StreamId, ReceiveStream | MessageReceiver>();
  // Streams of the peer we have stopped: what had been read by then may still be on its way here.
  // Made with the first.
  #stopped: RecentStreams | undefined;
  #receivedMessages = 0;

  constructor(host: StreamsHost, options: StreamTransportOptions) {
    this.#host = host;
    this.#initialCreditBytes = options.initialCreditBytes;
    this.#messageStreamKind = options.messageStreamKind;
  }

  /** Live sending halves. */
  get sending(): number {
    return this.#sending.size;
  }

  /** Live receiving halves. */
  get receiving(): number {
    return this.#receiving.size;
  }

  /** Messages that have arrived. */
  get receivedMessages(): number {
    return this.#receivedMessages;
  }

  /** Every live half, as of now. */
  live(): readonly (SendStream | ReceiveStream | MessageReceiver)[] {
    return [...this.#sending.values(), ...this.#receiving.values()];
  }

  /**
   * @param outbound Where its bytes count until they leave.
   * @throws {RangeError} when an option is out of its range.
   */
  openUnidirectional(
    outbound: OutboundQueue,
    { urgency = DEFAULT_URGENCY, lifetimeMs = 0, early = false }: OpenOptions = {},
  ): SendStream {
    if (!Number.isInteger(urgency) || urgency < 0 || urgency > 7) {
      throw new RangeError(`urgency is ${urgency}, expected a whole number from 0 to 7`);
    }
    if (!(lifetimeMs >= 0 && lifetimeMs <= MAX_LIFETIME_MS)) {
      throw new RangeError(`lifetimeMs is ${lifetimeMs}, expected 0 to ${MAX_LIFETIME_MS}`);
    }
    return this.#send(outbound, this.transport.open(false, urgency, lifetimeMs, early), false, lifetimeMs > 0);
  }

  openBidirectional(): BidirectionalStream {
    const send = this.#send(this.#host.outboundStreams, this.transport.open(true), false);
    return { send, receive: this.#receive(send.id, false) };
  }

  // What the transport reports.

  onOpened(stream: StreamId): void {
    this.#sending.get(stream)?.hasOpened();
  }

  onWritten(stream: StreamId, bytes: number): void {
    this.#sending.get(stream)?.written(bytes);
  }

  onStopped(stream: StreamId, code: number): void {
    this.#sending.get(stream)?.stopped(code);
  }

  onExpired(stream: StreamId): void {
    this.#sending.get(stream)?.expired();
  }

  onDelivered(stream: StreamId): void {
    this.#sending.delete(stream);
  }

  /** @throws what the handler throws, and PROTOCOL_VIOLATION. */
  onData(stream: StreamId, bytes: Uint8Array, finished: boolean): void {
    const receiving = this.#receiving.get(stream);
    if (receiving !== undefined) return receiving.onData(bytes, finished);
    if (stream < 0 || this.#stopped?.has(stream)) return;
    const unidirectional = isUnidirectional(stream);
    if (unidirectional && bytes[0] === this.#messageStreamKind) return this.#takeMessages(stream, bytes, finished);
    if (unidirectional && finished && bytes.length === 0) return;
    const receive = this.#receive(stream, true);
    this.#host.handler!.onStream(
      receive,
      unidirectional ? undefined : this.#send(this.#host.outboundStreams, stream, true),
    );
    receive.onData(bytes, finished);
  }

  /** @throws what the sink of the stream throws. */
  onReset(stream: StreamId, code: number): void {
    const receiving = this.#receiving.get(stream);
    if (receiving !== undefined) return receiving.onReset(code);
    // Reset before its first byte was read: nobody knows what it was. Its other half would stay open for ever.
    if (stream < 0 || isUnidirectional(stream) || this.#stopped?.has(stream)) return;
    this.transport.reset(stream, StreamCode.CANCELLED);
  }

  // Messages pass through here, so that a handler that closes the connection gets no more of the same packet.

  onMessage(bytes: Uint8Array, start: number, end: number, owned: boolean): void {
    if (this.#host.state !== "established") return;
    this.#receivedMessages++;
    this.#host.handler!.onMessage(bytes, start, end, owned);
  }

  onOversizeMessage(bytes: Uint8Array, start: number, end: number, length: number): void {
    if (this.#host.state !== "established") return;
    this.#receivedMessages++;
    this.#host.handler!.onOversizeMessage(bytes, start, end, length);
  }

  // What a stream asks for.

  get transport(): TransportConnection {
    return this.#host.transport;
  }

  get inbound(): InboundBudget {
    return this.#host.inbound;
  }

  get timers(): TimerQueue {
    return this.#host.timers;
  }

  get messages(): MessageSink {
    return this;
  }

  get maxOutboundStreamBytes(): number {
    return this.#host.limits.maxOutboundStreamBytes;
  }

  get maxMessageBytes(): number {
    return this.#host.limits.maxMessageBytes;
  }

  get headerTimeoutMs(): number {
    return this.#host.limits.headerTimeoutMs;
  }

  forgetSending(stream: StreamId): void {
    this.#sending.delete(stream);
  }

  forgetReceiving(stream: StreamId): void {
    this.#receiving.delete(stream);
  }

  refuseReceiving(stream: StreamId): void {
    this.stopReceiving(stream, StreamCode.LIMIT_EXCEEDED);
  }

  stopReceiving(stream: StreamId, code: number): void {
    (this.#stopped ??= new RecentStreams()).add(stream);
    this.transport.stop(stream, code);
  }

  headerTimedOut(stream: ReceiveStream): void {
    this.#host.log({
      level: "warn",
      category: "connection",
      message: "Stream header did not arrive in time",
      fields: { peer: formatAddress(this.transport.remote), timeoutMs: this.headerTimeoutMs },
    });
    stream.stop(StreamCode.TIMED_OUT);
    this.#sending.get(stream.id)?.reset(StreamCode.TIMED_OUT);
  }

  stoppedError(code: number): EchoStreamError {
    const message = `${formatAddress(this.transport.remote)} stopped the stream with code 0x${code.toString(16)}`;
    return new EchoStreamError(ErrorCode.CANCELLED, message, { remote: true });
  }

  #takeMessages(stream: StreamId, bytes: Uint8Array, finished: boolean): void {
    if (finished) return splitMessages(bytes, 1, this.maxMessageBytes, this);
    const receiver = new MessageReceiver(this, stream, this.#initialCreditBytes);
    this.#receiving.set(stream, receiver);
    receiver.onData(bytes, false, 1);
  }

  #send(outbound: OutboundQueue, stream: StreamId, opened: boolean, expires = false): SendStream {
    const send = new SendStream(this, outbound, stream, opened, expires);
    this.#sending.set(stream, send);
    return send;
  }

  #receive(stream: StreamId, awaitsHeader: boolean): ReceiveStream {
    const receive = new ReceiveStream(this, stream, this.#initialCreditBytes, awaitsHeader);
    this.#receiving.set(stream, receive);
    return receive;
  }
}

/** The last streams of a kind, without those longest ago. */
class RecentStreams {
  readonly #streams = new Set<StreamId>();

  has(stream: StreamId): boolean {
    return this.#streams.has(stream);
  }

  add(stream: StreamId): void {
    this.#streams.add(stream);
    if (this.#streams.size <= RECENT_STREAMS) return;
    const [oldest] = this.#streams;
    this.#streams.delete(oldest!);
  }
}

/** More than can be in the event ring at once. */
const RECENT_STREAMS = 4_096;

/** Streams of the peer carry their QUIC id, whose second bit tells (RFC 9000 §2.1). */
function isUnidirectional(stream: StreamId): boolean {
  return (stream & 2) !== 0;
}

/** A day: longer is a mistake, and no transport has to count so far. */
const MAX_LIFETIME_MS = 86_400_000;
