/**
 * One peer: what handlers, listeners and hooks receive, and what the client builds on.
 *
 * @module
 */

import { Context, type ServerContext } from "./context.ts";
import { formatAddress } from "./connection/address.ts";
import { type CloseReason, closeReason } from "./connection/close_reason.ts";
import type { Connection } from "./connection/connection.ts";
import type { PeerCertificate } from "./connection/peer_certificate.ts";
import { quietRejection } from "./connection/send_line.ts";
import type { Resumed } from "./protocol/control_frames.ts";
import { ConnectionCode, type EchoStreamError } from "./protocol/error.ts";
import type { Settings } from "./protocol/settings.ts";
import type { CallOptions } from "./rpc/call_options.ts";
import type { Channel, ResponseStream } from "./rpc/outgoing_channel.ts";
import { type EmitOptions, isVolatile } from "./rpc/emit_options.ts";
import type { OutgoingInterceptors } from "./rpc/outgoing_interceptors.ts";
import type { EncodedValue } from "./rpc/payload.ts";
import type { EventName, EventPayload } from "./rpc/signature.ts";
import type { MediaSender } from "./stream/media_sender.ts";
import type { StreamOptions } from "./stream/stream_options.ts";
import { Broadcast, checkRoom } from "./session/broadcast.ts";
import { Engine } from "./session/engine.ts";
import { interceptedCalls } from "./session/interception.ts";
import type { EngineOptions } from "./session/engine_options.ts";
import type { Members } from "./session/members.ts";
import { sendPush } from "./session/push.ts";
import type { SessionClock } from "./session/session_clock.ts";
import { checkedGraceMs } from "./session/grace.ts";
import { isAbrupt, type SessionResume } from "./session/resume.ts";
import type { CloseOptions, SessionBehavior } from "./session/session_options.ts";
import { type SessionStats, statsOf } from "./session/session_stats.ts";
import { CallbackDeadline } from "./timer_queue.ts";

/**
 * A connected peer. `Pushes` are the events it may be sent.
 * A session starts shut: what the peer asks for waits until {@link open}, so that connect hooks run first.
 */
// deno-lint-ignore no-explicit-any -- a handler that does not say which events it sends may send any
export class Session<Pushes = any> extends Context {
  /** Unguessable name of this session. */
  readonly id: string = crypto.randomUUID();
  /** Resolves with the reason when the session has ended; never rejects. One that is resumed goes on, whatever became of its connection. */
  readonly closed: Promise<CloseReason>;
  readonly #behavior: SessionBehavior;
  readonly #context: ServerContext | undefined;
  readonly #options: EngineOptions<Session>;
  /** Until when it waits for its client; made when it does. */
  #deadline: CallbackDeadline | undefined;
  readonly #calls: OutgoingInterceptors<Session> | undefined;
  #connection: Connection;
  #engine: Engine<Session>;
  // `undefined` when the session ends with its connection.
  #resume: SessionResume | undefined;
  #token: Uint8Array | undefined;
  #isOpen = false;
  #isClosing = false;
  // Why there is no connection, while there is none.
  #lost: CloseReason | undefined;
  #onGoingAway: (() => void) | undefined;
  #controller: AbortController | undefined;
  #ended: CloseReason | undefined;
  #resolveClosed!: (reason: CloseReason) => void;

  /**
   * @param connection Established, or about to be; the session becomes its handler.
   * @param context What {@link serverCtx} returns; `undefined` at a client.
   * @param resume Whether and how the session may go on with another connection.
   */
  constructor(connection: Connection, behavior: SessionBehavior, context?: ServerContext, resume?: SessionResume) {
    super();
    this.#connection = connection;
    this.#behavior = behavior;
    this.#context = context;
    this.#resume = resume;
    this.#options = resume === undefined ? behavior : { ...behavior, announce: resume.announce, replay: resume.policy };
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.#engine = this.#wired(new Engine<Session>(connection, this, this.#options));
    this.#calls = interceptedCalls(this, behavior, connection);
  }

  /** Aborts when the session ends; its reason is an `EchoStreamError`. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.error);
    }
    return this.#controller.signal;
  }

  /** False while its connection is lost and it waits to be resumed, and when it has ended. */
  get isConnected(): boolean {
    return this.#lost === undefined && this.#ended === undefined;
  }

  /** Counters so far. */
  get stats(): SessionStats {
    return statsOf(this.#engine, this.#connection.stats());
  }

  /** The peer's clock: measured from its first use on, and while media streams are open. */
  get clock(): SessionClock {
    return this.#engine.parts.clockProbing.clock;
  }

  /** Address and port of the peer, `"127.0.0.1:5000"` or `"[::1]:5000"`. */
  peerAddr(): string {
    return formatAddress(this.#connection.remote);
  }

  /** Whose certificate the peer holds the key of: a server's, or that of a client that was asked for one. Verified as the TLS options say. */
  get peerCertificate(): PeerCertificate | undefined {
    return this.#connection.peerCertificate;
  }

  /** The store all sessions of the server share. @throws {TypeError} at a client's session. */
  serverCtx(): ServerContext {
    if (this.#context === undefined) throw new TypeError("A client's session has no server context");
    return this.#context;
  }

  /**
   * Call a method of the peer. `payload` is read before this returns, or when interceptors that wait go on. A `Uint8Array` travels as it is,
   * anything else as CBOR; the answer is bytes from a handler without a schema, a value otherwise.
   * @throws {EchoStreamError} (as rejection) what the peer answered; CANCELLED, DEADLINE_EXCEEDED; INVALID_ARGUMENT or RESOURCE_EXHAUSTED for
   * what exceeds a limit; UNAVAILABLE when the connection ends. `disposition` tells whether the handler may have run.
   */
  request<R = unknown>(method: string, payload?: unknown, options: CallOptions = NO_OPTIONS): Promise<R> {
    return (this.#calls ?? this.#engine.parts.requester).request(method, payload, options) as Promise<R>;
  }

  /**
   * Call a method of the peer whose answer is a sequence: read it by `for await`; leaving the loop stops the peer's handler. Never
   * throws: reading tells why a call cannot begin, or failed. A method with one answer gives a sequence of one.
   */
  requestStream<R = unknown>(method: string, payload?: unknown, options: CallOptions = NO_OPTIONS): ResponseStream<R> {
    return (this.#calls ?? this.#engine.parts.streamRequester).open(method, options, {
      item: payload,
    }) as ResponseStream<R>;
  }

  /** Call a method of the peer with a sequence of items, and read those it answers. Never throws, as {@link requestStream}. */
  requestChannel<In = unknown, Out = unknown>(method: string, options: CallOptions = NO_OPTIONS): Channel<In, Out> {
    return (this.#calls ?? this.#engine.parts.streamRequester).open(method, options) as Channel<In, Out>;
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
      return sendPush(this.#behavior.pushes, name, payload, (value) => this.#emit(name, value, volatile));
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
    const { mayReconnect = false, awaitStreams = mayReconnect } = options;
    const { code = mayReconnect ? ConnectionCode.GOING_AWAY : ConnectionCode.NO_ERROR } = options;
    const graceMs = checkedGraceMs(options.graceMs ?? this.#behavior.limits.closeGraceMs);
    if (this.#lost !== undefined) this.#end(this.#closedHere(code, reason));
    else {
      this.#isClosing = true;
      void this.#engine.close({ reason, code, graceMs, awaitStreams });
    }
    return this.closed;
  }

  /** @internal What makes calls past all interceptors, and lets things in, on the connection there is now. */
  get direct(): Engine<Session> {
    return this.#engine;
  }

  /** @internal For broadcasts: nobody waits, and a session that does not keep up is closed as too slow. Never throws. */
  emitEncoded(name: string, payload: Uint8Array | EncodedValue, volatile: boolean): void {
    if (this.#lost === undefined) return this.#engine.emitEncoded(name, payload, volatile);
    // Nobody is told of a failure, neither here nor while there is a connection.
    if (!volatile) void this.#engine.parts.eventSender.emit(name, payload).catch(() => {});
  }

  /** @internal As {@link Connection.migrate}, of the connection there is now. */
  migrate(): Promise<void> {
    return this.#connection.migrate();
  }

  /** @internal Be told when the peer goes away, before the session ends. */
  set onGoingAway(onGoingAway: () => void) {
    this.#onGoingAway = onGoingAway;
  }

  /** @internal Let the peer's calls, events and streams in, those that waited first. Called once the connect hooks have run. */
  open(): void {
    if (this.#ended === undefined) this.#behavior.members?.admit(this);
    this.#isOpen = true;
    this.#engine.open();
  }

  /** @internal Turn the peer away instead of {@link open}: the connection closes with the error's code and message. */
  refuse(error: EchoStreamError): Promise<CloseReason> {
    return this.#connection.close(ConnectionCode.REFUSED, `${error.code}: ${error.message}`);
  }

  /** @internal Be told what the peer says about itself, instead of what a session does by itself: refuse to resume another. */
  onPeerSettings: ((settings: Settings) => void) | undefined;

  /** @internal Resolves when the connection of now is gone, whether the session goes on or not. */
  get connectionClosed(): Promise<CloseReason> {
    return this.#connection.closed;
  }

  /** @internal Whether its connect hooks have let it in. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @internal Whether it waits to be resumed. */
  get isDetached(): boolean {
    return this.#lost !== undefined && this.#ended === undefined;
  }

  /** @internal The token by which a client comes back to this session, once its server has given one. */
  get token(): Uint8Array | undefined {
    return this.#token;
  }

  /** @internal Events the peer may say it has seen last: from the last acknowledged to the last sent. */
  get resumableEvents(): { readonly first: number; readonly last: number } {
    const { eventSender } = this.#engine.parts.made;
    return { first: eventSender?.acked ?? 0, last: eventSender?.sent ?? 0 };
  }

  /** @internal The last event that was seen here. */
  get lastEventSeen(): number {
    return this.#engine.parts.made.eventReceiver?.received ?? 0;
  }

  /** @internal The peer does not come back to sessions: this one ends with its connection. */
  endWithConnection(): void {
    this.#resume = undefined;
    this.#engine.parts.keepNoEvents();
  }

  /** @internal Let go of a connection that still lives, because its peer comes back with another. */
  supersede(): void {
    if (this.#lost !== undefined) return;
    this.#detach(this.#closedHere(ConnectionCode.NO_ERROR, SUPERSEDED));
    void this.#connection.close(ConnectionCode.NO_ERROR, SUPERSEDED);
  }

  /** @internal What answers to a resume token, and confirmations, are passed to. */
  set onResume(onResume: ((resumed: Resumed) => void) | undefined) {
    this.#engine.onResume = onResume;
  }

  /** @internal Answer a resume token, or confirm the answer. */
  sendResumed(resumed: boolean, eventSequence: number): void {
    this.#engine.sendResumed({ resumed, eventSequence });
  }

  /** @internal Call back after so many milliseconds, unless the function returned is called before. */
  after(delayMs: number, onExpired: () => void): () => void {
    const { timers } = this.#connection;
    const deadline = new CallbackDeadline(onExpired);
    timers.add(deadline, delayMs);
    return () => timers.remove(deadline);
  }

  /** @internal Close the connection of a session that has not begun. */
  abandon(code: number, reason: string): void {
    void this.#connection.close(code, reason);
  }

  /** @internal Go on with the connection of `fresh`, no session of its own then; the peer has seen events up to `seenByPeer`. */
  takeOver(fresh: Session, seenByPeer: number): void {
    const { eventSender, eventReceiver } = this.#engine.parts;
    const control = fresh.#engine.handOver();
    if (this.#deadline !== undefined) this.#connection.timers.remove(this.#deadline);
    this.#connection = fresh.#connection;
    this.#token = fresh.#token;
    this.#lost = undefined;
    const carried = { eventSender, eventReceiver, control, seenByPeer };
    this.#engine = this.#wired(new Engine<Session>(this.#connection, this, this.#options, carried));
    this.#engine.open();
  }

  #wired(engine: Engine<Session>): Engine<Session> {
    engine.onEnded = (reason) => {
      // One that was superseded has no say any more.
      if (engine !== this.#engine || this.#lost !== undefined) return;
      // A client has no way back before its server has given it one.
      const hasWayBack = this.#context !== undefined || this.#token !== undefined;
      const isWanted = this.#resume !== undefined && this.#isOpen && !this.#isClosing;
      if (isWanted && hasWayBack && isAbrupt(reason)) this.#detach(reason);
      else this.#end(reason);
    };
    engine.onGoingAway = () => this.#onGoingAway?.();
    engine.onPeerSettings = (settings) => this.#onSettings(settings);
    engine.onTooManyEvents = () => this.#end(this.#closedHere(ConnectionCode.TOO_SLOW, "Too many events wait"));
    return engine;
  }

  #onSettings(settings: Settings): void {
    if (this.onPeerSettings !== undefined) return this.onPeerSettings(settings);
    if (settings.resumeToken !== undefined) this.sendResumed(false, 0);
    // A client's session goes on if its server gives it the means.
    this.#token = settings.sessionToken;
    if (this.#token === undefined) this.endWithConnection();
  }

  #detach(reason: CloseReason): void {
    this.#lost = reason;
    this.#engine.parts.eventSender.detach();
    this.#engine.parts.eventReceiver.detach();
    const { timeoutMs } = this.#resume!;
    if (timeoutMs === undefined) return;
    this.#deadline ??= new CallbackDeadline(() => this.#end(this.#lost!));
    this.#connection.timers.add(this.#deadline, timeoutMs);
  }

  #end(reason: CloseReason): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    if (this.#deadline !== undefined) this.#connection.timers.remove(this.#deadline);
    const { eventSender, eventReceiver } = this.#engine.parts.made;
    eventSender?.end(reason.error);
    eventReceiver?.end();
    this.#calls?.end(reason.error);
    this.#behavior.members?.forget(this);
    this.#controller?.abort(reason.error);
    this.#resolveClosed(reason);
  }

  #emit(name: string, payload: unknown, volatile: boolean): Promise<void> {
    if (this.#ended !== undefined) return quietRejection(this.#ended.error);
    if (this.#lost === undefined) return this.#engine.emit(name, payload, volatile);
    // Volatile events sent while there is no connection are lost, as any may be.
    return volatile ? Promise.resolve() : this.#engine.parts.eventSender.emit(name, payload);
  }

  #closedHere(code: number, reason: string): CloseReason {
    return closeReason({ by: "local", application: true, code, reason }, this.peerAddr());
  }

  #members(): Members {
    const { members } = this.#behavior;
    if (members === undefined) throw new TypeError("A client's session has no rooms, its server does");
    return members;
  }
}

const NO_OPTIONS: CallOptions & EmitOptions = {};
const SUPERSEDED = "The session goes on with another connection";
