/**
 * The one error class, the statuses a call can end with, and the codes that close connections and streams.
 * Statuses are the 16 gRPC codes (https://grpc.github.io/grpc/core/md_doc_statuscodes.html), with their numbers.
 * Spec: docs/protocol.md, "Statuses" and "Codes".
 *
 * @module
 */

import type { Metadata } from "./metadata.ts";

/** Status a call ended with. OK has no entry: it is not an error. */
export const ErrorCode = {
  /** The caller gave up. */
  CANCELLED: "CANCELLED",
  /** The peer failed and did not say how. */
  UNKNOWN: "UNKNOWN",
  /** The request is malformed or does not match the schema; sending it again cannot help. */
  INVALID_ARGUMENT: "INVALID_ARGUMENT",
  /** The deadline passed before the answer came. */
  DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
  /** What was asked for does not exist. */
  NOT_FOUND: "NOT_FOUND",
  /** What was to be created exists. */
  ALREADY_EXISTS: "ALREADY_EXISTS",
  /** The caller is known and not allowed. */
  PERMISSION_DENIED: "PERMISSION_DENIED",
  /** A limit or quota was reached. */
  RESOURCE_EXHAUSTED: "RESOURCE_EXHAUSTED",
  /** The system is not in the state the call needs. */
  FAILED_PRECONDITION: "FAILED_PRECONDITION",
  /** A conflict with other work; may be tried again at a higher level. */
  ABORTED: "ABORTED",
  /** Past the valid range, where a later state may make it valid. */
  OUT_OF_RANGE: "OUT_OF_RANGE",
  /** The peer has no such method, event, stream or encoding. */
  UNIMPLEMENTED: "UNIMPLEMENTED",
  /** The handler failed; details are in the peer's log. */
  INTERNAL: "INTERNAL",
  /** The peer cannot be reached or is going away; another attempt may succeed. */
  UNAVAILABLE: "UNAVAILABLE",
  /** Data is lost or corrupt and cannot be recovered. */
  DATA_LOSS: "DATA_LOSS",
  /** The caller is not known. */
  UNAUTHENTICATED: "UNAUTHENTICATED",
} as const;

/** Name of a status other than OK. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** Application codes of CONNECTION_CLOSE (RFC 9000 §19.19). Disjoint from {@link StreamCode} to keep logs unambiguous. */
export const ConnectionCode = {
  /** Orderly end: everything owed was done. */
  NO_ERROR: 0x00,
  /** The peer broke docs/protocol.md. */
  PROTOCOL_VIOLATION: 0x01,
  /** The peer crossed a limit that ends the connection. */
  LIMIT_EXCEEDED: 0x02,
  /** This end failed. */
  INTERNAL_ERROR: 0x03,
  /** This end shuts down; follows GOAWAY. */
  GOING_AWAY: 0x04,
  /** This end does not want the connection, e.g. an `onConnect` hook refused it. */
  REFUSED: 0x05,
  /** The peer read nothing for too long. */
  TOO_SLOW: 0x06,
} as const;

/** Name of a connection code. */
export type ConnectionCodeName = keyof typeof ConnectionCode;

/** Application codes of RESET_STREAM and STOP_SENDING (RFC 9000 §19.4, §19.5). */
export const StreamCode = {
  /** Whoever asked for the work no longer wants it. */
  CANCELLED: 0x20,
  /** The first bytes name a kind of stream this end does not know. */
  UNKNOWN_KIND: 0x21,
  /** Nobody here takes this stream; the reason travels in a STREAM_STATUS or an answer. */
  REFUSED: 0x22,
  /** A limit of this stream was crossed. */
  LIMIT_EXCEEDED: 0x23,
  /** First byte, header or reader came too late. */
  TIMED_OUT: 0x24,
  /** The content is older than its `maxLatencyMs`. */
  EXPIRED: 0x25,
  /** The end that sends this failed. */
  INTERNAL_ERROR: 0x26,
  /** The session ended first. */
  SESSION_CLOSED: 0x27,
} as const;

/** How far a failed call got. Only `notProcessed` may be retried without knowing the method is idempotent. */
export type Disposition = "notProcessed" | "perhapsProcessed" | "processed";

/** One finding of a validator, as Standard Schema reports it, with the path flattened to keys. */
export interface Issue {
  /** What is wrong, for people. */
  readonly message: string;
  /** Where, from the root of the value. */
  readonly path?: readonly (string | number)[];
}

/** What {@link EchoStreamError.code} can be: a status, or the name of the code that closed the connection. */
export type EchoStreamErrorCode = ErrorCode | ConnectionCodeName;

/** The optional parts of an {@link EchoStreamError}. */
export interface EchoStreamErrorOptions {
  /** The error underneath. Stays on this machine. */
  readonly cause?: unknown;
  /** True when the peer reported it. Default false. */
  readonly remote?: boolean;
  /** The method that failed, where the peer reported it. */
  readonly method?: string | undefined;
  /** How far the call got. */
  readonly disposition?: Disposition | undefined;
  /** The application's own name for the error, e.g. `OutOfStock`. */
  readonly errorName?: string | undefined;
  /** The application's own details. */
  readonly data?: unknown;
  /** Findings of a validator. */
  readonly issues?: readonly Issue[] | undefined;
  /** Metadata that came with, or goes with, the failure. */
  readonly metadata?: Metadata | undefined;
}

/** Anything the network or the peer can cause. Mistakes of the caller are `TypeError` and `RangeError`. */
export class EchoStreamError extends Error {
  /** Always the same, for logs and for checks across realms. */
  override readonly name = "EchoStreamError";
  /** What happened; compare this, never the message. */
  readonly code: EchoStreamErrorCode;
  /** True when the peer reported it, false when this end found out by itself. */
  readonly remote: boolean;
  /** The method that failed, where its callee reported it. */
  readonly method: string | undefined;
  /** How far the call got, where it is about a call. */
  readonly disposition: Disposition | undefined;
  /** The application's own name for the error. */
  readonly errorName: string | undefined;
  /** The application's own details. */
  readonly data: unknown;
  /** Findings of a validator. */
  readonly issues: readonly Issue[] | undefined;
  /** Metadata that came with the failure. */
  readonly metadata: Metadata | undefined;

  /** `message`: sentence case, no final period, names the value. */
  constructor(code: EchoStreamErrorCode, message: string, options: EchoStreamErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remote = options.remote ?? false;
    this.method = options.method;
    this.disposition = options.disposition;
    this.errorName = options.errorName;
    this.data = options.data;
    this.issues = options.issues;
    this.metadata = options.metadata;
  }
}

/** Number of status OK on the wire. */
export const STATUS_OK = 0;

/** Number of a status on the wire, 1 to 16. */
export function statusNumber(code: ErrorCode): number {
  return STATUSES.indexOf(code) + 1;
}

/** Status of a wire number, or `undefined` when it is 0 (OK) or outside the closed set. */
export function statusOf(number: number): ErrorCode | undefined {
  return STATUSES[number - 1];
}

/** True when `code` is one of the 16 statuses, which may travel in an answer; false for a connection code. */
export function isStatus(code: EchoStreamErrorCode): code is ErrorCode {
  return Object.hasOwn(ErrorCode, code);
}

/** Name of a connection code, or `undefined` when this version knows none. */
export function connectionCodeName(code: number): ConnectionCodeName | undefined {
  return CONNECTION_CODE_NAMES.get(code);
}

/** A `PROTOCOL_VIOLATION`, ready to throw: the peer broke the spec, and its connection is to be closed. */
export function protocolViolation(message: string): EchoStreamError {
  return new EchoStreamError("PROTOCOL_VIOLATION", message);
}

// In the order of gRPC's numbers, which start at 1.
const STATUSES: readonly ErrorCode[] = Object.values(ErrorCode);

const CONNECTION_CODE_NAMES: ReadonlyMap<number, ConnectionCodeName> = new Map(
  Object.entries(ConnectionCode).map(([name, code]) => [code, name as ConnectionCodeName]),
);
