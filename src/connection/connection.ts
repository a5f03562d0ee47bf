/**
 * One QUIC connection as the layers above see it: messages, streams and datagrams, its life from connecting to closed, and what it
 * may hold in either direction. Its streams are kept by `streams.ts`.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { ConnectionCode, EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { writeVarint } from "../protocol/varint.ts";
import { TimerQueue } from "../timer_queue.ts";
import { consoleLogger, type Logger } from "../trace.ts";
import { formatAddress } from "./address.ts";
import { type CloseReason, closeReason } from "./close_reason.ts";
import { Gate } from "./gate.ts";
import { InboundBudget } from "./inbound_budget.ts";
import { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS } from "./options.ts";
import { type PeerCertificate } from "./peer_certificate.ts";
import { OutboundQueue } from "./outbound_queue.ts";
import { type SendStream } from "./send_stream.ts";
import {
  type BidirectionalStream,
  type OpenOptions,
  type StreamHandler,
  Streams,
  type StreamsHost,
} from "./streams.ts";
import {
  type ConnectionSink,
  DEFAULT_URGENCY,
  type DialOptions,
  type SocketAddress,
  type StreamId,
  type Transport,
  type TransportClose,
  type TransportConnection,
  type TransportOptions,
  type TransportStats,
} from "./transport.ts";

/** Who takes what arrives on a connection. Calls are synchronous; one that throws closes the connection with the error's code. */
export interface ConnectionHandler extends StreamHandler {
  /** A datagram, valid only during the call, and when it arrived on the transport's clock. */
  onDatagram(bytes: Uint8Array, arrivalUs: number): void;
  /** A datagram sent with `id` left at `departureUs`, or was dropped when that is 0. */
  onDatagramSent?(id: number, departureUs: number): void;
  /** Last call of all. Live streams have been told before. */
  onClosed(reason: CloseReason): void;
}

/** What a connection needs besides its transport. */
export interface ConnectionOptions {
  /** Transport options it was dialled or accepted with: initial credit and kind of message streams are read from them. */
  readonly transport: Pick<TransportOptions, "initialCreditBytes" | "messageStreamKind">;
  /** Default {@link DEFAULT_CONNECTION_LIMITS}. */
  readonly limits?: ConnectionLimits | undefined;
  /** Default the system clock. */
  readonly clock?: Clock | undefined;
  /** Deadlines, best shared by all connections of a server. Default one of its own. */
  readonly timers?: TimerQueue | undefined;
  /** Default the console, for warnings and errors. */
  readonly log?: Logger | undefined;
  /** A copy of the ticket for the next connection, when one comes. */
  readonly onTicket?: ((ticket: Uint8Array) => void) | undefined;
  /** Called when the handshake is done, before anything can arrive: the place to set {@link Connection.handler}. */
  readonly onEstablished?: ((connection: Connection) => void) | undefined;
}

/** Where a connection is in its life; it only moves forward, and may skip. */
export type ConnectionState = "connecting" | "established" | "closing" | "closed";

/** Counters of one connection. */
export interface ConnectionStats extends TransportStats {
  readonly outboundBytes: number;
  readonly inboundHeldBytes: number;
  readonly sentMessages: number;
  readonly receivedMessages: number;
  /** Live halves of streams, those of large messages included. */
  readonly sendingStreams: number;
  readonly receivingStreams: number;
}

/** A connection to one peer. */
export class Connection implements ConnectionSink, StreamsHost {
  /** Takes what arrives. To be set before the handshake is done, or in `onEstablished`. */
  handler: ConnectionHandler | undefined;
  readonly clock: Clock;
  /** Deadlines of this connection and of what runs on it. */
  readonly timers: TimerQueue;
  readonly log: Logger;
  /** What it may hold, in force. */
  readonly limits: ConnectionLimits;
  /** Inbound bytes held: large messages in progress, and what the layers above add to them. */
  readonly inbound: InboundBudget;
  /** Bytes queued of messages, and of the streams that carry events and control frames. */
  readonly outbound: OutboundQueue;
  /** Bytes queued of all other streams, counted apart so that slow streams do not hold calls back. */
  readonly outboundStreams: OutboundQueue;
  /** Resolves when the handshake is done; rejects with an `EchoStreamError` when it never will be. */
  readonly established: Promise<void>;
  /** Resolves with the reason when the connection is gone; never rejects. */
  readonly closed: Promise<CloseReason>;

  readonly #options: ConnectionOptions;
  /** Until it is established, or never will be. */
  #establishedGate: Gate | undefined = new Gate();
  readonly #streams: Streams;
  #transport: TransportConnection | undefined;
  #resolveClosed!: (reason: CloseReason) => void;
  #state: ConnectionState = "connecting";
  #closeReason: CloseReason | undefined;
  #early = false;
  /** A {@link migrate} under way. */
  #moving: Gate | undefined;
  #sentMessages = 0;
  #arrivalUs = 0;

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    this.clock = options.clock ?? systemClock;
    this.timers = options.timers ?? new TimerQueue(this.clock);
    this.log = options.log ?? consoleLogger;
    this.limits = options.limits ?? DEFAULT_CONNECTION_LIMITS;
    this.inbound = new InboundBudget(this.limits.maxInboundBytes);
    const { maxOutboundBytes, outboundStallTimeoutMs } = this.limits;
    const onStalled = (): void => this.#onStalled();
    this.outbound = new OutboundQueue(maxOutboundBytes, outboundStallTimeoutMs, this.timers, onStalled);
    this.outboundStreams = new OutboundQueue(maxOutboundBytes, outboundStallTimeoutMs, this.timers, onStalled);
    this.#streams = new Streams(this, options.transport);
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.established = this.#establishedGate!.wait();
    // Whoever wants to know awaits it; nobody has to.
    this.established.catch(() => {});
  }

  /** The server's side of a connection, in `Transport.listen`'s `accept`. */
  static accept(transport: TransportConnection, options: ConnectionOptions): Connection {
    const connection = new Connection(options);
    connection.#transport = transport;
    return connection;
  }

  /** Start a handshake to one address; `dial.ts` tries several. */
  static dial(transport: Transport, dial: DialOptions, options: Omit<ConnectionOptions, "transport">): Connection {
    const connection = new Connection({ ...options, transport: dial });
    connection.#transport = transport.dial(dial, connection);
    return connection;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get remote(): SocketAddress {
    return this.transport.remote;
  }

  get local(): SocketAddress {
    return this.transport.local;
  }

  /** What the peer has shown, once established; `undefined` when it had to show nothing. */
  get peerCertificate(): PeerCertificate | undefined {
    return this.transport.peerCertificate;
  }

  /** The connection underneath, for its streams. */
  get transport(): TransportConnection {
    return this.#transport!;
  }

  /** Why it is gone, once it is. */
  get closeReason(): CloseReason | undefined {
    return this.#closeReason;
  }

  /** Whether it is used before its handshake is done: what comes may be a copy of what came before, and must do no harm twice. */
  get early(): boolean {
    return this.#early;
  }

  /** When what is being delivered now arrived, on {@link clock}: to be read inside a handler's call. */
  get arrivalUs(): number {
    return this.#arrivalUs;
  }

  /** Bytes queued that have not left yet: messages and streams. */
  get outboundBytes(): number {
    return this.outbound.bytes + this.outboundStreams.bytes;
  }

  /** Whether more should be sent; false from {@link ConnectionLimits.maxOutboundBytes} on. */
  get writable(): boolean {
    return this.outbound.writable;
  }

  /** Resolves when {@link writable} holds; rejects when the connection is gone. Many may wait: look again afterwards. */
  ready(): Promise<void> {
    return this.outbound.ready();
  }

  /**
   * Send one message, copied before this returns. A small one shares packets with others; a large one has a stream of its own, which
   * is returned and may be reset half-way, for as long as its last byte has not left. On a connection that is gone nothing happens.
   * @param early Whether it may leave before the handshake is done.
   */
  sendMessage(bytes: Uint8Array, early = false): SendStream | undefined {
    if (this.#state === "closing" || this.#state === "closed") return undefined;
    this.#sentMessages++;
    if (bytes.length <= PACKED_MESSAGE_LIMIT_BYTES) {
      this.outbound.add(bytes.length);
      this.#transport!.sendMessage(bytes, early);
      return undefined;
    }
    const stream = this.openUnidirectional(this.outbound, { early });
    const head = new Uint8Array(9);
    head[0] = this.#options.transport.messageStreamKind;
    stream.write(head.subarray(0, writeVarint(head, 1, bytes.length)));
    stream.finish(bytes);
    return stream;
  }

  /**
   * @param outbound Where its bytes count until they leave: by default with those of other streams.
   * @throws {EchoStreamError} UNAVAILABLE when the connection is gone.
   * @throws {RangeError} when an option is out of its range.
   */
  openUnidirectional(outbound: OutboundQueue = this.outboundStreams, options: OpenOptions = {}): SendStream {
    this.#checkOpen();
    return this.#streams.openUnidirectional(outbound, options);
  }

  /** @throws {EchoStreamError} UNAVAILABLE when the connection is gone. */
  openBidirectional(): BidirectionalStream {
    this.#checkOpen();
    return this.#streams.openBidirectional();
  }

  /**
   * Send a datagram, copied. A non-zero `id` is reported to `onDatagramSent`; `expiryMs` 0 never expires; more urgent ones leave
   * first, 0 (most) to 7.
   */
  sendDatagram(bytes: Uint8Array, id = 0, expiryMs = 0, urgency: number = DEFAULT_URGENCY): void {
    if (this.#state !== "closed") this.#transport!.sendDatagram(bytes, id, expiryMs, urgency);
  }

  /** End the connection with a connection code; the first reason given stays. Resolves when it is gone; never rejects. */
  close(code: number = ConnectionCode.NO_ERROR, reason = ""): Promise<CloseReason> {
    if (this.#state === "connecting" || this.#state === "established") {
      this.#state = "closing";
      this.#transport!.close(code, reason);
    }
    return this.closed;
  }

  /**
   * Clients: go on from a fresh socket. Resolves when the path from there is validated and in use; calling it meanwhile returns the same
   * move.
   * @throws {EchoStreamError} (as rejection) UNAVAILABLE when that cannot be, saying why; the connection goes on as before, if there is one.
   */
  migrate(): Promise<void> {
    if (this.#state !== "established") return Promise.reject(this.#cannotMove("it is not established"));
    if (this.#moving === undefined) {
      if (this.transport.move === undefined) return Promise.reject(this.#cannotMove("its transport cannot"));
      this.#moving = new Gate();
      this.transport.move();
    }
    return this.#moving.wait();
  }

  stats(): ConnectionStats {
    return {
      ...this.transport.stats(),
      outboundBytes: this.outboundBytes,
      inboundHeldBytes: this.inbound.heldBytes,
      sentMessages: this.#sentMessages,
      receivedMessages: this.#streams.receivedMessages,
      sendingStreams: this.#streams.sending,
      receivingStreams: this.#streams.receiving,
    };
  }

  // What the transport reports (ConnectionSink).

  onEstablished(early = false): void {
    if (this.#state !== "connecting") return;
    this.#state = "established";
    this.#early = early;
    this.#guard(() => this.#options.onEstablished?.(this));
    this.#establishedGate?.open();
    this.#establishedGate = undefined;
  }

  onConfirmed(): void {
    this.#early = false;
  }

  onTicket(ticket: Uint8Array): void {
    this.#options.onTicket?.(ticket.slice());
  }

  onOpened(stream: StreamId): void {
    this.#streams.onOpened(stream);
  }

  onData(stream: StreamId, bytes: Uint8Array, finished: boolean, arrivalUs: number): void {
    if (this.#state !== "established") return;
    this.#arrivalUs = arrivalUs;
    try {
      this.#streams.onData(stream, bytes, finished);
    } catch (error) {
      this.#fail(error);
    }
  }

  onReset(stream: StreamId, code: number): void {
    if (this.#state === "established") this.#guard(() => this.#streams.onReset(stream, code));
  }

  onStopped(stream: StreamId, code: number): void {
    this.#guard(() => this.#streams.onStopped(stream, code));
  }

  onExpired(stream: StreamId): void {
    this.#guard(() => this.#streams.onExpired(stream));
  }

  onDelivered(stream: StreamId): void {
    this.#streams.onDelivered(stream);
  }

  onWritten(stream: StreamId, bytes: number): void {
    this.#streams.onWritten(stream, bytes);
  }

  onMessagesSent(bytes: number): void {
    this.outbound.remove(bytes);
  }

  onMoved(failure?: string): void {
    const moving = this.#moving;
    this.#moving = undefined;
    const [peer, local] = [formatAddress(this.remote), formatAddress(this.local)];
    if (failure !== undefined) {
      const error = this.#cannotMove(failure);
      this.log({ level: "debug", category: "connection", message: error.message, fields: { peer, local } });
      moving?.fail(error);
      return;
    }
    this.log({ level: "debug", category: "connection", message: "Goes another way now", fields: { peer, local } });
    moving?.open();
  }

  onDatagram(bytes: Uint8Array, arrivalUs: number): void {
    if (this.#state !== "established") return;
    this.#arrivalUs = arrivalUs;
    this.#guard(() => this.handler?.onDatagram(bytes, arrivalUs));
  }

  onDatagramSent(id: number, departureUs: number): void {
    this.#guard(() => this.handler?.onDatagramSent?.(id, departureUs));
  }

  onClosed(close: TransportClose): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    const reason = closeReason(close, formatAddress(this.remote));
    this.#closeReason = reason;
    this.#establishedGate?.fail(reason.error);
    this.#moving?.fail(this.#cannotMove("it has ended"));
    this.outbound.close(reason.error);
    this.outboundStreams.close(reason.error);
    for (const half of this.#streams.live()) this.#guard(() => half.connectionClosed(reason.error));
    this.#guard(() => this.handler?.onClosed(reason));
    this.#resolveClosed(reason);
  }

  #cannotMove(reason: string): EchoStreamError {
    const message = `Cannot move the connection to ${formatAddress(this.remote)}: ${reason}`;
    return new EchoStreamError(ErrorCode.UNAVAILABLE, message);
  }

  #onStalled(): void {
    const reason = `Peer took nothing for ${this.limits.outboundStallTimeoutMs} ms`;
    void this.close(ConnectionCode.TOO_SLOW, reason);
  }

  #checkOpen(): void {
    if (this.#state !== "closing" && this.#state !== "closed") return;
    throw this.#closeReason?.error ??
      new EchoStreamError(ErrorCode.UNAVAILABLE, `Connection to ${formatAddress(this.remote)} is closing`);
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Something in a callback threw: the peer broke the spec, or we have a fault. */
  #fail(error: unknown): void {
    const known = error instanceof EchoStreamError && Object.hasOwn(ConnectionCode, error.code) ? error : undefined;
    this.log({
      level: known === undefined ? "error" : "warn",
      category: "connection",
      message: known === undefined ? "Closing a connection after an unexpected error" : "Closing a connection",
      fields: { peer: formatAddress(this.remote), reason: known?.message },
      error: known === undefined ? error : undefined,
    });
    if (known === undefined) this.close(ConnectionCode.INTERNAL_ERROR, "Internal error");
    else this.close(ConnectionCode[known.code as keyof typeof ConnectionCode], known.message);
  }
}

/**
 * Larger messages have a stream of their own. A QUIC packet has at least 1,200 bytes (RFC 9000 §14): less its header (up to 25), tag
 * (16), stream frame header (up to 19), kind byte and length, 1,100 always fit.
 */
const PACKED_MESSAGE_LIMIT_BYTES = 1_100;
