/**
 * The receiving end of a media stream: frames in order for whoever iterates, and no more of them held than the window allows
 * (docs/protocol.md, "Media streams").
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import { EchoStreamError, ErrorCode, protocolViolation, StreamCode } from "../protocol/error.ts";
import { type Frame, FrameType, misplacedFrame } from "../protocol/frame.ts";
import { FrameDecoder } from "../protocol/frame_decoder.ts";
import { decodeMediaPacket, MediaFlag } from "../protocol/media_packet.ts";
import type { Metadata } from "../protocol/metadata.ts";
import type { MediaHeader } from "../protocol/stream_header.ts";
import { CallbackDeadline, type TimerQueue } from "../timer_queue.ts";
import type { IncomingStream, IncomingStreamStats, MediaFrame } from "./incoming_stream.ts";
import type { WindowPool } from "./window_pool.ts";

/** What a receiver is made with, by its session. */
export interface MediaReceiverInit {
  readonly stream: ReceiveStream;
  readonly header: MediaHeader;
  /** Largest body of a MEDIA frame taken, in bytes. */
  readonly maxFrameBytes: number;
  /** Where its window grows from. */
  readonly windows: WindowPool;
  readonly clock: Clock;
  /** Deadlines of its connection. */
  readonly timers: TimerQueue;
  /** How long its reader may hold the sender back, in milliseconds. */
  readonly unreadTimeoutMs: number;
  /** Called when it has ended, and again when its last frame was read. */
  readonly onEnd: () => void;
}

/** One media stream of a peer. */
export class MediaReceiver implements IncomingStream, AsyncIterator<MediaFrame>, ReceiveSink {
  readonly name: string;
  readonly metadata: Metadata;
  readonly clockRate: number;
  readonly #init: MediaReceiverInit;
  readonly #decoder: FrameDecoder;
  readonly #unread: CallbackDeadline;
  // Frames that arrived before somebody asked, or those who asked before a frame arrived: never both.
  #frames: HeldFrame[] = [];
  #asking: Asking[] = [];
  #heldBytes = 0;
  #windowBytes = FIRST_WINDOW_BYTES;
  #framesReceived = 0;
  #bytesReceived = 0;
  #framesRead = 0;
  #begun = false;
  #neglected = false;
  #end: "complete" | "left" | { readonly error: EchoStreamError } | undefined;
  #controller: AbortController | undefined;

  constructor(init: MediaReceiverInit) {
    const { header, maxFrameBytes } = init;
    this.name = header.name;
    this.metadata = header.metadata ?? [];
    this.clockRate = header.clockRateHz;
    this.#init = init;
    this.#decoder = new FrameDecoder(maxFrameBytes);
    this.#unread = new CallbackDeadline(() => this.#onUnread());
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (typeof this.#end === "object") this.#controller.abort(this.#end.error);
    }
    return this.#controller.signal;
  }

  get stats(): IncomingStreamStats {
    return { framesReceived: this.#framesReceived, bytesReceived: this.#bytesReceived, framesRead: this.#framesRead };
  }

  /** Whether somebody iterates it. */
  get isBeingRead(): boolean {
    return this.#begun;
  }

  /** Whether its reader has left before the end. */
  get hasLeft(): boolean {
    return this.#end === "left";
  }

  /** Whether the sender has ended it, be it with frames unread. */
  get isComplete(): boolean {
    return this.#end === "complete";
  }

  /** Whether the sender has ended it and every frame was read. */
  get isTaken(): boolean {
    return this.#end === "complete" && this.#frames.length === 0;
  }

  /** Why it ended before its last frame, if it did so. */
  get failure(): EchoStreamError | undefined {
    return typeof this.#end === "object" ? this.#end.error : undefined;
  }

  /** Whether it ended because its reader held the sender back for too long. */
  get isNeglected(): boolean {
    return this.#neglected;
  }

  [Symbol.asyncIterator](): AsyncIterator<MediaFrame> {
    return this;
  }

  next(): Promise<IteratorResult<MediaFrame>> {
    this.#begun = true;
    const held = this.#frames.shift();
    if (held !== undefined) {
      this.#read(held.costBytes);
      return Promise.resolve({ value: held.frame, done: false });
    }
    if (this.#end === undefined) return new Promise((resolve, reject) => void this.#asking.push({ resolve, reject }));
    return typeof this.#end === "object" ? Promise.reject(this.#end.error) : Promise.resolve(DONE);
  }

  /** The reader leaves (`break`): the sender is asked for no more. */
  return(): Promise<IteratorResult<MediaFrame>> {
    this.#begun = true;
    this.leave();
    return Promise.resolve(DONE);
  }

  /** Take no more frames; whoever still asks gets none. */
  leave(): void {
    if (this.#end !== undefined && this.#frames.length === 0) return;
    if (typeof this.#end !== "object") this.#end = "left";
    this.#frames = [];
    this.#heldBytes = 0;
    this.#init.stream.stop(StreamCode.CANCELLED);
    this.#release();
    for (const { resolve } of this.#asking.splice(0)) resolve(DONE);
    this.#init.onEnd();
  }

  onData(bytes: Uint8Array, finished: boolean): void {
    this.#decoder.push(bytes);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
      this.#take(frame);
      if (this.#end !== undefined) return;
    }
    if (finished) {
      return this.fail(new EchoStreamError(ErrorCode.DATA_LOSS, `Stream "${this.name}" stopped without its end`));
    }
    this.#grant();
  }

  onReset(code: number): void {
    const [status, text] = RESETS.get(code) ?? [ErrorCode.CANCELLED, "was given up by its sender"];
    this.fail(new EchoStreamError(status, `Stream "${this.name}" ${text}`, { remote: true }));
  }

  onClosed(error: Error): void {
    this.fail(error as EchoStreamError);
  }

  /** It ends early: frames that are here can still be read, after them reading fails with `error`. */
  fail(error: EchoStreamError): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#release();
    for (const { reject } of this.#asking.splice(0)) reject(error);
    this.#controller?.abort(error);
    this.#init.onEnd();
  }

  #next(): Frame | undefined {
    try {
      return this.#decoder.next();
    } catch (error) {
      if (!(error instanceof EchoStreamError) || error.code !== "RESOURCE_EXHAUSTED") throw error;
      this.#init.stream.stop(StreamCode.LIMIT_EXCEEDED);
      this.fail(new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, `${error.message} on stream "${this.name}"`));
      return undefined;
    }
  }

  #take(frame: Frame): void {
    // What it tells is for playouts, and there are none yet.
    if (frame.type === FrameType.MEDIA_CLOCK) return;
    if (frame.type !== FrameType.MEDIA) misplacedFrame(frame, "on a media stream");
    const packet = decodeMediaPacket(frame.bytes, frame.start, frame.end);
    if (packet.sequence !== this.#framesReceived % 0x1_0000_0000) {
      throw protocolViolation(`Media frame ${packet.sequence} follows ${this.#framesReceived} frames`);
    }
    if (packet.flags & MediaFlag.END) return this.#complete();
    // A body that came in pieces was put together for this frame alone, so its payload need not be copied again.
    const payload = frame.owned ? packet.payload : packet.payload.slice();
    this.#framesReceived++;
    this.#bytesReceived += payload.length;
    const value: MediaFrame = {
      payload,
      sequence: packet.sequence,
      timestamp: packet.timestamp,
      arrivalUs: this.#init.clock.nowUs(),
    };
    const asking = this.#asking.shift();
    if (asking !== undefined) {
      this.#framesRead++;
      return asking.resolve({ value, done: false });
    }
    const costBytes = payload.length + HELD_OVERHEAD_BYTES;
    this.#frames.push({ frame: value, costBytes });
    this.#heldBytes += costBytes;
  }

  #complete(): void {
    this.#end = "complete";
    this.#release();
    for (const { resolve } of this.#asking.splice(0)) resolve(DONE);
    this.#init.onEnd();
  }

  #read(costBytes: number): void {
    this.#framesRead++;
    this.#heldBytes -= costBytes;
    if (this.#end === undefined) this.#grant();
    else if (this.isTaken) this.#init.onEnd();
  }

  /** Let more come when a good part of the window is free; a window its reader keeps empty grows. */
  #grant(): void {
    const { stream, windows } = this.#init;
    if (this.#heldBytes === 0 && stream.creditBytes < this.#windowBytes / 2 && this.#windowBytes < MAX_WINDOW_BYTES) {
      this.#windowBytes += windows.take(Math.min(this.#windowBytes, MAX_WINDOW_BYTES - this.#windowBytes));
    }
    const missingBytes = this.#windowBytes - this.#heldBytes - stream.creditBytes;
    if (missingBytes >= this.#windowBytes / 4) stream.grant(missingBytes);
    this.#watchReader();
    // A frame larger than the window can only arrive while nothing else is held.
    if (this.#heldBytes === 0) stream.cover(this.#decoder.missing);
  }

  /** What is not read fills the connection's window in the end, and would stop everything else on it. */
  #watchReader(): void {
    const { timers, unreadTimeoutMs } = this.#init;
    if (this.#heldBytes > this.#windowBytes / 2) timers.add(this.#unread, unreadTimeoutMs);
    else timers.remove(this.#unread);
  }

  #onUnread(): void {
    const { stream, unreadTimeoutMs } = this.#init;
    this.#neglected = true;
    stream.stop(StreamCode.LIMIT_EXCEEDED);
    const message = `Stream "${this.name}" was not read for ${unreadTimeoutMs} ms`;
    this.fail(new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message));
  }

  #release(): void {
    this.#init.timers.remove(this.#unread);
    this.#init.windows.give(this.#windowBytes - FIRST_WINDOW_BYTES);
    this.#windowBytes = FIRST_WINDOW_BYTES;
  }
}

interface HeldFrame {
  readonly frame: MediaFrame;
  readonly costBytes: number;
}

interface Asking {
  readonly resolve: (result: IteratorResult<MediaFrame>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: IteratorResult<MediaFrame> = { value: undefined, done: true };
/** Window of a stream whose reader has not shown yet that it keeps up. */
const FIRST_WINDOW_BYTES = 64 * 1024;
/** Largest window, as that of the QUIC stream underneath (docs/security.md). */
const MAX_WINDOW_BYTES = 4 * 1024 * 1024;
/** What a waiting frame costs beside its bytes, roughly. */
const HELD_OVERHEAD_BYTES = 128;

const RESETS: ReadonlyMap<number, readonly [ErrorCode, string]> = new Map([
  [StreamCode.SESSION_CLOSED, [ErrorCode.UNAVAILABLE, "ended with its sender's session"]],
  [StreamCode.INTERNAL_ERROR, [ErrorCode.INTERNAL, "failed at its sender"]],
]);
