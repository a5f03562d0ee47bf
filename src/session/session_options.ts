/**
 * What a session is made with by its endpoint, and how it is closed.
 *
 * @module
 */

import type { ProcessAdmission } from "../rpc/admission.ts";
import type { InterceptorOf } from "../rpc/interceptor.ts";
import type { Limits } from "../rpc/limits.ts";
import type { Listeners } from "../rpc/listeners.ts";
import type { Router } from "../rpc/router.ts";
import type { StandardSchemaV1 } from "../rpc/schema.ts";
import type { Session } from "../session.ts";
import type { StreamHandlers } from "../stream/stream_handlers.ts";
import type { Logger } from "../trace.ts";
import type { Members } from "./members.ts";

/** What a session does with what its peer sends; the same for all sessions of a server or client. */
export interface SessionBehavior {
  /** Answers calls. */
  readonly router: Router<Session>;
  /** Around every call that is made, the first of them outermost. Default none. */
  readonly outgoing?: readonly InterceptorOf<Session>[] | undefined;
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
  /**
   * Of a server's session: tell the client that it may come back, to whoever serves its address then, as at a shutdown. From now on
   * it keeps new calls for that. Default false: a session that is closed on purpose is not made again.
   */
  readonly mayReconnect?: boolean;
  /** Code the peer sees (docs/protocol.md, "Connection codes"). Default GOING_AWAY where it may reconnect, otherwise NO_ERROR. */
  readonly code?: number;
  /** Wait also for media streams the peer has not ended. Default: where it may reconnect. */
  readonly awaitStreams?: boolean;
}
