/**
 * One end of a memory connection: QUIC's streams, datagrams and late-packed messages without packets, with its flow control, its
 * stream limits and its ways to end.
 *
 * @module
 */

import { type Link, type Schedule } from "./memory_link.ts";
import { MessageQueue } from "./memory_messages.ts";
import { Incoming, openedByClient, Outgoing, type StreamKind, streamKind, StreamNumbers } from "./memory_stream.ts";
import {
  type ConnectionSink,
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
  readonly #outgoing = new Map<StreamId, Outgoing>();
  readonly #incoming = new Map<StreamId, Incoming>();
  /** Local handles of live streams opened here, by QUIC id. */
  readonly #handles = new Map<number, StreamId>();
  readonly #unopened: Record<StreamKind, Outgoing[]> = { bidirectional: [], unidirectional: [] };
  readonly #numbers: StreamNumbers;
  readonly #messages: MessageQueue;
  #datagrams: Datagram[] = [];
  #nextHandle = -1;
  #established = false;
  #closed = false;
  #flushAtUs = Infinity;
  #connectionWindowBytes = 0;
  readonly #stats = {
    sentPackets: 0,
    receivedPackets: 0,
    lostPackets: 0,
    sentBytes: 0,
    receivedBytes: 0,
    lostBytes: 0,
  };

  constructor(
    client: boolean,
    local: SocketAddress,
    remote: SocketAddress,
    options: TransportOptions,
    path: EndpointPath,
  ) {
    this.#client = client;
    this.#numbers = new StreamNumbers(client);
    this.#messages = new MessageQueue(options.messageStreamKind);
    this.local = local;
    this.remote = remote;
    this.options = options;
    this.#path = path;
    this.heardUs = path.schedule.nowUs();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The handshake is done on this side. */
  establish(): void {
    if (this.#closed) return;
    this.#established = true;
    this.#connectionWindowBytes = this.peer.options.maxConnectionWindowBytes;
    this.sink?.onEstablished();
    this.#flushSoon();
  }

  open(bidirectional: boolean): StreamId {
    const id = this.#nextHandle--;
    const stream = new Outgoing(id, bidirectional ? "bidirectional" : "unidirectional");
    if (this.#closed) return id;
    this.#outgoing.set(id, stream);
    if (bidirectional) this.#incoming.set(id, new Incoming(id, undefined, this.options.initialCreditBytes));
    this.#unopened[stream.kind].push(stream);
    this.#flushSoon();
    return id;
  }

  write(stream: StreamId, bytes: Uint8Array, finish: boolean): void {
    const outgoing = this.#outgoing.get(stream);
    if (outgoing === undefined || outgoing.finishQueued || this.#closed) return;
    outgoing.queue.push(bytes.slice());
    outgoing.finishQueued = finish;
    this.#flushSoon();
  }

  reset(stream: StreamId, code: number): void {
    const outgoing = this.#outgoing.get(stream);
    if (outgoing === undefined || this.#closed) return;
    const droppedBytes = outgoing.queuedBytes;
    this.#soon(() => this.sink?.onWritten(stream, droppedBytes));
    const quicId = outgoing.quicId;
    if (quicId === undefined) {
      const line = this.#unopened[outgoing.kind];
      line.splice(line.indexOf(outgoing), 1);
      this.#outgoing.delete(stream);
      this.#incoming.delete(stream);
      return;
    }
    const arrivalUs = Math.max(outgoing.arrivalUs, this.#transmit(CONTROL_FRAME_BYTES));
    this.#path.deliver(arrivalUs, () => this.peer.#onReset(quicId, code));
    this.#endOutgoing(outgoing, quicId);
  }

  stop(stream: StreamId, code: number): void {
    const incoming = this.#incoming.get(stream);
    if (incoming === undefined || incoming.stopCode !== undefined || this.#closed) return;
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
    if (this.#closed) return;
    this.#messages.push(bytes);
    this.#flushSoon();
  }

  sendDatagram(bytes: Uint8Array, id: number, expiryMs: number): void {
    if (this.#closed) return;
    const expiryUs = expiryMs > 0 ? this.#path.schedule.nowUs() + expiryMs * 1000 : Infinity;
    this.#datagrams.push({ bytes: bytes.slice(), id, expiryUs });
    this.#flushSoon();
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    const bytes = CONTROL_FRAME_BYTES + reason.length;
    this.#send(
      bytes,
      () => (this.peer as MemoryEndpoint | undefined)?.end({ by: "remote", application: true, code, reason }),
    );
    this.#path.schedule.at(
      this.#path.schedule.nowUs(),
      () => this.#gone({ by: "local", application: true, code, reason }),
    );
  }

  /** End without telling the peer. */
  end(close: TransportClose): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gone(close);
  }

  stats(): TransportStats {
    return {
      roundTripTimeUs: this.#path.roundTripTimeUs,
      minRoundTripTimeUs: this.#path.roundTripTimeUs,
      congestionWindowBytes: this.#connectionWindowBytes,
      deliveryRateBytesPerS: 0,
      ...this.#stats,
      maxDatagramBytes: MAX_DATAGRAM_BYTES,
    };
  }

  // Sending.

  #flushSoon(): void {
    this.#flushAt(this.#path.schedule.nowUs());
  }

  #flushAt(dueUs: number): void {
    if (dueUs >= this.#flushAtUs) return;
    this.#flushAtUs = dueUs;
    this.#path.schedule.at(dueUs, () => {
      if (this.#flushAtUs !== dueUs) return;
      this.#flushAtUs = Infinity;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#established && !this.#closed) {
      const nowUs = this.#path.schedule.nowUs();
      this.#openWaiting();
      const readyUs = this.#path.link.readyUs;
      if (readyUs > nowUs) return this.#flushAt(readyUs);
      if (!this.#sendDatagrams(nowUs) && !this.#sendMessages() && !this.#sendStreams()) return;
    }
  }

  #openWaiting(): void {
    for (const kind of STREAM_KINDS) {
      while (this.#unopened[kind].length > 0 && this.#numbers.mayOpen(kind, this.peer.options)) {
        const stream = this.#unopened[kind].shift()!;
        const quicId = this.#numbers.open(kind);
        stream.quicId = quicId;
        stream.windowBytes = this.peer.options.maxStreamWindowBytes;
        this.#handles.set(quicId, stream.id);
        const incoming = this.#incoming.get(stream.id);
        if (incoming !== undefined) {
          incoming.quicId = quicId;
          this.#sendStop(incoming);
        }
        this.sink?.onOpened(stream.id);
      }
    }
  }

  #sendDatagrams(nowUs: number): boolean {
    const datagram = this.#datagrams.shift();
    if (datagram === undefined) return false;
    const dropped = datagram.expiryUs <= nowUs || datagram.bytes.length > MAX_DATAGRAM_BYTES;
    if (!dropped) {
      const arrivalUs = this.#transmit(datagram.bytes.length);
      if (this.#path.link.loses()) {
        this.#stats.lostPackets++;
        this.#stats.lostBytes += datagram.bytes.length;
      } else {
        this.#path.deliverUnreliably(arrivalUs, () => this.peer.#onDatagram(datagram.bytes));
      }
    }
    if (datagram.id !== 0) this.sink?.onDatagramSent(datagram.id, dropped ? 0 : nowUs);
    return true;
  }

  /** One packet of messages on a stream of its own. */
  #sendMessages(): boolean {
    if (!this.#numbers.mayOpen("unidirectional", this.peer.options)) return false;
    const packed = this.#messages.take(this.#connectionWindowBytes);
    if (packed === undefined) return false;
    this.#connectionWindowBytes -= packed.bytes.length;
    const quicId = this.#numbers.open("unidirectional");
    this.#send(packed.bytes.length, () => this.peer.#onData(quicId, packed.bytes, true));
    this.sink?.onMessagesSent(packed.payloadBytes);
    return true;
  }

  /** One chunk of each stream that has something to send and room at the peer. */
  #sendStreams(): boolean {
    let sent = false;
    for (const stream of [...this.#outgoing.values()]) {
      if (this.#closed) return false;
      if (stream.quicId !== undefined && this.#sendChunk(stream, stream.quicId)) sent = true;
    }
    return sent;
  }

  #sendChunk(stream: Outgoing, quicId: number): boolean {
    const piece = stream.take(Math.min(CHUNK_BYTES, stream.windowBytes, this.#connectionWindowBytes));
    if (piece === undefined) return false;
    const { bytes, finished } = piece;
    stream.windowBytes -= bytes.length;
    this.#connectionWindowBytes -= bytes.length;
    stream.arrivalUs = Math.max(stream.arrivalUs, this.#transmit(bytes.length + CONTROL_FRAME_BYTES));
    this.#path.deliver(stream.arrivalUs, () => this.peer.#onData(quicId, bytes, finished));
    if (finished) this.#endOutgoing(stream, quicId);
    this.sink?.onWritten(stream.id, bytes.length);
    return true;
  }

  #send(bytes: number, run: () => void): void {
    this.#path.deliver(this.#transmit(bytes), run);
  }

  #transmit(bytes: number): number {
    this.#stats.sentPackets++;
    this.#stats.sentBytes += bytes;
    return this.#path.link.transmit(bytes, this.#path.schedule.nowUs());
  }

  // Receiving.

  #heard(bytes: number): void {
    this.heardUs = this.#path.schedule.nowUs();
    // What arrives is acknowledged.
    this.peer.heardUs = this.heardUs;
    this.#stats.receivedPackets++;
    this.#stats.receivedBytes += bytes;
  }

  #onData(quicId: number, bytes: Uint8Array, finished: boolean): void {
    if (this.#closed) return;
    this.#heard(bytes.length);
    const incoming = this.#incomingOf(quicId);
    if (incoming === undefined) return;
    incoming.finished = finished;
    incoming.buffered.push(bytes);
    if (incoming.stopCode === undefined) return this.#deliver(incoming);
    this.#consumed(incoming, incoming.drop());
    if (finished) this.#endIncoming(incoming);
  }

  #deliver(incoming: Incoming): void {
    for (let piece = incoming.take(); piece !== undefined; piece = this.#closed ? undefined : incoming.take()) {
      this.#consumed(incoming, piece.bytes.length);
      if (piece.finished) this.#endIncoming(incoming);
      this.sink?.onData(incoming.id, piece.bytes, piece.finished);
    }
  }

  #onReset(quicId: number, code: number): void {
    if (this.#closed) return;
    this.#heard(CONTROL_FRAME_BYTES);
    const incoming = this.#incomingOf(quicId);
    if (incoming === undefined) return;
    this.#consumed(incoming, incoming.drop());
    this.#endIncoming(incoming);
    if (incoming.stopCode === undefined) this.sink?.onReset(incoming.id, code);
  }

  #onStop(quicId: number, code: number): void {
    if (this.#closed) return;
    this.#heard(CONTROL_FRAME_BYTES);
    const id = this.#handles.get(quicId) ?? quicId;
    if (!this.#outgoing.has(id)) return;
    // A stopped sender answers with a reset of the same code (RFC 9000 §3.5).
    this.reset(id, code);
    this.sink?.onStopped(id, code);
  }

  #onDatagram(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#heard(bytes.length);
    this.sink?.onDatagram(bytes, this.heardUs);
  }

  /** Flow control: the peer has taken so many bytes of a stream opened as `quicId`. */
  #onWindow(quicId: number, bytes: number): void {
    const stream = this.#outgoing.get(this.#handles.get(quicId) ?? quicId);
    if (stream !== undefined) stream.windowBytes += bytes;
    this.#connectionWindowBytes += bytes;
    this.#flushSoon();
  }

  /** The peer lets another stream be opened. */
  #onStreamCredit(kind: StreamKind): void {
    this.#numbers.release(kind);
    this.#flushSoon();
  }

  /** The receiving half of `quicId`, made at its first sight; `undefined` once it has ended. */
  #incomingOf(quicId: number): Incoming | undefined {
    if (openedByClient(quicId) === this.#client) return this.#incoming.get(this.#handles.get(quicId) ?? quicId);
    const known = this.#incoming.get(quicId);
    if (known !== undefined) return known;
    // Nothing of a stream overtakes its end, so whatever is unknown is new.
    const incoming = new Incoming(quicId, quicId, this.options.initialCreditBytes);
    this.#incoming.set(quicId, incoming);
    if (streamKind(quicId) === "bidirectional") {
      const outgoing = new Outgoing(quicId, "bidirectional");
      outgoing.quicId = quicId;
      outgoing.windowBytes = this.peer.options.maxStreamWindowBytes;
      this.#outgoing.set(quicId, outgoing);
    }
    return incoming;
  }

  #sendStop(incoming: Incoming): void {
    const { quicId, stopCode } = incoming;
    if (quicId === undefined || stopCode === undefined) return;
    this.#send(CONTROL_FRAME_BYTES, () => this.peer.#onStop(quicId, stopCode));
  }

  #consumed(incoming: Incoming, bytes: number): void {
    const quicId = incoming.quicId;
    if (bytes > 0 && quicId !== undefined) this.#send(CONTROL_FRAME_BYTES, () => this.peer.#onWindow(quicId, bytes));
  }

  #endIncoming(incoming: Incoming): void {
    this.#incoming.delete(incoming.id);
    if (incoming.quicId !== undefined) this.#endStream(incoming.quicId);
  }

  #endOutgoing(outgoing: Outgoing, quicId: number): void {
    this.#outgoing.delete(outgoing.id);
    this.#endStream(quicId);
  }

  /** When both halves are over, a stream of the peer makes room for another. */
  #endStream(quicId: number): void {
    const id = this.#handles.get(quicId) ?? quicId;
    if (this.#incoming.has(id) || this.#outgoing.has(id)) return;
    this.#handles.delete(quicId);
    if (openedByClient(quicId) === this.#client) return;
    this.#send(CONTROL_FRAME_BYTES, () => this.peer.#onStreamCredit(streamKind(quicId)));
  }

  #soon(run: () => void): void {
    this.#path.schedule.at(this.#path.schedule.nowUs(), () => {
      if (!this.#closed) run();
    });
  }

  #gone(close: TransportClose): void {
    this.#outgoing.clear();
    this.#incoming.clear();
    this.#handles.clear();
    this.#messages.clear();
    this.#datagrams = [];
    this.sink?.onClosed(close);
    this.sink = undefined;
    this.onGone?.();
  }
}

interface Datagram {
  readonly bytes: Uint8Array;
  readonly id: number;
  readonly expiryUs: number;
}

const STREAM_KINDS: readonly StreamKind[] = ["bidirectional", "unidirectional"];
/** Largest datagram payload, as on a path of 1,200 bytes. */
const MAX_DATAGRAM_BYTES = 1_150;
/** Stream data that crosses at once. */
const CHUNK_BYTES = 16 * 1024;
/** What a reset, stop, credit or packet header counts for on a link of limited bandwidth. */
const CONTROL_FRAME_BYTES = 32;
