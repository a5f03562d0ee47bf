/**
 * What the sockets of a server count, apart from what its connections do.
 *
 * @module
 */

/** Counters of the addresses a server listens on; docs/operations.md says what to make of them. */
export interface EndpointStats {
  /** Connections now, handshakes included. */
  readonly connections: number;
  /** Handshakes under way now. */
  readonly handshakes: number;
  /** Handshakes that were completed. */
  readonly handshakesCompleted: number;
  /** Handshakes that ended otherwise: refused by TLS, given up, or never gone on with. */
  readonly handshakesFailed: number;
  /** First packets whose early data was not taken because they are copies of others, or might be: see `tuning.earlyData`. */
  readonly earlyDataRefused: number;
  /** Clients that were asked to prove their address (Retry, RFC 9000 §8.1.2). */
  readonly retriesSent: number;
  /** Clients that have proved it. */
  readonly tokensAccepted: number;
  /** Tokens that were forged, expired, or of another client or server. */
  readonly tokensRefused: number;
  /** First packets refused by `maxConnections`. */
  readonly refusedConnections: number;
  /** First packets refused by `maxConnectionsPerAddress`. */
  readonly refusedConnectionsOfAddress: number;
  /** First packets refused by `maxHandshakes`. */
  readonly refusedHandshakes: number;
  /** First packets refused by `maxHandshakesPerAddress`. */
  readonly refusedHandshakesOfAddress: number;
  /** Packets of versions of QUIC that are not spoken here, answered by the ones that are (RFC 9000 §6). */
  readonly versionNegotiationsSent: number;
  /** Packets for connections that are not there, answered by a stateless reset (RFC 9000 §10.3). */
  readonly resetsSent: number;
  /** The same, not answered because of `maxResetsPerS`. */
  readonly resetsWithheld: number;
  /** Packets too broken to say what they are. */
  readonly droppedMalformed: number;
  /** First packets, of any version, of less than 1,200 bytes, or to a connection id of less than 8 (RFC 9000 §14.1, §7.2). */
  readonly droppedShort: number;
  /** Packets for connections that are not there, of a kind that is not answered. */
  readonly droppedUnknown: number;
  /** First packets whose seal is wrong. */
  readonly droppedUnauthentic: number;
  /** First packets to an address that accepts nobody (any more), or no other machine: see the development certificate. */
  readonly droppedUnwanted: number;
  /** Packets that came to another socket than their connection's, and were handed over; with `threads` or `reusePort`. */
  readonly handedOver: number;
  /** The same, dropped because the thread they belong to was too far behind. */
  readonly droppedHandingOver: number;
}

/** The names in the order of `Counter` in `native/src/front_door/counters.rs`. */
const NAMES: readonly (keyof EndpointStats)[] = [
  "connections",
  "handshakes",
  "handshakesCompleted",
  "handshakesFailed",
  "earlyDataRefused",
  "retriesSent",
  "tokensAccepted",
  "tokensRefused",
  "refusedConnections",
  "refusedConnectionsOfAddress",
  "refusedHandshakes",
  "refusedHandshakesOfAddress",
  "versionNegotiationsSent",
  "resetsSent",
  "resetsWithheld",
  "droppedMalformed",
  "droppedShort",
  "droppedUnknown",
  "droppedUnauthentic",
  "droppedUnwanted",
  "handedOver",
  "droppedHandingOver",
];

/** How many numbers a snapshot of the addon has. */
export const ENDPOINT_COUNTERS: number = NAMES.length;

/** Name the numbers of a snapshot. */
export function namedStats(counters: ArrayLike<number>): EndpointStats {
  return Object.fromEntries(NAMES.map((name, index) => [name, counters[index] ?? 0])) as unknown as EndpointStats;
}

/** What several sockets counted together. */
export function summedStats(all: readonly EndpointStats[]): EndpointStats {
  return namedStats(NAMES.map((name) => all.reduce((sum, stats) => sum + stats[name], 0)));
}
