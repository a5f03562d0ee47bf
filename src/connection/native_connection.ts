/**
 * A connection of the native transport: commands become records; counters are read where the I/O thread leaves them.
 *
 * @module
 */

import { Command, type CommandRing, Flag } from "./native_ring.ts";
import { type PeerCertificate } from "./peer_certificate.ts";
import {
  type ConnectionSink,
  DEFAULT_URGENCY,
  type SocketAddress,
  type StreamId,
  type TransportClose,
  type TransportConnection,
  type TransportStats,
} from "./transport.ts";

/** What a connection needs of the I/O thread it lives on. */
export interface ConnectionOwner {
  /** The ring for one more command, which leaves with the others of this turn of the event loop. */
  commands(): CommandRing;
  /** Copy the counters of a connection. */
  readCounters(connection: number, target: Float64Array): void;
  /** Copy those of one that has ended, once. */
  takeLastCounters(connection: number, target: Float64Array): void;
  /** Read a certificate (DER). */
  readCertificate(der: Uint8Array): PeerCertificate;
}

/** One connection, by its number in the rings. */
export class NativeConnection implements TransportConnection {
  /** The number. */
  readonly id: number;
  remote: SocketAddress;
  local: SocketAddress;
  /** The I/O thread it lives on. */
  readonly owner: ConnectionOwner;
  /** Who is told; set before the first event. */
  sink: ConnectionSink = NO_SINK;
  // Made when somebody wants to know.
  #counters: Float64Array | undefined;
  readonly #congestionControl: TransportStats["congestionControl"];
  #lastHandle = 0;
  #closed = false;
  /** As it came, until somebody wants to know what it says. */
  #certificate: Uint8Array | PeerCertificate | undefined;

  constructor(
    owner: ConnectionOwner,
    id: number,
    remote: SocketAddress,
    local: SocketAddress,
    congestionControl: TransportStats["congestionControl"],
  ) {
    this.owner = owner;
    this.#congestionControl = congestionControl;
    this.id = id;
    this.remote = remote;
    this.local = local;
  }

  get peerCertificate(): PeerCertificate | undefined {
    if (this.#certificate instanceof Uint8Array) this.#certificate = this.owner.readCertificate(this.#certificate);
    return this.#certificate;
  }

  /** The peer has shown this certificate (DER, copied), or none when it is empty. */
  showCertificate(der: Uint8Array): void {
    if (der.length > 0) this.#certificate = der.slice();
  }

  open(bidirectional: boolean, urgency: number = DEFAULT_URGENCY, lifetimeMs = 0, early = false): StreamId {
    const handle = --this.#lastHandle;
    if (!this.#closed) {
      const flags = (bidirectional ? Flag.BIDIRECTIONAL : 0) | urgency * Flag.URGENCY | (early ? Flag.EARLY : 0);
      this.owner.commands().push(Command.OPEN, flags, this.id, handle, NOTHING, Math.ceil(lifetimeMs));
    }
    return handle;
  }

  write(stream: StreamId, bytes: Uint8Array, finish: boolean): void {
    if (!this.#closed) this.owner.commands().write(this.id, stream, bytes, finish);
  }

  reset(stream: StreamId, code: number): void {
    if (!this.#closed) this.owner.commands().pushNumber(Command.RESET, this.id, stream, code);
  }

  stop(stream: StreamId, code: number): void {
    if (!this.#closed) this.owner.commands().pushNumber(Command.STOP, this.id, stream, code);
  }

  grant(stream: StreamId, bytes: number): void {
    if (this.#closed) return;
    const argument = Math.min(bytes, MAX_GRANT_BYTES);
    this.owner.commands().push(Command.GRANT, 0, this.id, stream, NOTHING, argument);
  }

  sendMessage(bytes: Uint8Array, early = false): void {
    if (!this.#closed) this.owner.commands().push(Command.MESSAGE, early ? Flag.EARLY : 0, this.id, 0, bytes, 0);
  }

  sendDatagram(bytes: Uint8Array, id: number, expiryMs: number, urgency: number = DEFAULT_URGENCY): void {
    if (this.#closed) return;
    const flags = urgency * Flag.URGENCY;
    this.owner.commands().push(Command.DATAGRAM, flags, this.id, id, bytes, Math.ceil(expiryMs));
  }

  move(): void {
    if (!this.#closed) this.owner.commands().push(Command.MOVE, 0, this.id, 0, NOTHING, 0);
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    const text = utf8Encoder.encode(reason).subarray(0, MAX_REASON_BYTES);
    this.owner.commands().push(Command.CLOSE, 0, this.id, code, text, 0);
  }

  stats(): TransportStats {
    const counters = this.#counters ??= new Float64Array(COUNTERS);
    if (!this.#closed) this.owner.readCounters(this.id, counters);
    return {
      roundTripTimeUs: counters[0]!,
      minRoundTripTimeUs: counters[1]!,
      congestionWindowBytes: counters[2]!,
      deliveryRateBytesPerS: counters[3]!,
      sentPackets: counters[4]!,
      receivedPackets: counters[5]!,
      lostPackets: counters[6]!,
      sentBytes: counters[7]!,
      receivedBytes: counters[8]!,
      lostBytes: counters[9]!,
      maxDatagramBytes: counters[10]!,
      pathLimited: counters[11] !== 0,
      roundTripTimeVariationUs: counters[12]!,
      pathMtuBytes: counters[13]!,
      retransmittedPackets: counters[14]!,
      probeTimeouts: counters[15]!,
      sentDatagrams: counters[16]!,
      receivedDatagrams: counters[17]!,
      lostDatagrams: counters[18]!,
      resumed: counters[19] !== 0,
      earlyDataAccepted: counters[20] !== 0,
      congestionControl: this.#congestionControl,
    };
  }

  /** The connection goes another way now; or a move that was asked for failed, and it goes on as before. */
  moved(text: string, failed: boolean): void {
    if (!failed) ({ remote: this.remote, local: this.local } = readAddresses(text));
    this.sink.onMoved?.(failed ? text : undefined);
  }

  /** The addon has forgotten this connection. */
  end(close: TransportClose): void {
    this.owner.takeLastCounters(this.id, this.#counters ??= new Float64Array(COUNTERS));
    this.#closed = true;
    this.sink.onClosed(close);
  }
}

/** The addresses of a connection, as the addon writes them: `remote address, port, local address, port`, separated by spaces. */
export function readAddresses(text: string): { readonly remote: SocketAddress; readonly local: SocketAddress } {
  const [remote = "", remotePort, local = "", localPort] = text.split(" ");
  return { remote: { address: remote, port: Number(remotePort) }, local: { address: local, port: Number(localPort) } };
}

const utf8Encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);
/** Numbers of a snapshot, `COUNTERS` of `native/src/stats.rs`. */
const COUNTERS = 21;
/** What one GRANT record can say. */
const MAX_GRANT_BYTES = 0xffff_ffff;
/** A CONNECTION_CLOSE must fit into one packet of the smallest size. */
const MAX_REASON_BYTES = 1024;

/** Stands in until an accepted connection has its sink; no event comes in between. */
const NO_SINK: ConnectionSink = {
  onEstablished() {},
  onOpened() {},
  onData() {},
  onReset() {},
  onStopped() {},
  onExpired() {},
  onDelivered() {},
  onWritten() {},
  onMessagesSent() {},
  onDatagram() {},
  onDatagramSent() {},
  onClosed() {},
};
