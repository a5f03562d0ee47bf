/**
 * The transport port: what every layer above asks of QUIC, and what QUIC tells them.
 * Implemented over real sockets by `native.ts`, over memory by `memory.ts`, and small enough for WebTransport to follow.
 * Calls go down as plain methods and never block; facts come up through a {@link ConnectionSink}, synchronously and in order.
 * Numbers name streams, so that a batch of events costs no objects.
 *
 * @module
 */

import type { AcceptOptions } from "./accept_options.ts";
import type { EndpointStats } from "./endpoint_stats.ts";
import type { PeerCertificate } from "./peer_certificate.ts";
import type { PortShare } from "./threads.ts";

/**
 * A stream of one connection. A stream the peer opened carries its QUIC id (RFC 9000 §2.1, zero or more); a stream opened here
 * carries a negative handle, because its QUIC id is chosen only when the peer's stream credit lets it leave.
 */
export type StreamId = number;

/** An IP address and port, the address without brackets. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** How the certificate of a peer is judged. */
export type Verification =
  /** The system's root certificates and the name. */
  | { readonly kind: "system" }
  /** Only these authorities (PEM) and the name. */
  | { readonly kind: "authority"; readonly pem: string }
  /** SHA-256 of the leaf certificate's DER, 32 bytes each; the name is not looked at. */
  | { readonly kind: "pin"; readonly sha256: readonly Uint8Array[] }
  /** System roots, and on a loopback address also this user's development authority. The default. */
  | { readonly kind: "development" }
  /** Nothing is verified. */
  | { readonly kind: "none" };

/** Transport parameters and timers both roles share; every field is required here, defaults live in `options.ts`. */
export interface TransportOptions {
  readonly idleTimeoutMs: number;
  /** A PING after this much silence; 0 switches keep-alive off. */
  readonly keepAliveIntervalMs: number;
  readonly handshakeTimeoutMs: number;
  readonly maxBidirectionalStreams: number;
  readonly maxUnidirectionalStreams: number;
  /** What a unidirectional stream may have on its way at first; QUIC lets it grow with the speed of its reader. */
  readonly streamWindowBytes: number;
  /** The same of a bidirectional stream: of a streaming call. */
  readonly bidirectionalStreamWindowBytes: number;
  readonly maxStreamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly maxConnectionWindowBytes: number;
  readonly congestionControl: "bbr2" | "cubic" | "reno";
  /** Bytes of each new stream of the peer that are read before anyone grants more. */
  readonly initialCreditBytes: number;
  /** First byte of the unidirectional streams that carry packed messages. */
  readonly messageStreamKind: number;
  /** Code of the RESET_STREAM that ends a stream whose lifetime is over. */
  readonly expiredStreamCode: number;
  /**
   * File that the TLS secrets of all connections are appended to, for Wireshark and the like (NSS key log format): whoever reads it can
   * read what was sent. Empty: the file that `SSLKEYLOGFILE` names in the environment, if it does.
   */
  readonly keyLogFile: string;
  /** Folder that gets a qlog file of each connection, made if need be, where the addon is built with that (docs/operations.md). Empty: none. */
  readonly qlogFolder: string;
  /**
   * Whether a client that comes back sends calls that are `idempotent` along with its first packet, without waiting a round trip for
   * the handshake (0-RTT, RFC 9001 §4.6), and whether a server takes them. Who records that packet can send it again: a process takes
   * it once, but of several that share ticket keys each may (docs/security.md). Default false.
   */
  readonly earlyData: boolean;
  /**
   * Whether a client moves its connection to another socket by itself when the address of this machine that its packets leave from
   * is another one (active migration, RFC 9000 §9), and whether a server lets its clients do so: where not, it says so in the
   * handshake (`disable_active_migration`), and follows a client's address all the same. Default true.
   */
  readonly activeMigration: boolean;
}

/** What a server needs beyond {@link TransportOptions}. */
export interface ListenOptions extends TransportOptions {
  readonly address: SocketAddress;
  /** `undefined` for a development certificate, which serves loopback peers only. */
  readonly identity: ServerIdentity | undefined;
  /** Told of clients that TLS has refused, or that have refused this server; once a second at most. */
  readonly onRefused?: ((refusal: HandshakeRefusal) => void) | undefined;
  /** Whom to let in. A network in memory lets everybody in. */
  readonly accept?: AcceptOptions;
  /** How many threads encrypt and decrypt for it. Default 1; a network in memory has none. */
  readonly threads?: number;
  /** Which of the programs (or workers) that serve the address this one is; `undefined` when there are no others. */
  readonly reusePort?: PortShare | undefined;
}

/** PEM of a certificate chain, leaf first, and of its key. */
export interface OwnCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Who a server is, and whom it asks. */
export interface ServerIdentity {
  /** Chosen by the host names in them; the first also for names that are in none. */
  readonly certificates: readonly OwnCertificate[];
  /** Whose certificates clients are asked for (PEM), and whether they have to show one. */
  readonly clientAuthority: { readonly pem: string; readonly required: boolean } | undefined;
  /** Keys of session tickets, 48 bytes each, the newest first. Default: those of the process, renewed every two days. */
  readonly ticketKeys?: readonly Uint8Array[] | undefined;
}

/** A handshake that TLS ended at a server. */
export interface HandshakeRefusal {
  readonly remote: SocketAddress;
  /** QUIC's code for the alert: 0x100 and more (RFC 9001 §4.8). */
  readonly code: number;
  readonly reason: string;
  /** How many there were since the last that was told, this one included. */
  readonly count: number;
}

/** What a client needs beyond {@link TransportOptions}. */
export interface DialOptions extends TransportOptions {
  readonly address: SocketAddress;
  /** Name (or IP literal) for SNI and verification. */
  readonly serverName: string;
  readonly verification: Verification;
  /** Shown to a server that asks. */
  readonly certificate?: OwnCertificate | undefined;
  /** What {@link ConnectionSink.onTicket} was given before. One that cannot be used is passed over. */
  readonly ticket?: Uint8Array | undefined;
  /** Whether to be told of a ticket, and to use one. Default false. */
  readonly wantsTicket?: boolean | undefined;
}

/** Why a connection ended. */
export interface TransportClose {
  /**
   * Who ended it; `"timeout"` is the idle timeout, `"handshake"` a connection that never was established, `"reset"` a peer that does
   * not know the connection any more: its program was started anew, say (stateless reset, RFC 9000 §10.3).
   */
  readonly by: "local" | "remote" | "timeout" | "handshake" | "reset";
  /** True when `code` is ours (APPLICATION_CLOSE, RFC 9000 §19.19), false when it is QUIC's or TLS's. */
  readonly application: boolean;
  readonly code: number;
  /** UTF-8 text from whoever closed, or what the local stack says went wrong, e.g. `certificate has expired`. */
  readonly reason: string;
}

/** Counters of one connection, 10 ms old at most. */
export interface TransportStats {
  /** Smoothed (RFC 9002 §5.3). */
  readonly roundTripTimeUs: number;
  /** The least of late: what is above it is queueing, the peer's delay of acknowledgements, or a longer path. */
  readonly minRoundTripTimeUs: number;
  readonly congestionWindowBytes: number;
  /**
   * Estimated bandwidth of the path from here to the peer, 0 while nothing is known. With `bbr2` the greatest rate of delivery seen
   * of late, less after loss; so while the program sends less than the path carries (see `pathLimited`) it is only a lower bound,
   * which stays where the largest burst left it. With `cubic` and `reno` the rate of the last acknowledgements.
   */
  readonly deliveryRateBytesPerS: number;
  /** Whether something waited for the path in the last 10 ms: then `deliveryRateBytesPerS` is about what it carries. */
  readonly pathLimited: boolean;
  readonly sentPackets: number;
  readonly receivedPackets: number;
  readonly lostPackets: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly lostBytes: number;
  /** Mean deviation of the samples behind {@link roundTripTimeUs} (RFC 9002 §5.3). */
  readonly roundTripTimeVariationUs: number;
  /** Largest UDP payload that is known to pass (RFC 8899); it is probed for from 1,200 upwards. */
  readonly pathMtuBytes: number;
  /** Packets that carried something again. */
  readonly retransmittedPackets: number;
  /** How often nothing was acknowledged for so long that a probe was sent (RFC 9002 §6.2). */
  readonly probeTimeouts: number;
  /** DATAGRAM frames (RFC 9221). */
  readonly sentDatagrams: number;
  readonly receivedDatagrams: number;
  readonly lostDatagrams: number;
  /** Whether the handshake was a short one, by a ticket of an earlier connection. */
  readonly resumed: boolean;
  /** Whether what was sent before the end of the handshake was taken: see {@link TransportOptions.earlyData}. */
  readonly earlyDataAccepted: boolean;
  /** What decides how much may be on its way; `"none"` over memory. */
  readonly congestionControl: TransportOptions["congestionControl"] | "none";
  /** Largest datagram payload that fits now; 0 when the peer takes none. */
  readonly maxDatagramBytes: number;
}

/** One connection, as its owner commands it. After `onClosed` every method does nothing. */
export interface TransportConnection {
  /** Where the peer is; a client may move to another address, and its server follows. */
  readonly remote: SocketAddress;
  readonly local: SocketAddress;
  /** What the peer has shown, once established; a transport without TLS has none, nor has a client that was not asked. */
  readonly peerCertificate?: PeerCertificate | undefined;
  /**
   * Open a stream; it waits in the transport until the peer's credit allows, and {@link ConnectionSink.onOpened} says when.
   * @param urgency Streams that are more urgent leave first: 0 (most) to 7, default 3 (RFC 9218 §4.1). Equal ones take turns.
   * @param lifetimeMs When more than 0, and not all bytes of the stream and its end are acknowledged so long after this call, it is
   * reset with {@link TransportOptions.expiredStreamCode}. {@link ConnectionSink.onExpired} or `onDelivered` tells which it was.
   * Of unidirectional streams only: a stream with an answer has no lifetime. Default 0.
   * @param early Whether it may open before the handshake is done. Default false.
   */
  open(bidirectional: boolean, urgency?: number, lifetimeMs?: number, early?: boolean): StreamId;
  /**
   * Append `bytes` (copied before this returns) to the sending half, with `finish` as its last bytes. A stream that carried
   * data must be finished together with its last bytes (design §3, the FIN rule); `finish` on its own is for an empty stream.
   */
  write(stream: StreamId, bytes: Uint8Array, finish: boolean): void;
  /** RESET_STREAM on the sending half; what is queued is dropped, a stream not yet opened never opens. */
  reset(stream: StreamId, code: number): void;
  /** STOP_SENDING on the receiving half; nothing of it is delivered any more, neither data nor a reset. */
  stop(stream: StreamId, code: number): void;
  /** Allow the transport to deliver this many more bytes of the stream. */
  grant(stream: StreamId, bytes: number): void;
  /**
   * Queue one small message (copied before this returns); packed with others into as few packets as possible, when they really leave.
   * With `early` it may leave before the handshake is done.
   */
  sendMessage(bytes: Uint8Array, early?: boolean): void;
  /**
   * Queue a datagram (copied). `id` other than 0 asks for {@link ConnectionSink.onDatagramSent}; 0 `expiryMs` never expires. More
   * urgent ones leave first (0 to 7, default 3); when too many wait, the least urgent go, the oldest of these first.
   */
  sendDatagram(bytes: Uint8Array, id: number, expiryMs: number, urgency?: number): void;
  /** Clients: go on from another socket; {@link ConnectionSink.onMoved} tells what came of it. One at a time. Absent where there is none. */
  move?(): void;
  /** Close with an application code and reason; {@link ConnectionSink.onClosed} follows. */
  close(code: number, reason: string): void;
  stats(): TransportStats;
}

/** What a transport reports about one connection. Views passed in are valid only during the call. Times are those of {@link Transport.nowUs}. */
export interface ConnectionSink {
  /** The connection can be used; when `early`, for what may be done twice, until {@link onConfirmed} says that the handshake is done. */
  onEstablished(early?: boolean): void;
  onConfirmed?(): void;
  /** The server knows this client again by these bytes: see {@link DialOptions.ticket}. Once at most. */
  onTicket?(ticket: Uint8Array): void;
  /** A stream opened here has received its QUIC id. */
  onOpened(stream: StreamId): void;
  /**
   * Bytes in order, `finished` with the last; a stream of the peer exists from its first `onData` or `onReset`. `arrivalUs` is when
   * the packet arrived that made them deliverable.
   */
  onData(stream: StreamId, bytes: Uint8Array, finished: boolean, arrivalUs: number): void;
  onReset(stream: StreamId, code: number): void;
  onStopped(stream: StreamId, code: number): void;
  /** The lifetime of a stream is over: it was reset, what was queued has been reported by `onWritten`, nothing follows. */
  onExpired(stream: StreamId): void;
  /** Everything of a stream with a lifetime is acknowledged. Told at the end of its lifetime at the latest; nothing follows. */
  onDelivered(stream: StreamId): void;
  /** So many queued bytes of a stream have left our queue for the QUIC stack (or were dropped by a reset). */
  onWritten(stream: StreamId, bytes: number): void;
  /** So many of the bytes given to `sendMessage` have been packed. */
  onMessagesSent(bytes: number): void;
  /**
   * The addresses of the connection have changed, here or at the peer. With `failure` a move was in vain, {@link TransportConnection.move}
   * or one of a client by itself, and why.
   */
  onMoved?(failure?: string): void;
  onDatagram(bytes: Uint8Array, arrivalUs: number): void;
  /** The datagram left at `departureUs`, or was dropped (expired, or queue full) when that is 0. */
  onDatagramSent(id: number, departureUs: number): void;
  /** Last call of all. */
  onClosed(close: TransportClose): void;
}

/** A bound server socket. */
export interface TransportListener {
  readonly address: SocketAddress;
  /** True when it runs on a development certificate. */
  readonly development: boolean;
  /**
   * Show another identity from the next handshake on.
   * @throws {EchoStreamError} when it cannot be used, saying why; the old one stays.
   */
  setIdentity(identity: ServerIdentity): void;
  /** What it counted until now, or until {@link close}. */
  stats(): EndpointStats;
  /** Stop accepting; established connections live on. Resolves when the socket is free to be bound again, once they are gone. */
  close(): Promise<void>;
}

/** Urgency of what names none (RFC 9218 §4.1). */
export const DEFAULT_URGENCY = 3;

/** Makes connections. One per JavaScript environment, or one per memory network. */
export interface Transport {
  /** @throws {EchoStreamError} when the address cannot be bound or the certificate is not usable. */
  listen(
    options: ListenOptions,
    accept: (connection: TransportConnection) => ConnectionSink,
  ): Promise<TransportListener>;
  /** Start a handshake; the outcome arrives in the sink. */
  dial(options: DialOptions, sink: ConnectionSink): TransportConnection;
  /** IP addresses of a host name, in the resolver's order. @throws {EchoStreamError} when there is none. */
  resolve(host: string): Promise<readonly string[]>;
  /** Whether open connections keep the process alive. Default true. */
  setReferenced(referenced: boolean): void;
  /** Local monotonic time on the clock that stamps `arrivalUs` and `departureUs`: that of the connections' `Clock`. */
  nowUs(): number;
}
