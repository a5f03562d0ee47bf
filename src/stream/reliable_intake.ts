/**
 * Where the frames of a reliable media stream come from: one stream, in order, and no more of it than the window allows
 * (docs/protocol.md, "Deliveries").
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import { EchoStreamError, ErrorCode, protocolViolation, StreamCode } from "../protocol/error.ts";
import { type Frame, FrameType, misplacedFrame } from "../protocol/frame.ts";
import { FrameDecoder } from "../protocol/frame_decoder.ts";
import { decodeMediaClock } from "../protocol/media_clock.ts";
import { decodeMediaPacket, MediaFlag } from "../protocol/media_packet.ts";
import { CallbackDeadline } from "../timer_queue.ts";
import { resetError, truncatedError } from "./anchor_end.ts";
import type { Intake, MediaReceiver } from "./media_receiver.ts";
import type { WindowPool } from "./window_pool.ts";

/** What an intake is made with, by its session. */
export interface ReliableIntakeInit {
  readonly connection: Connection;
  readonly stream: ReceiveStream;
  readonly receiver: MediaReceiver;
  /** Largest body of a MEDIA frame taken, in bytes. */
  readonly maxFrameBytes: number;
  /** Where its window grows from. */
  readonly windows: WindowPool;
  /** How long its reader may hold the sender back, in milliseconds. */
  readonly unreadTimeoutMs: number;
}

/** Reads one stream. */
export class ReliableIntake implements ReceiveSink, Intake {
  readonly fragmentsRecovered: number = 0;
  readonly #init: ReliableIntakeInit;
  readonly #decoder: FrameDecoder;
  readonly #unread: CallbackDeadline;
  #windowBytes = FIRST_WINDOW_BYTES;

  constructor(init: ReliableIntakeInit) {
    this.#init = init;
    this.#decoder = new FrameDecoder(init.maxFrameBytes);
    this.#unread = new CallbackDeadline(() => this.#onUnread());
  }

  get framesExpected(): number {
    return this.#init.receiver.framesReceived;
  }

  onData(bytes: Uint8Array, finished: boolean): void {
    const { receiver } = this.#init;
    this.#decoder.push(bytes);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
      this.#take(frame);
      if (receiver.hasEnded) return;
    }
    if (finished) return receiver.fail(truncatedError(receiver.name));
    if (!receiver.hasEnded) this.#grant();
  }

  onReset(code: number): void {
    this.#init.receiver.fail(resetError(code, this.#init.receiver.name));
  }

  onClosed(error: Error): void {
    this.#init.receiver.fail(error as EchoStreamError);
  }

  onRead(): void {
    this.#grant();
  }

  onLeft(): void {
    this.#init.stream.stop(StreamCode.CANCELLED);
  }

  onEnded(): void {
    this.#init.connection.timers.remove(this.#unread);
    this.#init.windows.give(this.#windowBytes - FIRST_WINDOW_BYTES);
    this.#windowBytes = FIRST_WINDOW_BYTES;
  }

  #next(): Frame | undefined {
    try {
      return this.#decoder.next();
    } catch (error) {
      if (!(error instanceof EchoStreamError) || error.code !== "RESOURCE_EXHAUSTED") throw error;
      const { stream, receiver } = this.#init;
      stream.stop(StreamCode.LIMIT_EXCEEDED);
      const message = `${error.message} on stream "${receiver.name}"`;
      receiver.fail(new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message));
      return undefined;
    }
  }

  #take(frame: Frame): void {
    const { connection, receiver } = this.#init;
    if (frame.type === FrameType.MEDIA_CLOCK) {
      receiver.clockReference = decodeMediaClock(frame.bytes, frame.start, frame.end);
      return;
    }
    if (frame.type !== FrameType.MEDIA) misplacedFrame(frame, "on a media stream");
    const { flags, sequence, timestamp, payload } = decodeMediaPacket(frame.bytes, frame.start, frame.end);
    if (sequence !== receiver.framesReceived % 0x1_0000_0000) {
      throw protocolViolation(`Media frame ${sequence} follows ${receiver.framesReceived} frames`);
    }
    if (flags & MediaFlag.END) return receiver.complete();
    receiver.deliver({
      // A body that came in pieces was put together for this frame alone, so its payload need not be copied again.
      payload: frame.owned ? payload : payload.slice(),
      sequence,
      timestamp,
      arrivalUs: connection.arrivalUs,
    }, flags);
  }

  /** Let more come when a good part of the window is free; a window its reader keeps empty grows. */
  #grant(): void {
    const { stream, windows, receiver } = this.#init;
    const { heldBytes } = receiver;
    if (heldBytes === 0 && stream.creditBytes < this.#windowBytes / 2 && this.#windowBytes < MAX_WINDOW_BYTES) {
      this.#windowBytes += windows.take(Math.min(this.#windowBytes, MAX_WINDOW_BYTES - this.#windowBytes));
    }
    const missingBytes = this.#windowBytes - heldBytes - stream.creditBytes;
    if (missingBytes >= this.#windowBytes / 4) stream.grant(missingBytes);
    this.#watchReader();
    // A frame larger than the window can only arrive while nothing else is held.
    if (heldBytes === 0) stream.cover(this.#decoder.missing);
  }

  /** What is not read fills the connection's window in the end, and would stop everything else on it. */
  #watchReader(): void {
    const { connection: { timers }, receiver, unreadTimeoutMs } = this.#init;
    if (receiver.heldBytes > this.#windowBytes / 2) timers.add(this.#unread, unreadTimeoutMs);
    else timers.remove(this.#unread);
  }

  #onUnread(): void {
    const { stream, receiver, unreadTimeoutMs } = this.#init;
    stream.stop(StreamCode.LIMIT_EXCEEDED);
    const message = `Stream "${receiver.name}" was not read for ${unreadTimeoutMs} ms`;
    receiver.neglect(new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message));
  }
}

/** Window of a stream whose reader has not shown yet that it keeps up. */
const FIRST_WINDOW_BYTES = 64 * 1024;
/** Largest window, as that of the QUIC stream underneath (docs/security.md). */
const MAX_WINDOW_BYTES = 4 * 1024 * 1024;
