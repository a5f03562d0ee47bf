/**
 * What a session counts.
 *
 * @module
 */

import type { ConnectionStats } from "../connection/connection.ts";
import type { Session } from "../session.ts";
import type { Engine } from "./engine.ts";

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
  /** The connection of now, or the last one. */
  readonly connection: ConnectionStats;
}

/** Counters of the session an engine runs; those of calls and streams start over when it goes on with another connection. */
export function statsOf(engine: Engine<Session>, connection: ConnectionStats): SessionStats {
  const {
    requester,
    streamRequester,
    slots,
    eventSender,
    volatileSender,
    eventReceiver,
    outgoingStreams,
    incomingStreams,
  } = engine.parts.made;
  return {
    requestsSent: (requester?.sent ?? 0) + (streamRequester?.sent ?? 0),
    requestsPending: engine.parts.pendingCalls,
    callsReceived: slots.received,
    callsRunning: slots.running,
    callsRefused: slots.refused,
    eventsSent: eventSender?.sent ?? 0,
    eventsUnacked: eventSender?.unacked ?? 0,
    eventsUnheard: eventSender?.unheard ?? 0,
    eventsReceived: eventReceiver?.received ?? 0,
    eventsIgnored: eventReceiver?.ignored ?? 0,
    eventsDropped: eventReceiver?.dropped ?? 0,
    volatileEventsSent: volatileSender?.sent ?? 0,
    volatileEventsReceived: eventReceiver?.volatileReceived ?? 0,
    streamsOpened: outgoingStreams?.opened ?? 0,
    streamsReceived: incomingStreams?.received ?? 0,
    streamsIgnored: incomingStreams?.ignored ?? 0,
    connection,
  };
}
