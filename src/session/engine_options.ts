/**
 * What the engine of a session is given: by its endpoint, by whoever closes it, and by the engine before it when a session goes on.
 *
 * @module
 */

import { Feature, FLOOR_SETTINGS, type Settings } from "../protocol/settings.ts";
import type { ProcessAdmission } from "../rpc/admission.ts";
import type { EventReceiver } from "../rpc/event_receiver.ts";
import type { EventSender } from "../rpc/event_sender.ts";
import type { Limits, PeerLimits } from "../rpc/limits.ts";
import type { Listeners } from "../rpc/listeners.ts";
import type { ReplayLimits } from "../rpc/replay_buffer.ts";
import type { Router } from "../rpc/router.ts";
import type { StreamHandlers } from "../stream/stream_handlers.ts";
import type { Logger } from "../trace.ts";
import type { ControlReceiver } from "./control_receiver.ts";
import type { ControlSender } from "./control_sender.ts";

/** What an engine does with what the peer sends. `C` is what handlers get as their context. */
export interface EngineOptions<C> {
  readonly router: Router<C>;
  readonly listeners: Listeners<C>;
  readonly streams: StreamHandlers<C>;
  readonly limits: Limits;
  readonly admission: ProcessAdmission;
  readonly log: Logger;
  /** What SETTINGS say besides limits. */
  readonly announce?: Partial<Settings> | undefined;
  /** What is kept of events for another connection. */
  readonly replay?: ReplayLimits | undefined;
}

/** The control streams of a connection, and what the peer has said on its own: they go on when another engine takes over. */
export interface ControlStreams {
  readonly sender: ControlSender;
  readonly receiver: ControlReceiver;
  readonly peer: PeerLimits;
}

/** What a session brings along to another connection. */
export interface CarriedOver<C> {
  readonly eventSender: EventSender;
  readonly eventReceiver: EventReceiver<C>;
  /** Of the new connection. */
  readonly control: ControlStreams;
  /** The last event the peer has seen. */
  readonly seenByPeer: number;
}

/** How a session is to be closed. */
export interface ClosePlan {
  readonly reason: string;
  readonly code: number;
  readonly graceMs: number;
  /** Wait also for media streams the peer has not ended. */
  readonly awaitStreams: boolean;
}

/** What SETTINGS can say: limits are never below the floor there, however strict this end is. */
export function announced(limits: Limits, more: Partial<Settings> = {}): Partial<Settings> {
  return {
    ...more,
    maxMessageBytes: Math.max(limits.maxMessageBytes, FLOOR_SETTINGS.maxMessageBytes),
    maxMetadataBytes: Math.max(limits.maxMetadataBytes, FLOOR_SETTINGS.maxMetadataBytes),
    maxMetadataEntries: Math.max(limits.maxMetadataEntries, FLOOR_SETTINGS.maxMetadataEntries),
    features: Feature.STREAMING_CALLS | (more.features ?? 0),
  };
}
