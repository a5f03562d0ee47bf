/**
 * Defaults and bounds of the transport and of what one connection may hold, from the table of limits in `docs/security.md`.
 *
 * @module
 */

import { StreamCode } from "../protocol/error.ts";
import { type TransportOptions } from "./transport.ts";

/** Transport settings a user may change; every field has a default. */
export type TransportTuning = {
  readonly [Name in Exclude<keyof TransportOptions, "messageStreamKind" | "expiredStreamCode">]?:
    TransportOptions[Name];
};

/** What one connection may hold and how long it may take; every field has a default. */
export interface ConnectionLimits {
  /** Largest message a peer may send, in bytes. Default 1 MiB. Crossing it ends the call, not the connection. */
  readonly maxMessageBytes: number;
  /** Inbound bytes held for this connection, half-sent messages included. Default 16 MiB. */
  readonly maxInboundBytes: number;
  /** Outbound bytes queued before more must wait: of messages and events, and as many of all streams together. Default 4 MiB. */
  readonly maxOutboundBytes: number;
  /** Outbound bytes queued for one stream before `write` returns false. Default 256 KiB. */
  readonly maxOutboundStreamBytes: number;
  /** A peer that takes nothing for this long while the outbound queue is full is cut. Default 10,000 ms. */
  readonly outboundStallTimeoutMs: number;
  /** A stream whose header is incomplete this long after its first byte is stopped. Default 10,000 ms. */
  readonly headerTimeoutMs: number;
}

/** Defaults of {@link ConnectionLimits}. */
export const DEFAULT_CONNECTION_LIMITS: ConnectionLimits = {
  maxMessageBytes: 1024 * 1024,
  maxInboundBytes: 16 * 1024 * 1024,
  maxOutboundBytes: 4 * 1024 * 1024,
  maxOutboundStreamBytes: 256 * 1024,
  outboundStallTimeoutMs: 10_000,
  headerTimeoutMs: 10_000,
};

/** Defaults of the transport, apart from the kind byte, which belongs to the protocol. */
export const DEFAULT_TRANSPORT_TUNING: Required<TransportTuning> = {
  idleTimeoutMs: 30_000,
  keepAliveIntervalMs: 10_000,
  handshakeTimeoutMs: 10_000,
  maxBidirectionalStreams: 1_024,
  maxUnidirectionalStreams: 1_024,
  streamWindowBytes: 256 * 1024,
  // What streaming calls that nobody reads keep of the connection's window: hundreds of them leave room for all else.
  bidirectionalStreamWindowBytes: 64 * 1024,
  maxStreamWindowBytes: 4 * 1024 * 1024,
  // Twice what streams that nobody reads may hold before they hold up all others: quiche announces more when half of it was read.
  // For the same reason as large from the start as it gets.
  connectionWindowBytes: 32 * 1024 * 1024,
  maxConnectionWindowBytes: 32 * 1024 * 1024,
  congestionControl: "bbr2",
  // A packet full of messages (16 KiB on loopback) arrives in one piece, and 1,024 unidirectional streams nobody has granted more
  // to hold 16 MiB at most, which is what a connection may hold inbound.
  initialCreditBytes: 16 * 1024,
  keyLogFile: "",
  qlogFolder: "",
  earlyData: false,
  activeMigration: true,
};

/**
 * Complete transport options from what the user gave.
 * @throws {RangeError} when a value is out of its range, naming it.
 * @throws {TypeError} when there is no such option.
 */
export function transportOptions(tuning: TransportTuning, messageStreamKind: number): TransportOptions {
  for (const name of Object.keys(tuning)) {
    if (!Object.hasOwn(DEFAULT_TRANSPORT_TUNING, name)) throw new TypeError(`There is no tuning called "${name}"`);
  }
  const options: TransportOptions = {
    ...DEFAULT_TRANSPORT_TUNING,
    ...defined(tuning),
    bidirectionalStreamWindowBytes: tuning.bidirectionalStreamWindowBytes ?? Math.min(
      DEFAULT_TRANSPORT_TUNING.bidirectionalStreamWindowBytes,
      tuning.maxStreamWindowBytes ?? Infinity,
    ),
    messageStreamKind,
    expiredStreamCode: StreamCode.EXPIRED,
  };
  for (const [name, minimum, maximum] of TRANSPORT_RANGES) checkRange(name, options[name], minimum, maximum);
  if (!CONGESTION_CONTROLS.includes(options.congestionControl)) {
    throw new RangeError(
      `congestionControl is ${String(options.congestionControl)}, expected ${CONGESTION_CONTROLS.join(", ")}`,
    );
  }
  for (const name of ["keyLogFile", "qlogFolder"] as const) {
    if (typeof options[name] !== "string") throw new TypeError(`${name} is ${typeof options[name]}, expected a path`);
  }
  for (const name of ["earlyData", "activeMigration"] as const) {
    if (typeof options[name] !== "boolean") {
      throw new TypeError(`${name} is ${String(options[name])}, expected true or false`);
    }
  }
  for (const name of ["streamWindowBytes", "bidirectionalStreamWindowBytes"] as const) {
    checkRange(name, options[name], 1, options.maxStreamWindowBytes);
  }
  checkRange("connectionWindowBytes", options.connectionWindowBytes, 1, options.maxConnectionWindowBytes);
  return options;
}

/**
 * Complete limits from what the user gave.
 * @throws {RangeError} when a value is out of its range, naming it.
 */
export function connectionLimits(limits: Partial<ConnectionLimits>): ConnectionLimits {
  const complete: ConnectionLimits = { ...DEFAULT_CONNECTION_LIMITS, ...defined(limits) };
  checkRange("maxMessageBytes", complete.maxMessageBytes, 1, MAX_MESSAGE_BYTES);
  // Smaller, and a message of the largest size could never be granted its bytes.
  checkRange("maxInboundBytes", complete.maxInboundBytes, complete.maxMessageBytes, Number.MAX_SAFE_INTEGER);
  checkRange("maxOutboundBytes", complete.maxOutboundBytes, 1, Number.MAX_SAFE_INTEGER);
  checkRange("maxOutboundStreamBytes", complete.maxOutboundStreamBytes, 1, Number.MAX_SAFE_INTEGER);
  checkRange("outboundStallTimeoutMs", complete.outboundStallTimeoutMs, 1, MAX_DURATION_MS);
  checkRange("headerTimeoutMs", complete.headerTimeoutMs, 1, MAX_DURATION_MS);
  return complete;
}

/** `values` without the fields that are `undefined`, which would hide a default in a spread. */
function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function checkRange(name: string, value: number, minimum: number, maximum: number): void {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return;
  throw new RangeError(`${name} is ${value}, expected a whole number from ${minimum} to ${maximum}`);
}

/** Longest span that is still plausible: a day. */
const MAX_DURATION_MS = 86_400_000;
/** A length beyond this does not fit the 32-bit lengths of the native rings. */
const MAX_MESSAGE_BYTES = 0x7fffffff;
/** QUIC counts streams below 2^60 (RFC 9000 §4.6); more than a million in parallel is a mistake. */
const MAX_STREAMS = 1_000_000;

type TextOption = "congestionControl" | "keyLogFile" | "qlogFolder";
type NumericOption = Exclude<
  keyof TransportOptions,
  TextOption | "earlyData" | "activeMigration" | "expiredStreamCode"
>;

const TRANSPORT_RANGES: readonly (readonly [name: NumericOption, minimum: number, maximum: number])[] = [
  ["idleTimeoutMs", 1, MAX_DURATION_MS],
  ["keepAliveIntervalMs", 0, MAX_DURATION_MS],
  ["handshakeTimeoutMs", 1, MAX_DURATION_MS],
  ["maxBidirectionalStreams", 0, MAX_STREAMS],
  // The control, event and message streams of the protocol need some.
  ["maxUnidirectionalStreams", 3, MAX_STREAMS],
  ["maxStreamWindowBytes", 1_024, 0x7fffffff],
  ["maxConnectionWindowBytes", 1_024, 0x7fffffff],
  ["initialCreditBytes", 64, 0x7fffffff],
  ["messageStreamKind", 0, 0x3f],
];

const CONGESTION_CONTROLS: readonly TransportOptions["congestionControl"][] = ["bbr2", "cubic", "reno"];
