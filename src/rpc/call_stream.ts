/**
 * The bidirectional stream of a streaming call, the same at both ends: frames in within a window, frames out with their
 * back-pressure, and the rule that the last frame carries the end of the stream (docs/protocol.md, "Streaming calls").
 *
 * @module
 */

import { Gate } from "../connection/gate.ts";
import type { InboundBudget, Reservation } from "../connection/inbound_budget.ts";
import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import type { SendStream } from "../connection/send_stream.ts";
import type { BidirectionalStream } from "../connection/streams.ts";
import { type CallMessage, encodeCallMessage } from "../protocol/call_frames.ts";
import { EchoStreamError, ErrorCode, type StreamCode as StreamCodes } from "../protocol/error.ts";
import type { Frame } from "../protocol/frame.ts";
import { FrameDecoder } from "../protocol/frame_decoder.ts";
import { Writer } from "../protocol/writer.ts";

type StreamCode = (typeof StreamCodes)[keyof typeof StreamCodes];

/** Who takes what arrives on the stream of a call. Nothing follows {@link onCut} or {@link onOversize}. */
export interface CallStreamSink {
  /** Bytes of items that arrived and nobody has taken yet. */
  readonly heldBytes: number;
  /** A frame of a known type. */
  onFrame(frame: Frame): void;
  /** The peer finished its half. */
  onFinished(): void;
  /** The peer abandoned its half with this code. */
  onCut(code: number): void;
  /** The peer takes no more of our half, with this code. */
  onStopped(code: number): void;
  /** A frame is larger than this end takes. */
  onOversize(error: EchoStreamError): void;
  /** The connection is gone. */
  onClosed(error: EchoStreamError): void;
}

/** The stream of one call. */
export class CallStream implements ReceiveSink {
  /** Who takes what arrives; may be changed in {@link CallStreamSink.onFrame}. */
  sink!: CallStreamSink;
  readonly #send: SendStream;
  readonly #receive: ReceiveStream;
  readonly #inbound: InboundBudget;
  readonly #decoder: FrameDecoder;
  // Room for a frame that is larger than the window.
  #reservation: Reservation | undefined;
  // About how many items wait to leave, and who waits until fewer do.
  #queuedItems = 0;
  readonly #fewer: Gate = new Gate();

  /** @param maxFrameBytes Largest body of a frame taken. */
  constructor({ send, receive }: BidirectionalStream, inbound: InboundBudget, maxFrameBytes: number) {
    this.#send = send;
    this.#receive = receive;
    this.#inbound = inbound;
    this.#decoder = new FrameDecoder(maxFrameBytes);
    send.onWritten = (bytes) => this.#onWritten(bytes);
    send.onStopped = (code) => {
      this.#fewer.open();
      this.sink.onStopped(code);
    };
  }

  /** Whether our half has ended: finished, reset, stopped by the peer, or lost. */
  get sendEnded(): boolean {
    return this.#send.ended;
  }

  /** Whether another item would be welcome. */
  get writable(): boolean {
    return this.#send.writable && this.#queuedItems < MAX_QUEUED_ITEMS;
  }

  /** Resolves when {@link writable} holds; rejects when our half has ended. */
  async ready(): Promise<void> {
    await this.#send.ready();
    while (this.#queuedItems >= MAX_QUEUED_ITEMS && !this.#send.ended) await this.#fewer.wait();
    await this.#send.ready();
  }

  /** Begin to read: what has arrived is delivered at once. */
  start(sink: CallStreamSink): void {
    this.sink = sink;
    this.#receive.sink = this;
  }

  /** The caller's HEADERS are complete, so that their limit of time no longer applies. */
  headerRead(): void {
    this.#receive.headerRead();
  }

  /** Send what `encode` writes; with `finish`, as the last of our half. On a half that has ended nothing happens. */
  send(encode: (writer: Writer) => void, finish = false): void {
    if (this.#send.ended) return;
    encode(writer.reset());
    if (finish) this.#send.finish(writer.view());
    else this.#send.write(writer.view());
  }

  /** Send an item. On a half that has ended nothing happens. */
  sendItem(message: CallMessage): void {
    if (this.#send.ended) return;
    encodeCallMessage(writer.reset(), message);
    this.#send.write(writer.view());
    this.#queuedItems++;
  }

  /** Let the sender go on after the reader has taken something. */
  grant(): void {
    const heldBytes = this.sink.heldBytes;
    const takenBytes = this.#receive.receivedBytes - heldBytes;
    const windowBytes = Math.min(Math.max(takenBytes, LEAST_WINDOW_BYTES), WINDOW_BYTES);
    const missingBytes = windowBytes - heldBytes - this.#receive.creditBytes;
    if (missingBytes >= windowBytes / 4) this.#receive.grant(missingBytes);
    // A frame larger than the window can only arrive while nothing else is held, and when it is paid for.
    if (heldBytes === 0 && this.#decoder.missing > this.#receive.creditBytes) this.#reserve(this.#decoder.missing);
  }

  /** Abandon what of our half has not left, and ask for no more of the peer's. */
  cancel(code: StreamCode): void {
    this.reset(code);
    this.stop(code);
  }

  /** Abandon our half; the peer's goes on. */
  reset(code: StreamCode): void {
    this.#send.reset(code);
    this.#fewer.open();
  }

  /** Ask for no more of the peer's half; ours goes on. */
  stop(code: StreamCode): void {
    this.#receive.stop(code);
    this.#release();
  }

  onData(bytes: Uint8Array, finished: boolean): void {
    this.#decoder.push(bytes);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
      this.#release();
      this.sink.onFrame(frame);
      if (this.#receive.ended && !finished) return;
    }
    if (!finished) return this.grant();
    this.#release();
    this.sink.onFinished();
  }

  onReset(code: number): void {
    this.#release();
    this.sink.onCut(code);
  }

  onClosed(error: Error): void {
    this.#release();
    this.sink.onClosed(error as EchoStreamError);
  }

  #next(): Frame | undefined {
    try {
      return this.#decoder.next();
    } catch (error) {
      if (!(error instanceof EchoStreamError) || error.code !== ErrorCode.RESOURCE_EXHAUSTED) throw error;
      this.sink.onOversize(error);
      return undefined;
    }
  }

  #onWritten(bytes: number): void {
    const { queuedBytes } = this.#send;
    // Items are of a size, by and large.
    this.#queuedItems = Math.floor(this.#queuedItems * queuedBytes / (queuedBytes + bytes));
    if (this.#queuedItems <= MAX_QUEUED_ITEMS / 2) this.#fewer.open();
  }

  #reserve(bytes: number): void {
    this.#reservation ??= this.#inbound.reserve(bytes, () => this.#receive.cover(bytes));
  }

  #release(): void {
    if (this.#reservation === undefined) return;
    const reservation = this.#reservation;
    this.#reservation = undefined;
    this.#inbound.cancel(reservation);
  }
}

/** What is held for a reader at most. */
const WINDOW_BYTES = 64 * 1024;
/**
 * What is held for one that has not read more than that yet. quiche doubles the window of a stream whose bytes are taken as fast as
 * they come, and of the connection's window everybody shares streams that nobody reads must have little.
 */
const LEAST_WINDOW_BYTES = 16 * 1024;

/** So many small items may wait to leave, however few bytes they have: a generator that never waits would hold up everything else. */
const MAX_QUEUED_ITEMS = 512;

// Encoding and handing over are synchronous, so one slab serves all calls.
const writer = new Writer();
