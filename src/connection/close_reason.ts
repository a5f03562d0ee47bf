/**
 * Why a connection ended, in words: from the codes of QUIC, TLS and the protocol to what pending work fails with.
 *
 * @module
 */

import { ConnectionCode, connectionCodeName, EchoStreamError, ErrorCode, isStatus } from "../protocol/error.ts";
import { peerText } from "../trace.ts";
import { type TransportClose } from "./transport.ts";

/** How and why a connection ended. */
export interface CloseReason {
  /**
   * Who ended it; `"timeout"` is the idle timeout, `"handshake"` a connection that never was established, `"reset"` a peer that does
   * not know the connection any more: its program was started anew, say.
   */
  readonly by: TransportClose["by"];
  /** Connection code of docs/protocol.md when `application` is true, otherwise an error code of QUIC (RFC 9000 §20.1). */
  readonly code: number;
  /** Whether `code` belongs to the application. */
  readonly application: boolean;
  /** Name of `code`, e.g. `"PROTOCOL_VIOLATION"`, or `"0x2a"` when it has none. */
  readonly codeName: string;
  /** What the one who closed says, control characters escaped, at most 256 characters; may be empty. */
  readonly reason: string;
  /** What work that was pending fails with. */
  readonly error: EchoStreamError;
}

/** Read what the transport reported about the connection to `peer`, an address to name in messages. */
export function closeReason(close: TransportClose, peer: string): CloseReason {
  const reason = peerText(close.reason);
  const codeName = nameOf(close);
  const message = describe(close, peer, codeName) + (reason === "" ? "" : `: ${reason}`);
  const error = new EchoStreamError(statusOf(close), message, { remote: close.by === "remote" });
  return { by: close.by, code: close.code, application: close.application, codeName, reason, error };
}

/** Whether TLS refused the connection: another attempt would be refused as well. */
export function isTlsRefusal(close: TransportClose | CloseReason): boolean {
  return !close.application && close.code >= CRYPTO_ERROR && close.code <= CRYPTO_ERROR + 0xff;
}

/** Whether the peer wants no session with this one, for a status that begins the reason. */
export function isRefusal(close: TransportClose | CloseReason): boolean {
  return close.application && close.code === ConnectionCode.REFUSED;
}

function describe(close: TransportClose, peer: string, codeName: string): string {
  if (isTlsRefusal(close)) return `TLS with ${peer} failed (${codeName})`;
  switch (close.by) {
    case "local":
      return close.code === 0
        ? `Connection to ${peer} was closed here`
        : `Connection to ${peer} was closed here with ${codeName}`;
    case "remote":
      return close.code === 0 ? `${peer} closed the connection` : `${peer} closed the connection with ${codeName}`;
    case "timeout":
      return `Connection to ${peer} timed out, nothing was heard from it`;
    case "handshake":
      return `No connection to ${peer}`;
    case "reset":
      return `Connection to ${peer} was reset`;
  }
}

function statusOf(close: TransportClose): ErrorCode {
  if (isRefusal(close)) {
    const [status = ""] = close.reason.split(":", 1);
    if (isStatus(status as ErrorCode)) return status as ErrorCode;
  }
  if (isTlsRefusal(close)) {
    return close.code === NO_APPLICATION_PROTOCOL ? ErrorCode.FAILED_PRECONDITION : ErrorCode.UNAUTHENTICATED;
  }
  return ErrorCode.UNAVAILABLE;
}

function nameOf(close: TransportClose): string {
  if (close.by === "timeout") return "IDLE_TIMEOUT";
  if (close.by === "reset") return "STATELESS_RESET";
  if (close.application) return connectionCodeName(close.code) ?? hexadecimal(close.code);
  if (isTlsRefusal(close)) {
    return TLS_ALERT_NAMES[close.code - CRYPTO_ERROR] ?? `TLS alert ${close.code - CRYPTO_ERROR}`;
  }
  if (close.by === "handshake" && close.code === 0) return "HANDSHAKE_FAILED";
  return QUIC_CODE_NAMES[close.code] ?? hexadecimal(close.code);
}

function hexadecimal(code: number): string {
  return `0x${code.toString(16)}`;
}

/** First of the codes that carry a TLS alert (RFC 9001 §4.8). */
const CRYPTO_ERROR = 0x100;
/** The peer does not speak our ALPN (RFC 7301 §3.2). */
const NO_APPLICATION_PROTOCOL = CRYPTO_ERROR + 120;

/** RFC 9000 §20.1, by code. */
const QUIC_CODE_NAMES: readonly string[] = [
  "NO_ERROR",
  "INTERNAL_ERROR",
  "CONNECTION_REFUSED",
  "FLOW_CONTROL_ERROR",
  "STREAM_LIMIT_ERROR",
  "STREAM_STATE_ERROR",
  "FINAL_SIZE_ERROR",
  "FRAME_ENCODING_ERROR",
  "TRANSPORT_PARAMETER_ERROR",
  "CONNECTION_ID_LIMIT_ERROR",
  "PROTOCOL_VIOLATION",
  "INVALID_TOKEN",
  "APPLICATION_ERROR",
  "CRYPTO_BUFFER_EXCEEDED",
  "KEY_UPDATE_ERROR",
  "AEAD_LIMIT_REACHED",
  "NO_VIABLE_PATH",
];

/** RFC 8446 §6, by alert. */
const TLS_ALERT_NAMES: Readonly<Record<number, string>> = {
  40: "handshake_failure",
  42: "bad_certificate",
  43: "unsupported_certificate",
  44: "certificate_revoked",
  45: "certificate_expired",
  46: "certificate_unknown",
  47: "illegal_parameter",
  48: "unknown_ca",
  49: "access_denied",
  50: "decode_error",
  51: "decrypt_error",
  70: "protocol_version",
  80: "internal_error",
  109: "missing_extension",
  112: "unrecognized_name",
  116: "certificate_required",
  120: "no_application_protocol",
};
