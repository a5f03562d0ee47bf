/**
 * One peer: what handlers, listeners and hooks receive, and what the client builds on.
 *
 * @module
 */

import { Context, type ServerContext } from "./context.ts";
import { formatAddress } from "./connection/address.ts";
import type { CloseReason } from "./connection/close_reason.ts";
import type { Connection } from "./connection/connection.ts";
import { ConnectionCode, type EchoStreamError } from "./protocol/error.ts";
import type { ProcessAdmission } from "./rpc/admission.ts";
import type { CallOptions } from "./rpc/call_options.ts";
import type { Limits } from "./rpc/limits.ts";
import type { Listeners } from "./rpc/listeners.ts";
import type { Channel, ResponseStream } from "./rpc/outgoing_channel.ts";
import type { Router } from "./rpc/router.ts";
import { type EmitOptions, isVolatile } from "./rpc/emit_options.ts";
import type { EncodedValue } from "./rpc/payload.ts";
import type { StandardSchemaV1 } from "./rpc/schema.ts";
import type { EventName, EventPayload } from "./rpc/signature.ts";
import type { MediaSender } from "./stream/media_sender.ts";
import type { StreamHandlers } from "./stream/stream_handlers.ts";
import type { StreamOptions } from "./stream/stream_options.ts";
import { Broadcast, checkRoom } from "./session/broadcast.ts";
import { Engine } from "./session/engine.ts";
import type { Members } from "./session/members.ts";
import { sendPush } from "./session/push.ts";
import type { SessionClock } from "./session/session_clock.ts";
import { checkedGraceMs } from "./session/grace.ts";
import type { Logger } from "./trace.ts";

/** What a session does with what its peer sends; the same for all sessions of a server or client. */
export interface SessionBehavior {
  /** Answers calls. */
  readonly router: Router<Session>;
  /** Takes events. */
  readonly listeners: Listeners<Session>;
  /** Takes media streams. */
  readonly streams: StreamHandlers<Session>;
  /** Schemas of events sent by {@link Session.emit}, by name; an event without one goes unchecked. */
  readonly pushes: ReadonlyMap<string, StandardSchemaV1>;
  /** Whom broadcasts reach; `undefined` at a client. */
  readonly members?: Members | undefined;
  /** Limits of calls, events and streams. */
  readonly limits: Limits;
  /** Running handlers of this process. */
  readonly admission: ProcessAdmission;
  /** Where failures nobody can catch are reported. */
  readonly log: Logger;
}

/** How {@link Session.close} closes. */
export interface CloseOptions {
  /** How long what is in flight may take, in milliseconds; 0 closes at once. Default `limits.closeGraceMs`: 5,000. */
  readonly graceMs?: number;
  /** Code the peer sees (docs/protocol.md, "Connection codes"). Default NO_ERROR. */
  readonly code?: number;
  /** Wait also for media streams the peer has not ended, as a server does that shuts down. Default false. */
  readonly awaitStreams?: boolean;
}

/** Counters of one session. */
export interface SessionStats {
  /** Requests sent, streaming calls included. */
  readonly requestsSent: number;
  /** Requests whose answer, or its end, has not arrived. */
  readonly requestsPending: number;
  /** Calls that arrived. */
  readonly callsReceived: number;
  /** Calls whose handler runs now. */
  readonly callsRunning: number;
  /** Calls refused by a limit. */
  readonly callsRefused: number;
  /** Events sent. */
  readonly eventsSent: number;
  /** Events the peer has not acknowledged. */
  readonly eventsUnacked: number;
  /** Events the peer reported nobody listens to. */
  readonly eventsUnheard: number;
  /** Events that arrived. */
  readonly eventsReceived: number;
  /** Events that arrived and nobody here listens to. */
  readonly eventsIgnored: number;
  /** Events that arrived and a listener, or the reader of an iterator, had no room for. */
  readonly eventsDropped: number;
  /** Volatile events sent, whatever became of them. */
  readonly volatileEventsSent: number;
  /** Volatile events that arrived. */
  readonly volatileEventsReceived: number;
  /** Media streams opened here. */
  readonly streamsOpened: number;
  /** Media streams that arrived. */
  readonly streamsReceived: number;
  /** Media streams that arrived and nobody here takes. */
  readonly streamsIgnored: number;
}

/**
 * A connected peer. `Pushes` are the events it may be sent.
 *
 * A session starts shut: what the peer asks for waits until {@link open}, so that connect hooks run first.
 */
// deno-lint-ignore no-explicit-any -- a handler that does not say which events it sends may send any
export class Session<Pushes = any> extends Context {
  /** Unguessable name of this session. */
  readonly id: string = crypto.randomUUID();
  readonly #connection: Connection;
  readonly #behavior: SessionBehavior;
  readonly #context: ServerContext | undefined;
  readonly #engine: Engine<Session>;
  #controller: AbortController | undefined;
  #ended: CloseReason | undefined;

  /**
   * @param connection Established, or about to be; the session becomes its handler.
   * @param context What {@link serverCtx} returns; `undefined` at a client.
   */
  constructor(connection: Connection, behavior: SessionBehavior, context?: ServerContext) {
    super();
    this.#connection = connection;
    this.#behavior = behavior;
    this.#context = context;
    this.#engine = new Engine<Session>(connection, this, behavior);
    this.#engine.onEnded = (reason) => {
      this.#ended = reason;
      behavior.members?.forget(this);
      this.#controller?.abort(reason.error);
    };
  }

  /** Aborts when the session ends; its reason is an `EchoStreamError`. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.error);
    }
    return this.#controller.signal;
  }

  /** Resolves with the reason when the session has ended; never rejects. */
  get closed(): Promise<CloseReason> {
    return this.#connection.closed;
  }

  /** Counters so far. */
  get stats(): SessionStats {
    const {
      requester,
      streamRequester,
      slots,
      eventSender,
      volatileSender,
      eventReceiver,
      outgoingStreams,
      incomingStreams,
    } = this.#engine;
    return {
      requestsSent: requester.sent + streamRequester.sent,
      requestsPending: requester.pending + streamRequester.pending,
      callsReceived: slots.received,
      callsRunning: slots.running,
      callsRefused: slots.refused,
      eventsSent: eventSender.sent,
      eventsUnacked: eventSender.unacked,
      eventsUnheard: eventSender.unheard,
      eventsReceived: eventReceiver.received,
      eventsIgnored: eventReceiver.ignored,
      eventsDropped: eventReceiver.dropped,
      volatileEventsSent: volatileSender.sent,
      volatileEventsReceived: eventReceiver.volatileReceived,
      streamsOpened: outgoingStreams.opened,
      streamsReceived: incomingStreams.received,
      streamsIgnored: incomingStreams.ignored,
    };
  }

  /** The peer's clock: measured from its first use on, and while media streams are open. */
  get clock(): SessionClock {
    return this.#engine.clockProbing.clock;
  }

  /** Address and port of the peer, `"127.0.0.1:5000"` or `"[::1]:5000"`. */
  peerAddr(): string {
    return formatAddress(this.#connection.remote);
  }

  /** The store all sessions of the server share. @throws {TypeError} at a client's session. */
  serverCtx(): ServerContext {
    if (this.#context === undefined) throw new TypeError("A client's session has no server context");
    return this.#context;
  }

  /**
   * Call a method of the peer. `payload` is read before this returns. A `Uint8Array` travels as it is, anything else as CBOR; the answer is
   * bytes from a handler without a schema, a value otherwise.
   * @throws {EchoStreamError} (as rejection) what the peer answered; CANCELLED, DEADLINE_EXCEEDED; INVALID_ARGUMENT or RESOURCE_EXHAUSTED for
   * what exceeds a limit; UNAVAILABLE when the connection ends. `disposition` tells whether the handler may have run.
   */
  request<R = unknown>(method: string, payload?: unknown, options: CallOptions = NO_OPTIONS): Promise<R> {
    return this.#engine.requester.request(method, payload, options) as Promise<R>;
  }

  /**
   * Call a method of the peer whose answer is a sequence: read it by `for await`; leaving the loop stops the peer's handler. Never
   * throws: reading tells why a call cannot begin, or failed. A method with one answer gives a sequence of one.
   */
  requestStream<R = unknown>(method: string, payload?: unknown, options: CallOptions = NO_OPTIONS): ResponseStream<R> {
    return this.#engine.streamRequester.open(method, options, { item: payload }) as ResponseStream<R>;
  }

  /** Call a method of the peer with a sequence of items, and read those it answers. Never throws, as {@link requestStream}. */
  requestChannel<In = unknown, Out = unknown>(method: string, options: CallOptions = NO_OPTIONS): Channel<In, Out> {
    return this.#engine.streamRequester.open(method, options) as Channel<In, Out>;
  }

  /**
   * Send an event; events of one session arrive in order, but for those with `delivery: "datagram"`. Resolves when flow control has accepted
   * it, which is not yet its arrival.
   * @throws {EchoStreamError} (as rejection) INVALID_ARGUMENT when the payload does not match its schema, RESOURCE_EXHAUSTED when it is too
   * large, UNIMPLEMENTED when the peer takes no datagrams, UNAVAILABLE when the session has ended.
   * @throws {TypeError} (as rejection) when the delivery is none.
   */
  emit<K extends EventName<Pushes>>(
    name: K,
    payload: EventPayload<Pushes, K>,
    options: EmitOptions = NO_OPTIONS,
  ): Promise<void> {
    try {
      const volatile = isVolatile(options);
      return sendPush(this.#behavior.pushes, name, payload, (value) => this.#engine.emit(name, value, volatile));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Enter a room, for `to(room)` of the server and its sessions; nothing happens when it is there already. A session leaves its rooms when
   * it ends. Broadcasts reach it once its connect hooks have let it in.
   * @throws {TypeError} at a client's session, or when the room is no text, or empty.
   */
  join(room: string): void {
    const { rooms } = this.#members();
    if (this.#ended === undefined) rooms.join(this.id, checkRoom(room));
  }

  /** Leave a room; nothing happens when it is not there. @throws {TypeError} at a client's session. */
  leave(room: string): void {
    this.#members().rooms.leave(this.id, checkRoom(room));
  }

  /** The rooms it is in. @throws {TypeError} at a client's session. */
  get rooms(): ReadonlySet<string> {
    return this.#members().rooms.roomsOf(this.id);
  }

  /** All other sessions of its server. @throws {TypeError} at a client's session. */
  get broadcast(): Broadcast<Pushes> {
    return new Broadcast<Pushes>(this.#members()).except(this);
  }

  /** The other sessions in any of these rooms. @throws {TypeError} at a client's session, or when a room is none. */
  to(...rooms: string[]): Broadcast<Pushes> {
    return this.broadcast.to(...rooms);
  }

  /**
   * Open a media stream to the peer's handler of that name. Resolves when it may be written to; that nobody takes it is told by
   * `send` and `end`. Which `delivery` suits what: docs/timing.md.
   * @throws {RangeError} (as rejection) when a number among the options is out of its range.
   * @throws {TypeError} (as rejection) when the name is none, or options do not go together.
   * @throws {EchoStreamError} (as rejection) INVALID_ARGUMENT for metadata the peer would not take, UNAVAILABLE when the session has ended.
   */
  createStream(name: string, options: StreamOptions = {}): Promise<MediaSender> {
    return this.#engine.createStream(name, options);
  }

  /**
   * End the session in order: new work is refused on both sides, what is in flight may finish within the grace, then the connection
   * closes. Calling it again returns the same end, sooner when the new grace is shorter. Never rejects.
   * @throws {RangeError} when the grace is not 0 or more milliseconds.
   */
  close(reason = "", options: CloseOptions = {}): Promise<CloseReason> {
    return this.#engine.close({
      reason,
      code: options.code ?? ConnectionCode.NO_ERROR,
      graceMs: checkedGraceMs(options.graceMs ?? this.#behavior.limits.closeGraceMs),
      awaitStreams: options.awaitStreams ?? false,
    });
  }

  /** @internal For broadcasts: nobody waits, and a session that does not keep up is closed as too slow. Never throws. */
  emitEncoded(name: string, payload: Uint8Array | EncodedValue, volatile: boolean): void {
    this.#engine.emitEncoded(name, payload, volatile);
  }

  /** @internal Be told when the peer goes away, before the session ends. */
  set onGoingAway(onGoingAway: () => void) {
    this.#engine.onGoingAway = onGoingAway;
  }

  /** @internal Let the peer's calls, events and streams in, those that waited first. Called once the connect hooks have run. */
  open(): void {
    if (this.#ended === undefined) this.#behavior.members?.admit(this);
    this.#engine.open();
  }

  /** @internal Measure the peer's clock before anybody asks for it, as a client does. */
  startClock(): void {
    this.#engine.clockProbing.start();
  }

  /** @internal Turn the peer away instead of {@link open}: the connection closes with the error's code and message. */
  refuse(error: EchoStreamError): Promise<CloseReason> {
    return this.#connection.close(ConnectionCode.REFUSED, `${error.code}: ${error.message}`);
  }

  #members(): Members {
    const { members } = this.#behavior;
    if (members === undefined) throw new TypeError("A client's session has no rooms, its server does");
    return members;
  }
}

const NO_OPTIONS: CallOptions & EmitOptions = {};
