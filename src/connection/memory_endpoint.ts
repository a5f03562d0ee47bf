/**
 * One end of a memory connection: QUIC's streams, datagrams and late-packed messages without packets, with its flow control, its
 * stream limits and its ways to end. Here is what arrives; what leaves is in `memory_outbox.ts`.
 *
 * @module
 */

import { type Link, type Schedule } from "./memory_link.ts";
import { CONTROL_FRAME_BYTES, MAX_DATAGRAM_BYTES, MemoryOutbox } from "./memory_outbox.ts";
import { Incoming, openedByClient, type StreamKind, streamKind } from "./memory_stream.ts";
import {
  type ConnectionSink,
  DEFAULT_URGENCY,
  type SocketAddress,
  type StreamId,
  type TransportClose,
  type TransportConnection,
  type TransportOptions,
  type TransportStats,
} from "./transport.ts";

/** What an end needs of its network. */
export interface EndpointPath {
  readonly schedule: Schedule;
  /** This end's way out. */
  readonly link: Link;
  /** Round trip without queueing, in microseconds, for the statistics. */
  readonly roundTripTimeUs: number;
  /** Let `run` happen at `arrivalUs`, or once a cut network is whole again. */
  deliver(arrivalUs: number, run: () => void): void;
  /** Let `run` happen at `arrivalUs`, never if the network is cut. */
  deliverUnreliably(arrivalUs: number, run: () => void): void;
}

/** One end of a memory connection. Ends are made in pairs and joined by {@link peer}. */
export class MemoryEndpoint implements TransportConnection {
  /** The other end; a client has none before its first packet has arrived there. */
  peer!: MemoryEndpoint;
  sink: ConnectionSink | undefined;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly options: TransportOptions;
  /** When something last arrived, for the idle timeout. */
  heardUs: number;
  /** Called once when this end is gone. */
  onGone: (() => void) | undefined;
  readonly #path: EndpointPath;
  readonly #client: boolean;
  readonly #outbox: MemoryOutbox;
  readonly #incoming = new Map<StreamId, Incoming>();
  /** Closed by its user; what was queued before may still leave. */
  #closing = false;
  #closed = false;
  #receivedPackets = 0;
  #receivedBytes = 0;
  #receivedDatagrams = 0;

  constructor(
    client: boolean,
    local: SocketAddress,
    remote: SocketAddress,
    options: TransportOptions,
    path: EndpointPath,
  ) {
    this.#client = client;
    this.local = local;
    this.remote = remote;
    this.options = options;
    this.#path = path;
    this.#outbox = new MemoryOutbox(this, path, client);
    this.heardUs = path.schedule.nowUs();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The handshake is done on this side. */
  establish(): void {
    if (this.#closing) return;
    this.sink?.onEstablished();
    this.#outbox.establish();
  }

  open(bidirectional: boolean, urgency: number = DEFAULT_URGENCY, lifetimeMs = 0): StreamId {
    const id = bidirectional
      ? this.#outbox.open("bidirectional", urgency, 0)
      : this.#outbox.open("unidirectional", urgency, lifetimeMs);
    if (bidirectional) this.#incoming.set(id, new Incoming(id, undefined, this.options.initialCreditBytes));
    return id;
  }

  write(stream: StreamId, bytes: Uint8Array, finish: boolean): void {
    if (!this.#closing) this.#outbox.write(stream, bytes, finish);
  }

  reset(stream: StreamId, code: number): void {
    if (this.#closing) return;
    const droppedBytes = this.#outbox.reset(stream, code);
    if (droppedBytes !== undefined) this.#soon(() => this.sink?.onWritten(stream, droppedBytes));
  }

  stop(stream: StreamId, code: number): void {
    const incoming = this.#incoming.get(stream);
    if (incoming === undefined || incoming.stopCode !== undefined || this.#closing) return;
    incoming.stopCode = code;
    this.#sendStop(incoming);
    this.#consumed(incoming, incoming.drop());
    if (incoming.finished) this.#endIncoming(incoming);
  }

  grant(stream: StreamId, bytes: number): void {
    const incoming = this.#incoming.get(stream);
    if (incoming === undefined) return;
    incoming.creditBytes += bytes;
    if (incoming.buffered.length > 0) this.#soon(() => this.#deliver(incoming));
  }

  sendMessage(bytes: Uint8Array): void {
    if (!this.#closing) this.#outbox.sendMessage(bytes);
  }

  sendDatagram(bytes: Uint8Array, id: number, expiryMs: number, urgency: number = DEFAULT_URGENCY): void {
    if (!this.#closing) this.#outbox.sendDatagram(bytes, id, expiryMs, urgency);
  }

  /** There are no sockets: it has moved at once, if the server allows it. */
  move(): void {
    const failure = this.peer.options.activeMigration
      ? undefined
      : "the server does not allow it (disable_active_migration)";
    this.#soon(() => this.sink?.onMoved?.(failure));
  }

  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    const close = { application: true, code, reason };
    this.#outbox.flushBefore(() => {
      this.#outbox.sendFrame(() => (this.peer as MemoryEndpoint | undefined)?.end({ by: "remote", ...close }));
      this.end({ by: "local", ...close });
    });
  }

  /** End without telling the peer. */
  end(close: TransportClose): void {
    if (this.#closed) return;
    this.#closing = true;
    this.#closed = true;
    this.#gone(close);
  }

  stats(): TransportStats {
    return {
      roundTripTimeUs: this.#path.roundTripTimeUs,
      minRoundTripTimeUs: this.#path.roundTripTimeUs,
      deliveryRateBytesPerS: this.#path.link.bandwidthBytesPerS,
      pathLimited: this.#path.link.readyUs > this.#path.schedule.nowUs(),
      ...this.#outbox.stats(),
      receivedPackets: this.#receivedPackets,
      receivedBytes: this.#receivedBytes,
      receivedDatagrams: this.#receivedDatagrams,
      maxDatagramBytes: MAX_DATAGRAM_BYTES,
      pathMtuBytes: PATH_MTU_BYTES,
      // The path is as long as it is, and what is lost but datagrams is nobody's concern.
      roundTripTimeVariationUs: 0,
      retransmittedPackets: 0,
      probeTimeouts: 0,
      resumed: false,
      earlyDataAccepted: false,
      congestionControl: "none",
    };
  }

  // What the other end sends.

  receiveData(quicId: number, bytes: Uint8Array, finished: boolean): void {
    if (!this.#hears(bytes.length)) return;
    const incoming = this.#incomingOf(quicId);
    if (incoming === undefined) return;
    incoming.finished = finished;
    incoming.buffered.push(bytes);
    if (incoming.stopCode === undefined) return this.#deliver(incoming);
    this.#consumed(incoming, incoming.drop());
    if (finished) this.#endIncoming(incoming);
  }

  receiveReset(quicId: number, code: number): void {
    if (!this.#hears(CONTROL_FRAME_BYTES)) return;
    const incoming = this.#incomingOf(quicId);
    if (incoming === undefined) return;
    this.#consumed(incoming, incoming.drop());
    this.#endIncoming(incoming);
    if (incoming.stopCode === undefined) this.sink?.onReset(incoming.id, code);
  }

  receiveStop(quicId: number, code: number): void {
    if (!this.#hears(CONTROL_FRAME_BYTES)) return;
    const id = this.#outbox.idOf(quicId);
    if (!this.#outbox.has(id)) return;
    // A stopped sender answers with a reset of the same code (RFC 9000 §3.5).
    this.reset(id, code);
    this.sink?.onStopped(id, code);
  }

  receiveDatagram(bytes: Uint8Array): void {
    if (!this.#hears(bytes.length)) return;
    this.#receivedDatagrams++;
    this.sink?.onDatagram(bytes, this.heardUs);
  }

  receiveWindow(quicId: number, bytes: number): void {
    if (!this.#closed) this.#outbox.addWindow(quicId, bytes);
  }

  receiveStreamCredit(kind: StreamKind): void {
    if (!this.#closed) this.#outbox.addStreamCredit(kind);
  }

  // What the outbox reports.

  /** A stream opened here has its QUIC id. */
  opened(id: StreamId, quicId: number): void {
    const incoming = this.#incoming.get(id);
    if (incoming !== undefined) {
      incoming.quicId = quicId;
      this.#sendStop(incoming);
    }
    this.sink?.onOpened(id);
  }

  /** A stream was reset before it had a QUIC id. */
  neverOpened(id: StreamId): void {
    this.#incoming.delete(id);
  }

  /** One half of a stream is over. When both are, a stream of the peer makes room for another. */
  streamHalfEnded(quicId: number): void {
    const id = this.#outbox.idOf(quicId);
    if (this.#incoming.has(id) || this.#outbox.has(id)) return;
    this.#outbox.forget(quicId);
    if (this.#isOwn(quicId)) return;
    this.#outbox.sendFrame(() => this.peer.receiveStreamCredit(streamKind(quicId)));
  }

  /** Count an arrival; false when this end is gone, or will be. */
  #hears(bytes: number): boolean {
    if (this.#closing) return false;
    this.heardUs = this.#path.schedule.nowUs();
    // What arrives is acknowledged.
    this.peer.heardUs = this.heardUs;
    this.#receivedPackets++;
    this.#receivedBytes += bytes;
    return true;
  }

  #deliver(incoming: Incoming): void {
    for (let piece = incoming.take(); piece !== undefined; piece = this.#closing ? undefined : incoming.take()) {
      this.#consumed(incoming, piece.bytes.length);
      if (piece.finished) this.#endIncoming(incoming);
      this.sink?.onData(incoming.id, piece.bytes, piece.finished, this.heardUs);
    }
  }

  /** The receiving half of `quicId`, made at its first sight; `undefined` once it has ended. */
  #incomingOf(quicId: number): Incoming | undefined {
    const known = this.#incoming.get(this.#outbox.idOf(quicId));
    // Nothing of a stream overtakes its end, so whatever is unknown of the peer's is new.
    if (known !== undefined || this.#isOwn(quicId)) return known;
    const incoming = new Incoming(quicId, quicId, this.options.initialCreditBytes);
    this.#incoming.set(quicId, incoming);
    if (streamKind(quicId) === "bidirectional") this.#outbox.adopt(quicId);
    return incoming;
  }

  #isOwn(quicId: number): boolean {
    return openedByClient(quicId) === this.#client;
  }

  #sendStop({ quicId, stopCode }: Incoming): void {
    if (quicId === undefined || stopCode === undefined) return;
    this.#outbox.sendFrame(() => this.peer.receiveStop(quicId, stopCode));
  }

  #consumed({ quicId }: Incoming, bytes: number): void {
    if (bytes > 0 && quicId !== undefined) this.#outbox.sendFrame(() => this.peer.receiveWindow(quicId, bytes));
  }

  #endIncoming(incoming: Incoming): void {
    this.#incoming.delete(incoming.id);
    if (incoming.quicId !== undefined) this.streamHalfEnded(incoming.quicId);
  }

  #soon(run: () => void): void {
    this.#path.schedule.at(this.#path.schedule.nowUs(), () => {
      if (!this.#closing) run();
    });
  }

  #gone(close: TransportClose): void {
    this.#outbox.clear();
    this.#incoming.clear();
    this.sink?.onClosed(close);
    this.sink = undefined;
    this.onGone?.();
  }
}

/** As small as a path of QUIC may be (RFC 9000 §14). */
const PATH_MTU_BYTES = 1_200;
