/**
 * The sending side of one end of a memory connection: what is queued leaves when the handshake is done, the link has room, and the
 * peer's windows and stream limits allow.
 *
 * @module
 */

import { DatagramQueue, type QueuedDatagram } from "./memory_datagrams.ts";
import { type EndpointPath, type MemoryEndpoint } from "./memory_endpoint.ts";
import { MessageQueue } from "./memory_messages.ts";
import { Outgoing, type StreamKind, StreamNumbers } from "./memory_stream.ts";
import { type StreamId } from "./transport.ts";

/** Everything one end has to send. */
export class MemoryOutbox {
  readonly #end: MemoryEndpoint;
  readonly #path: EndpointPath;
  readonly #streams = new Map<StreamId, Outgoing>();
  /** Streams with a lifetime that are not acknowledged yet. */
  readonly #expiring = new Map<StreamId, Outgoing>();
  /** Local handles of live streams opened here, by QUIC id. */
  readonly #handles = new Map<number, StreamId>();
  readonly #unopened: Record<StreamKind, Outgoing[]> = { bidirectional: [], unidirectional: [] };
  readonly #numbers: StreamNumbers;
  readonly #messages: MessageQueue;
  readonly #datagrams = new DatagramQueue();
  #nextHandle = -1;
  #established = false;
  #onFlushed: (() => void) | undefined;
  #flushAtUs = Infinity;
  #windowBytes = 0;
  #sentPackets = 0;
  #sentBytes = 0;
  #lostPackets = 0;
  #lostBytes = 0;
  #sentDatagrams = 0;

  constructor(end: MemoryEndpoint, path: EndpointPath, client: boolean) {
    this.#end = end;
    this.#path = path;
    this.#numbers = new StreamNumbers(client);
    this.#messages = new MessageQueue(end.options.messageStreamKind);
  }

  /** Counters, by the names of `TransportStats`. */
  stats(): Record<CountedHere, number> {
    return {
      sentPackets: this.#sentPackets,
      sentBytes: this.#sentBytes,
      lostPackets: this.#lostPackets,
      lostBytes: this.#lostBytes,
      sentDatagrams: this.#sentDatagrams,
      // Nothing else is ever lost.
      lostDatagrams: this.#lostPackets,
      congestionWindowBytes: this.#windowBytes,
    };
  }

  /** The handshake is done: what waits may leave. */
  establish(): void {
    this.#established = true;
    this.#windowBytes = this.#end.peer.options.maxConnectionWindowBytes;
    this.#flushSoon();
  }

  /** Open a stream, which waits for its QUIC id. */
  open(kind: StreamKind, urgency: number, lifetimeMs: number): StreamId {
    const stream = new Outgoing(this.#nextHandle--, kind, urgency, lifetimeMs > 0);
    this.#streams.set(stream.id, stream);
    this.#unopened[kind].push(stream);
    if (lifetimeMs > 0) {
      this.#expiring.set(stream.id, stream);
      this.#path.schedule.at(this.#path.schedule.nowUs() + lifetimeMs * 1000, () => this.#expire(stream));
    }
    this.#flushSoon();
    return stream.id;
  }

  /** The sending half of a bidirectional stream the peer opened. */
  adopt(quicId: number): void {
    const stream = new Outgoing(quicId, "bidirectional");
    stream.quicId = quicId;
    stream.windowBytes = this.#end.peer.options.maxStreamWindowBytes;
    this.#streams.set(quicId, stream);
  }

  /** Whether the sending half is live. */
  has(stream: StreamId): boolean {
    return this.#streams.has(stream);
  }

  /** What this end's user calls the stream with this QUIC id. */
  idOf(quicId: number): StreamId {
    return this.#handles.get(quicId) ?? quicId;
  }

  /** Both halves of a stream are over. */
  forget(quicId: number): void {
    this.#handles.delete(quicId);
  }

  write(id: StreamId, bytes: Uint8Array, finish: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.finishQueued) return;
    stream.queue.push(bytes.slice());
    stream.finishQueued = finish;
    this.#flushSoon();
  }

  /** Drop what is queued and tell the peer; how many bytes that was, or `undefined` when the half has ended before. */
  reset(id: StreamId, code: number): number | undefined {
    const stream = this.#streams.get(id) ?? this.#expiring.get(id);
    if (stream === undefined) return undefined;
    const droppedBytes = stream.queuedBytes;
    const isLive = this.#streams.delete(id);
    this.#expiring.delete(id);
    const quicId = stream.quicId;
    if (quicId === undefined) {
      const line = this.#unopened[stream.kind];
      line.splice(line.indexOf(stream), 1);
      this.#end.neverOpened(id);
    } else {
      const arrivalUs = Math.max(stream.arrivalUs, this.transmit(CONTROL_FRAME_BYTES));
      this.#path.deliver(arrivalUs, () => {
        if (!stream.arrived) this.#end.peer.receiveReset(quicId, code);
      });
      if (isLive) this.#end.streamHalfEnded(quicId);
    }
    return droppedBytes;
  }

  sendMessage(bytes: Uint8Array): void {
    this.#messages.push(bytes);
    this.#flushSoon();
  }

  sendDatagram(bytes: Uint8Array, id: number, expiryMs: number, urgency: number): void {
    const nowUs = this.#path.schedule.nowUs();
    const expiryUs = expiryMs > 0 ? nowUs + expiryMs * 1000 : Infinity;
    const dropped = this.#datagrams.push({ bytes: bytes.slice(), id, expiryUs, urgency });
    if (dropped !== undefined) this.#path.schedule.at(nowUs, () => this.#reportDropped(dropped));
    this.#flushSoon();
  }

  /** Send a frame that is neither queued nor limited. */
  sendFrame(run: () => void): void {
    this.#path.deliver(this.transmit(CONTROL_FRAME_BYTES), run);
  }

  /** Put `bytes` on the link; when they arrive. */
  transmit(bytes: number): number {
    this.#sentPackets++;
    this.#sentBytes += bytes;
    return this.#path.link.transmit(bytes, this.#path.schedule.nowUs());
  }

  /** Flow control: the peer has taken so many bytes of a stream. */
  addWindow(quicId: number, bytes: number): void {
    const stream = this.#streams.get(this.idOf(quicId));
    if (stream !== undefined) stream.windowBytes += bytes;
    this.#windowBytes += bytes;
    this.#flushSoon();
  }

  /** The peer lets another stream be opened. */
  addStreamCredit(kind: StreamKind): void {
    this.#numbers.release(kind);
    this.#flushSoon();
  }

  /** Call `onFlushed` once everything that may leave now has left: what the link or the peer's limits hold back is not waited for. */
  flushBefore(onFlushed: () => void): void {
    this.#onFlushed = onFlushed;
    this.#flushSoon();
  }

  /** Nothing leaves any more. */
  clear(): void {
    this.#streams.clear();
    this.#handles.clear();
    this.#expiring.clear();
    this.#messages.clear();
    this.#datagrams.clear();
  }

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
    if (this.#established) this.#sendWhatMayLeave();
    if (!this.#end.closed) this.#onFlushed?.();
  }

  #sendWhatMayLeave(): void {
    while (!this.#end.closed) {
      const nowUs = this.#path.schedule.nowUs();
      for (const kind of STREAM_KINDS) this.#openWaiting(kind);
      const readyUs = this.#path.link.readyUs;
      if (readyUs > nowUs) return this.#flushAt(readyUs);
      if (!this.#sendNextDatagram(nowUs) && !this.#sendMessagePacket() && !this.#sendChunks()) return;
    }
  }

  #openWaiting(kind: StreamKind): void {
    while (this.#unopened[kind].length > 0 && this.#numbers.mayOpen(kind, this.#end.peer.options)) {
      const stream = this.#unopened[kind].shift()!;
      const quicId = this.#numbers.open(kind);
      stream.quicId = quicId;
      stream.windowBytes = this.#end.peer.options.maxStreamWindowBytes;
      this.#handles.set(quicId, stream.id);
      this.#end.opened(stream.id, quicId);
    }
  }

  #sendNextDatagram(nowUs: number): boolean {
    for (const expired of this.#datagrams.purge(nowUs)) this.#reportDropped(expired);
    const datagram = this.#datagrams.take();
    if (datagram === undefined) return false;
    const { bytes, id } = datagram;
    if (bytes.length > MAX_DATAGRAM_BYTES) {
      this.#reportDropped(datagram);
      return true;
    }
    const arrivalUs = this.transmit(bytes.length);
    this.#sentDatagrams++;
    if (this.#path.link.loses()) {
      this.#lostPackets++;
      this.#lostBytes += bytes.length;
    } else {
      this.#path.deliverUnreliably(arrivalUs, () => this.#end.peer.receiveDatagram(bytes));
    }
    // 0 tells that it was dropped, and virtual clocks start at 0.
    if (id !== 0) this.#end.sink?.onDatagramSent(id, nowUs || Number.MIN_VALUE);
    return true;
  }

  #reportDropped({ id }: QueuedDatagram): void {
    if (id !== 0) this.#end.sink?.onDatagramSent(id, 0);
  }

  /** One packet of messages on a stream of its own. */
  #sendMessagePacket(): boolean {
    if (!this.#numbers.mayOpen("unidirectional", this.#end.peer.options)) return false;
    const packed = this.#messages.take(this.#windowBytes);
    if (packed === undefined) return false;
    const { bytes, payloadBytes } = packed;
    this.#windowBytes -= bytes.length;
    const quicId = this.#numbers.open("unidirectional");
    this.#path.deliver(this.transmit(bytes.length), () => this.#end.peer.receiveData(quicId, bytes, true));
    this.#end.sink?.onMessagesSent(payloadBytes);
    return true;
  }

  /** One chunk of each stream that has something to send and room at the peer, of the most urgent such streams only. */
  #sendChunks(): boolean {
    let urgency = Infinity;
    for (const stream of [...this.#streams.values()].sort((a, b) => a.urgency - b.urgency)) {
      if (this.#end.closed) return false;
      if (stream.urgency > urgency) return true;
      if (stream.quicId !== undefined && this.#sendChunk(stream, stream.quicId)) urgency = stream.urgency;
    }
    return urgency < Infinity;
  }

  #sendChunk(stream: Outgoing, quicId: number): boolean {
    const piece = stream.take(Math.min(CHUNK_BYTES, stream.windowBytes, this.#windowBytes));
    if (piece === undefined) return false;
    const { bytes, finished } = piece;
    stream.windowBytes -= bytes.length;
    this.#windowBytes -= bytes.length;
    const arrivalUs = Math.max(stream.arrivalUs, this.transmit(bytes.length + CONTROL_FRAME_BYTES));
    stream.arrivalUs = arrivalUs;
    this.#path.deliver(arrivalUs, () => this.#arrive(stream, quicId, bytes, finished, arrivalUs));
    if (finished) {
      this.#streams.delete(stream.id);
      this.#end.streamHalfEnded(quicId);
    }
    this.#end.sink?.onWritten(stream.id, bytes.length);
    return true;
  }

  /** Bytes reach the peer, and in time an acknowledgement comes back. */
  #arrive(stream: Outgoing, quicId: number, bytes: Uint8Array, finished: boolean, arrivalUs: number): void {
    const nowUs = this.#path.schedule.nowUs();
    if (stream.expired && nowUs > arrivalUs) {
      // Held up by a cut, so it was lost, and of an expired stream nothing is sent again.
      this.#windowBytes += bytes.length;
      return this.#flushSoon();
    }
    stream.arrived = finished;
    this.#end.peer.receiveData(quicId, bytes, finished);
    if (!finished || !stream.expires) return;
    this.#path.deliver(nowUs + this.#path.roundTripTimeUs / 2, () => {
      if (this.#expiring.delete(stream.id)) this.#end.sink?.onDelivered(stream.id);
    });
  }

  #expire(stream: Outgoing): void {
    if (!this.#expiring.has(stream.id)) return;
    stream.expired = true;
    const droppedBytes = this.reset(stream.id, this.#end.options.expiredStreamCode) ?? 0;
    if (droppedBytes > 0) this.#end.sink?.onWritten(stream.id, droppedBytes);
    this.#end.sink?.onExpired(stream.id);
  }
}

type CountedHere =
  | "sentPackets"
  | "sentBytes"
  | "lostPackets"
  | "lostBytes"
  | "sentDatagrams"
  | "lostDatagrams"
  | "congestionWindowBytes";

/** Largest datagram payload, as on a path of 1,200 bytes. */
export const MAX_DATAGRAM_BYTES = 1_150;
/** What a reset, stop, credit or packet header counts for on a link of limited bandwidth. */
export const CONTROL_FRAME_BYTES = 32;
/** Stream data that crosses at once. */
const CHUNK_BYTES = 16 * 1024;
const STREAM_KINDS: readonly StreamKind[] = ["bidirectional", "unidirectional"];
