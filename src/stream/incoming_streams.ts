/**
 * The media streams a peer has open here: runs their handlers, and tells their senders how they ended
 * (docs/protocol.md, "Media streams").
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import { EchoStreamError, ErrorCode, isStatus, protocolViolation, StreamCode } from "../protocol/error.ts";
import { decodeMediaDatagramHead } from "../protocol/media_fragment.ts";
import { encodeStreamReport, encodeStreamStatus } from "../protocol/message.ts";
import type { MediaHeader } from "../protocol/stream_header.ts";
import type { MetadataLimits } from "../protocol/version.ts";
import { Writer } from "../protocol/writer.ts";
import type { Logger } from "../trace.ts";
import { EarlyMedia } from "./early_media.ts";
import { LossyIntake } from "./lossy_intake.ts";
import { MediaHeaderReader } from "./media_header_reader.ts";
import type { PeerClock } from "./frame_source.ts";
import { MediaReceiver } from "./media_receiver.ts";
import { ReliableIntake } from "./reliable_intake.ts";
import type { StreamHandler, StreamHandlers } from "./stream_handlers.ts";
import { UnitReader, type UnitReaderHost } from "./unit_reader.ts";
import { WindowPool } from "./window_pool.ts";

/** Limits of incoming media streams. */
export interface IncomingStreamLimits extends MetadataLimits {
  /** Largest frame, in bytes. */
  readonly maxMessageBytes: number;
  /** Media streams of a peer at once. */
  readonly maxIncomingStreams: number;
  /** Bytes held for their readers over all streams, beyond 64 KiB for each; as many again of streams that lose frames. */
  readonly maxHeldStreamBytes: number;
  /** How long a reader may hold its sender back, in milliseconds. */
  readonly unreadStreamTimeoutMs: number;
}

/** What incoming streams need besides their connection. */
export interface IncomingStreamsOptions<C> {
  /** What handlers get as their context. */
  readonly context: C;
  readonly handlers: StreamHandlers<C>;
  readonly limits: IncomingStreamLimits;
  readonly log: Logger;
  /** The peer's clock, for those who play its streams. */
  readonly peerClock?: () => PeerClock;
  /** Media left the peer at or after `departureUs` of its clock, and arrived: the fastest of each tenth of a second of a stream. */
  readonly onTransit?: (departureUs: number, arrivalUs: number) => void;
}

/** Takes the media streams of one connection. Shut until {@link open}: until then their handlers wait. */
export class IncomingStreams<C> implements UnitReaderHost {
  /** Called whenever a stream is over. */
  onSettled: (() => void) | undefined;
  /** Media streams that arrived. */
  received = 0;
  /** Of those, streams nobody takes. */
  ignored = 0;
  readonly connection: Connection;
  /** Memory of streams that lose frames: what one fast reliable stream may take all of is no use to them. */
  readonly pool: WindowPool;
  readonly #options: IncomingStreamsOptions<C>;
  readonly #windows: WindowPool;
  readonly #live = new Map<number, Incoming>();
  // Ids of streams that were refused or are over, the latest of them.
  readonly #over = new Set<number>();
  readonly #early: EarlyMedia;
  #opened = false;

  constructor(connection: Connection, options: IncomingStreamsOptions<C>) {
    this.connection = connection;
    this.#options = options;
    this.#windows = new WindowPool(options.limits.maxHeldStreamBytes);
    this.pool = new WindowPool(options.limits.maxHeldStreamBytes);
    this.#early = new EarlyMedia(connection.timers, () => connection.clock.nowUs());
  }

  /** Largest body of a MEDIA frame taken, in bytes. */
  get maxFrameBytes(): number {
    return this.#options.limits.maxMessageBytes;
  }

  /** Streams whose handlers have not ended. */
  get live(): number {
    return this.#live.size;
  }

  /** Of those, streams whose senders have sent everything. */
  get ending(): number {
    let count = 0;
    for (const { receiver } of this.#live.values()) if (receiver.isComplete) count++;
    return count;
  }

  /** Run handlers, those of streams that waited first. */
  open(): void {
    this.#opened = true;
    for (const incoming of this.#live.values()) if (incoming.state === "waiting") this.#run(incoming);
  }

  /** Run no more handlers until {@link open}; those that run read no further, for `error`, which their senders are told. */
  shut(error: EchoStreamError): void {
    this.#opened = false;
    for (const incoming of [...this.#live.values()]) {
      if (incoming.state === "waiting") continue;
      this.#settle(incoming, error);
      incoming.intake.onLeft();
      incoming.receiver.fail(error);
    }
  }

  /** Take over a stream of kind MEDIA; the sink wants the bytes behind the kind. */
  accept(stream: ReceiveStream): ReceiveSink {
    return new MediaHeaderReader(stream, this.#options.limits, (header, rest, finished) => {
      stream.headerRead();
      const sink = this.#admit(stream, header);
      if (sink === undefined) return;
      stream.sink = sink;
      sink.onData(rest, finished);
    });
  }

  /** Who takes a new stream that carries frames of a media stream; its bytes follow behind the kind. */
  acceptUnit(stream: ReceiveStream): ReceiveSink {
    return new UnitReader(stream, this);
  }

  /** @throws {EchoStreamError} PROTOCOL_VIOLATION when the media stream does not travel so. */
  onUnit(unit: UnitReader, mediaStreamId: number): void {
    const incoming = this.#live.get(mediaStreamId);
    if (incoming !== undefined && incoming.header.delivery !== "expiring") {
      throw protocolViolation(`A media unit for a stream of delivery "${incoming.header.delivery}"`);
    }
    if (incoming !== undefined) unit.begin(incoming.intake as LossyIntake);
    else if (this.#over.has(mediaStreamId)) unit.refuse();
    else this.#early.addUnit(mediaStreamId, unit);
  }

  /** A datagram of a media stream, valid only during the call. Malformed ones are dropped. */
  onDatagram(bytes: Uint8Array, arrivalUs: number): void {
    const head = decodeMediaDatagramHead(bytes);
    if (head === undefined) return;
    const { mediaStreamId, start } = head;
    const incoming = this.#live.get(mediaStreamId);
    if (incoming?.intake instanceof LossyIntake) incoming.intake.fragments?.onDatagram(bytes, start, arrivalUs);
    else if (incoming === undefined && !this.#over.has(mediaStreamId)) {
      this.#early.addDatagram(mediaStreamId, bytes, start, arrivalUs);
    }
  }

  /** The peer's handlers are not told any more: the connection is gone, and each stream has been. */
  end(error: EchoStreamError): void {
    this.#early.clear();
    // The stream that holds header and end may have ended before its last frames came.
    for (const { receiver } of this.#live.values()) receiver.fail(error);
    this.#live.clear();
  }

  #admit(stream: ReceiveStream, header: MediaHeader): ReceiveSink | undefined {
    this.received++;
    const { mediaStreamId } = header;
    if (this.#live.has(mediaStreamId)) throw protocolViolation(`Media stream id ${mediaStreamId} came twice`);
    const handler = this.#options.handlers.find(header.name);
    const refusal = this.#refusal(header, handler);
    if (refusal !== undefined) {
      this.#sendStatus(header, 0, refusal);
      stream.stop(StreamCode.REFUSED);
      this.#forget(mediaStreamId);
      this.#early.release(mediaStreamId, undefined);
      return undefined;
    }
    const receiver = new MediaReceiver(header, {
      clock: this.connection.clock,
      peerClock: this.#options.peerClock,
      onTransit: this.#options.onTransit,
      onEnd: () => this.#check(incoming),
      onReport: () => this.#sendReport(incoming),
    });
    const intake = this.#intake(stream, header, receiver);
    receiver.intake = intake;
    const incoming: Incoming = { header, handler: handler!, receiver, intake, state: "waiting", told: false };
    this.#live.set(mediaStreamId, incoming);
    if (this.#opened) this.#run(incoming);
    if (intake instanceof LossyIntake) this.#early.release(mediaStreamId, intake);
    return intake;
  }

  #intake(stream: ReceiveStream, header: MediaHeader, receiver: MediaReceiver): ReliableIntake | LossyIntake {
    const { connection, maxFrameBytes, pool } = this;
    if (header.delivery !== "reliable") {
      return new LossyIntake({ connection, stream, receiver, header, maxFrameBytes, pool });
    }
    const unreadTimeoutMs = this.#options.limits.unreadStreamTimeoutMs;
    return new ReliableIntake({ connection, stream, receiver, maxFrameBytes, windows: this.#windows, unreadTimeoutMs });
  }

  #refusal(header: MediaHeader, handler: StreamHandler<C> | undefined): EchoStreamError | undefined {
    if (header.refused !== undefined) {
      return new EchoStreamError(header.refused, "The header of the stream is not acceptable");
    }
    if (handler === undefined) {
      this.ignored++;
      return new EchoStreamError(ErrorCode.UNIMPLEMENTED, `Nobody takes streams called "${header.name}"`);
    }
    if (this.#live.size < this.#options.limits.maxIncomingStreams) return undefined;
    return new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, "Too many streams are open already");
  }

  #run(incoming: Incoming): void {
    incoming.state = "running";
    const ended = (): void => {
      if (incoming.state === "running") incoming.state = "ended";
      this.#check(incoming);
    };
    // A promise in any case, so that a handler that throws at once is no different.
    new Promise((resolve) => resolve(incoming.handler(this.#options.context, incoming.receiver)))
      .then(ended, (error) => this.#onHandlerError(incoming, error));
  }

  /** Something about the stream or its handler has ended: perhaps all of it has. */
  #check(incoming: Incoming): void {
    const { receiver } = incoming;
    if (!this.#isLive(incoming)) return;
    if (receiver.hasLeft) {
      // A handler that throws out of its loop leaves first and fails in a moment, which says more.
      this.connection.clock.setTimer(() => this.#onLeft(incoming), 0);
      return;
    }
    // Its handler may never end, and its sender need not wait for that.
    if (receiver.isNeglected) this.#tell(incoming, receiver.failure);
    if (incoming.state !== "ended") return;
    if (receiver.isTaken) return this.#settle(incoming, undefined);
    if (receiver.failure !== undefined) return this.#settle(incoming, receiver.failure);
    // A handler may have passed it on to somebody who still reads; otherwise nobody ever will.
    if (!receiver.isBeingRead) receiver.leave();
  }

  #onLeft(incoming: Incoming): void {
    if (!this.#isLive(incoming)) return;
    this.#settle(incoming, new EchoStreamError(ErrorCode.CANCELLED, "Its handler stopped reading"));
  }

  #onHandlerError(incoming: Incoming, error: unknown): void {
    incoming.state = "ended";
    const { receiver } = incoming;
    const isExpected = error === receiver.failure || (error instanceof EchoStreamError && isStatus(error.code));
    if (!isExpected) {
      const message = `Handler of stream "${receiver.name}" failed`;
      this.#options.log({ level: "error", category: "streams", message, error });
    }
    if (!this.#isLive(incoming)) return;
    this.#settle(
      incoming,
      isExpected ? error as EchoStreamError : new EchoStreamError(ErrorCode.INTERNAL, "Its handler failed"),
    );
    receiver.abandon();
  }

  #isLive(incoming: Incoming): boolean {
    return this.#live.get(incoming.header.mediaStreamId) === incoming;
  }

  /** The last word about a stream, unless its sender has said it: that it gave the stream up, or that it is gone. */
  #settle(incoming: Incoming, error: EchoStreamError | undefined): void {
    this.#live.delete(incoming.header.mediaStreamId);
    this.#forget(incoming.header.mediaStreamId);
    if (error === undefined || error !== incoming.receiver.failure || !error.remote) this.#tell(incoming, error);
    this.onSettled?.();
  }

  #tell(incoming: Incoming, error: EchoStreamError | undefined): void {
    if (incoming.told) return;
    incoming.told = true;
    this.#sendStatus(incoming.header, incoming.receiver.stats.framesRead, error);
  }

  /** Frames of that stream that still come are of no use. */
  #forget(mediaStreamId: number): void {
    this.#over.add(mediaStreamId);
    if (this.#over.size > MAX_OVER) this.#over.delete(this.#over.values().next().value!);
  }

  #sendReport({ header, receiver, intake }: Incoming): void {
    encodeStreamReport(writer.reset(), {
      mediaStreamId: header.mediaStreamId,
      congested: receiver.isCongested,
      framesExpected: intake.framesExpected,
      framesReceived: receiver.framesReceived,
      jitterUs: receiver.jitterUs,
    });
    this.connection.sendMessage(writer.view());
  }

  #sendStatus(header: MediaHeader, framesReceived: number, error: EchoStreamError | undefined): void {
    const code = error === undefined || isStatus(error.code)
      ? error?.code as ErrorCode | undefined
      : ErrorCode.INTERNAL;
    const { mediaStreamId } = header;
    encodeStreamStatus(writer.reset(), { mediaStreamId, code, framesReceived, message: error?.message });
    this.connection.sendMessage(writer.view());
  }
}

interface Incoming {
  readonly header: MediaHeader;
  // deno-lint-ignore no-explicit-any -- the context's type is the table's, and the table is the only caller
  readonly handler: StreamHandler<any>;
  readonly receiver: MediaReceiver;
  readonly intake: ReliableIntake | LossyIntake;
  state: "waiting" | "running" | "ended";
  /** The sender knows how it ended. */
  told: boolean;
}

/** Ids that are remembered: frames follow the end of their stream for a round trip. */
const MAX_OVER = 1_024;
const writer = new Writer(256);
