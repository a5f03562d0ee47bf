/**
 * One peer: what handlers, listeners and hooks receive, and what the client builds on.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Context, type ServerContext } from "./context.ts";
import type { CloseReason, Connection } from "./connection/connection.ts";
import type { EchoStreamError } from "./protocol/error.ts";
import type { ProcessAdmission } from "./rpc/admission.ts";
import type { CallOptions } from "./rpc/call_options.ts";
import type { Limits } from "./rpc/limits.ts";
import type { Listeners } from "./rpc/listeners.ts";
import type { Router } from "./rpc/router.ts";
import type { StandardSchemaV1 } from "./rpc/schema.ts";
import type { EventName, EventPayload } from "./rpc/signature.ts";
import type { MediaSender } from "./stream/media_sender.ts";
import type { StreamHandlers } from "./stream/stream_handlers.ts";
import type { StreamOptions } from "./stream/stream_options.ts";
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
  /** Limits of calls, events and streams. */
  readonly limits: Limits;
  /** Running handlers of this process. */
  readonly admission: ProcessAdmission;
  /** Time and timers. */
  readonly clock: Clock;
  /** Where failures nobody can catch are reported. */
  readonly log: Logger;
}

/** How {@link Session.close} closes. */
export interface CloseOptions {
  /** How long what is in flight may take, in milliseconds; 0 closes at once. Default `limits.closeGraceMs`: 5,000. */
  readonly graceMs?: number;
  /** Code the peer sees (docs/protocol.md, "Connection codes"). Default NO_ERROR. */
  readonly code?: number;
}

/** Counters of one session. */
export interface SessionStats {
  /** Requests sent. */
  readonly requestsSent: number;
  /** Requests whose answer has not arrived. */
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
  /** Unguessable name of this session in this process. */
  readonly id: string = "";

  /**
   * @param connection Established or not; the session becomes its handler.
   * @param context What {@link serverCtx} returns; `undefined` at a client.
   */
  constructor(_connection: Connection, _behavior: SessionBehavior, _context?: ServerContext) {
    super();
  }

  /** Aborts when the session ends; its reason is an `EchoStreamError`. */
  get signal(): AbortSignal {
    throw new Error("in progress");
  }

  /** Resolves with the reason when the session has ended; never rejects. */
  get closed(): Promise<CloseReason> {
    throw new Error("in progress");
  }

  /** Counters so far. */
  get stats(): SessionStats {
    throw new Error("in progress");
  }

  /** Address and port of the peer, `"127.0.0.1:5000"` or `"[::1]:5000"`. */
  peerAddr(): string {
    throw new Error("in progress");
  }

  /** The store all sessions of the server share. @throws {TypeError} at a client's session. */
  serverCtx(): ServerContext {
    throw new Error("in progress");
  }

  /**
   * Call a method of the peer. `payload` is read before this returns. Bytes travel as they are and come back as bytes from a handler
   * without a schema; anything else travels as CBOR.
   * @throws {EchoStreamError} (as rejection) what the peer answered; CANCELLED, DEADLINE_EXCEEDED; INVALID_ARGUMENT or RESOURCE_EXHAUSTED for what
   * exceeds a limit; UNAVAILABLE when the connection ends. `disposition` tells whether the handler may have run.
   */
  request<R = unknown>(_method: string, _payload?: unknown, _options?: CallOptions): Promise<R> {
    throw new Error("in progress");
  }

  /**
   * Send an event; events of one session arrive in order. Resolves when flow control has accepted it, which is not yet its arrival.
   * @throws {EchoStreamError} (as rejection) INVALID_ARGUMENT when the payload does not match its schema, RESOURCE_EXHAUSTED when it is too large,
   * UNAVAILABLE when the session has ended.
   */
  emit<K extends EventName<Pushes>>(_name: K, _payload: EventPayload<Pushes, K>): Promise<void> {
    throw new Error("in progress");
  }

  /** Open a media stream to the peer's handler of that name. Resolves when it may be written to. */
  createStream(_name: string, _options?: StreamOptions): Promise<MediaSender> {
    throw new Error("in progress");
  }

  /**
   * End the session in order: new work is refused on both sides, what is in flight may finish within the grace, then the connection
   * closes. Calling it again returns the same end, sooner if the new grace is shorter. Never rejects.
   */
  close(_reason?: string, _options?: CloseOptions): Promise<CloseReason> {
    throw new Error("in progress");
  }

  /** Let the peer's calls, events and streams in, those that waited first. Called once the connect hooks have run. */
  open(): void {
    throw new Error("in progress");
  }

  /** Turn the peer away instead of {@link open}: the connection closes with the error's code and message. */
  refuse(_error: EchoStreamError): Promise<CloseReason> {
    throw new Error("in progress");
  }
}
