/**
 * Settings with defaults that a server and a client share, and the complete values behind them.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import {
  type ConnectionLimits,
  connectionLimits,
  transportOptions,
  type TransportTuning,
} from "../connection/options.ts";
import type { Transport, TransportOptions } from "../connection/transport.ts";
import { StreamKind } from "../protocol/stream_header.ts";
import { ProcessAdmission } from "../rpc/admission.ts";
import type { InterceptorOf } from "../rpc/interceptor.ts";
import { DEFAULT_LIMITS, type Limits } from "../rpc/limits.ts";
import type { Listeners } from "../rpc/listeners.ts";
import type { Router } from "../rpc/router.ts";
import type { StandardSchemaV1 } from "../rpc/schema.ts";
import type { Members } from "./members.ts";
import type { Session } from "../session.ts";
import type { ResumeOptions } from "./resume.ts";
import type { SessionBehavior } from "./session_options.ts";
import type { StreamHandlers } from "../stream/stream_handlers.ts";
import { TimerQueue } from "../timer_queue.ts";
import { consoleLogger, type Logger } from "../trace.ts";

/** Settings of a server or client; all have defaults. */
export interface EndpointOptions {
  /** What a peer may ask for. Defaults: docs/security.md. */
  readonly limits?: Partial<Limits & ConnectionLimits>;
  /**
   * Whether a session goes on when its connection breaks and its client comes back: id, store, rooms and listeners stay, and events that had
   * not arrived are sent again. Both ends have to want it. Default: false at a server, true at a client that reconnects.
   */
  readonly resume?: ResumeOptions | boolean;
  /** Windows, timers and congestion control of QUIC. */
  readonly tuning?: TransportTuning;
  /** Carries the connections. Default: QUIC by the native addon, loaded when it is first needed. */
  readonly transport?: Transport;
  /** Time and timers. Default: the system's. */
  readonly clock?: Clock;
  /** Where records go. Default: warnings and errors to the console. */
  readonly log?: Logger;
}

/** What a session's peer may reach. */
export interface Offer {
  readonly router: Router<Session>;
  /** Around every call that is made. */
  readonly outgoing: readonly InterceptorOf<Session>[];
  readonly listeners: Listeners<Session>;
  readonly streams: StreamHandlers<Session>;
  /** Schemas of events sent, by name. */
  readonly pushes: ReadonlyMap<string, StandardSchemaV1>;
  /** Whom broadcasts reach; `undefined` at a client. */
  readonly members?: Members | undefined;
}

/** {@link EndpointOptions} with every default filled in. */
export interface EndpointSettings {
  readonly behavior: SessionBehavior;
  readonly transportOptions: TransportOptions;
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly log: Logger;
}

/**
 * Fill in the defaults.
 * @throws {RangeError} when an option is out of range, naming it.
 * @throws {TypeError} when a limit does not exist.
 */
export function endpointSettings(options: EndpointOptions, offer: Offer): EndpointSettings {
  const { limits = {}, tuning = {}, clock = systemClock, log = consoleLogger } = options;
  const known: object = { ...DEFAULT_LIMITS, ...connectionLimits({}) };
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(known, name)) throw new TypeError(`There is no limit called "${name}"`);
    if (value !== undefined && !(Number.isInteger(value) && value >= 0)) {
      throw new RangeError(`Limit ${name} is ${String(value)}, expected a whole number`);
    }
  }
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)) as Partial<
    Limits & ConnectionLimits
  >;
  return {
    behavior: { ...offer, limits: { ...DEFAULT_LIMITS, ...given }, admission: PROCESS_ADMISSION, log },
    transportOptions: transportOptions(tuning, StreamKind.MESSAGES),
    limits: connectionLimits(pick(given, Object.keys(connectionLimits({})))),
    clock,
    timers: new TimerQueue(clock),
    log,
  };
}

/** Join two sets of options: later ones win, limits and tuning field by field. */
export function mergeOptions<O extends EndpointOptions>(earlier: O, later: O): O {
  return {
    ...earlier,
    ...later,
    limits: { ...earlier.limits, ...later.limits },
    tuning: { ...earlier.tuning, ...later.tuning },
  };
}

function pick<T extends object>(values: T, names: readonly string[]): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name))) as Partial<T>;
}

/** Handlers running in this process, whichever server or client they belong to. */
const PROCESS_ADMISSION = new ProcessAdmission();
