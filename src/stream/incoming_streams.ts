/**
 * The media streams a peer has open here: runs their handlers, and tells their senders how they ended
 * (docs/protocol.md, "Media streams").
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import { EchoStreamError, ErrorCode, isStatus, StreamCode } from "../protocol/error.ts";
import { encodeStreamStatus } from "../protocol/message.ts";
import type { MediaHeader } from "../protocol/stream_header.ts";
import type { MetadataLimits } from "../protocol/version.ts";
import { Writer } from "../protocol/writer.ts";
import type { Logger } from "../trace.ts";
import { MediaHeaderReader } from "./media_header_reader.ts";
import { MediaReceiver } from "./media_receiver.ts";
import type { StreamHandler, StreamHandlers } from "./stream_handlers.ts";
import { WindowPool } from "./window_pool.ts";

/** Limits of incoming media streams. */
export interface IncomingStreamLimits extends MetadataLimits {
  /** Largest frame, in bytes. */
  readonly maxMessageBytes: number;
  /** Media streams of a peer at once. */
  readonly maxIncomingStreams: number;
  /** Bytes held for their readers over all streams, beyond 64 KiB for each. */
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
}

/** Takes the media streams of one connection. Shut until {@link open}: until then their handlers wait. */
export class IncomingStreams<C> {
  /** Called whenever a stream is over. */
  onSettled: (() => void) | undefined;
  /** Media streams that arrived. */
  received = 0;
  /** Of those, streams nobody takes. */
  ignored = 0;
  readonly #connection: Connection;
  readonly #options: IncomingStreamsOptions<C>;
  readonly #windows: WindowPool;
  readonly #live = new Set<Incoming>();
  #opened = false;

  constructor(connection: Connection, options: IncomingStreamsOptions<C>) {
    this.#connection = connection;
    this.#options = options;
    this.#windows = new WindowPool(options.limits.maxHeldStreamBytes);
  }

  /** Streams whose handlers have not ended. */
  get live(): number {
    return this.#live.size;
  }

  /** Of those, streams whose senders have sent everything. */
  get ending(): number {
    let count = 0;
    for (const { receiver } of this.#live) if (receiver.isComplete) count++;
    return count;
  }

  /** Run handlers, those of streams that waited first. */
  open(): void {
    this.#opened = true;
    for (const incoming of this.#live) this.#run(incoming);
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

  /** The peer's handlers are not told any more: the connection is gone, and each stream has been. */
  end(): void {
    this.#live.clear();
  }

  #admit(stream: ReceiveStream, header: MediaHeader): ReceiveSink | undefined {
    this.received++;
    const handler = this.#options.handlers.find(header.name);
    const refusal = this.#refusal(header, handler);
    if (refusal !== undefined) {
      this.#sendStatus(header, 0, refusal);
      stream.stop(StreamCode.REFUSED);
      return undefined;
    }
    const incoming: Incoming = { header, handler: handler!, state: "waiting", told: false, receiver: undefined! };
    incoming.receiver = new MediaReceiver({
      stream,
      header,
      maxFrameBytes: this.#options.limits.maxMessageBytes,
      windows: this.#windows,
      clock: this.#connection.clock,
      timers: this.#connection.timers,
      unreadTimeoutMs: this.#options.limits.unreadStreamTimeoutMs,
      onEnd: () => this.#check(incoming),
    });
    this.#live.add(incoming);
    if (this.#opened) this.#run(incoming);
    return incoming.receiver;
  }

  #refusal(header: MediaHeader, handler: StreamHandler<C> | undefined): EchoStreamError | undefined {
    if (header.refused !== undefined) {
      return new EchoStreamError(header.refused, "The header of the stream is not acceptable");
    }
    if (header.delivery !== "reliable") {
      return new EchoStreamError(ErrorCode.UNIMPLEMENTED, `Delivery "${header.delivery}" is not available`);
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
    if (!this.#live.has(incoming)) return;
    if (receiver.hasLeft) {
      // A handler that throws out of its loop leaves first and fails in a moment, which says more.
      this.#connection.clock.setTimer(() => this.#onLeft(incoming), 0);
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
    if (!this.#live.has(incoming)) return;
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
    if (!this.#live.has(incoming)) return;
    this.#settle(
      incoming,
      isExpected ? error as EchoStreamError : new EchoStreamError(ErrorCode.INTERNAL, "Its handler failed"),
    );
    receiver.leave();
  }

  /** The last word about a stream, unless its sender has said it: that it gave the stream up, or that it is gone. */
  #settle(incoming: Incoming, error: EchoStreamError | undefined): void {
    this.#live.delete(incoming);
    if (error === undefined || error !== incoming.receiver.failure || !error.remote) this.#tell(incoming, error);
    this.onSettled?.();
  }

  #tell(incoming: Incoming, error: EchoStreamError | undefined): void {
    if (incoming.told) return;
    incoming.told = true;
    this.#sendStatus(incoming.header, incoming.receiver.stats.framesRead, error);
  }

  #sendStatus(header: MediaHeader, framesReceived: number, error: EchoStreamError | undefined): void {
    const code = error === undefined || isStatus(error.code)
      ? error?.code as ErrorCode | undefined
      : ErrorCode.INTERNAL;
    const { mediaStreamId } = header;
    encodeStreamStatus(writer.reset(), { mediaStreamId, code, framesReceived, message: error?.message });
    this.#connection.sendMessage(writer.view());
  }
}

interface Incoming {
  readonly header: MediaHeader;
  // deno-lint-ignore no-explicit-any -- the context's type is the table's, and the table is the only caller
  readonly handler: StreamHandler<any>;
  receiver: MediaReceiver;
  state: "waiting" | "running" | "ended";
  /** The sender knows how it ended. */
  told: boolean;
}

const writer = new Writer(256);
