/**
 * The reader's end of an incoming media stream: frames for whoever iterates or plays it. Where they come from, and how many are held,
 * is its intake's business.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import { MediaFlag } from "../protocol/media_packet.ts";
import type { Metadata } from "../protocol/metadata.ts";
import type { Delivery, MediaHeader } from "../protocol/stream_header.ts";
import { ticksToUs } from "../protocol/timestamp.ts";
import { FastestTransit } from "./fastest_transit.ts";
import type { ClockReference, FrameSink, PeerClock } from "./frame_source.ts";
import type { IncomingStream, IncomingStreamStats, MediaFrame } from "./incoming_stream.ts";
import { Playout } from "./playout.ts";
import type { PlayoutOptions } from "./playout_options.ts";
import { Reception } from "./reception.ts";

/** What a receiver needs of where its frames come from. */
export interface Intake {
  /** Frames sent, as far as is known. */
  readonly framesExpected: number;
  /** Fragments recovered by parity. */
  readonly fragmentsRecovered: number;
  /** The reader took frames that were held. */
  onRead(): void;
  /** No frame is wanted any more: the sender is to stop. */
  onLeft(): void;
  /** Nothing comes any more; what is held for it may be let go. */
  onEnded(): void;
}

/** What a receiver tells its session. */
export interface MediaReceiverHost {
  /** Local time. */
  readonly clock: Clock;
  /** The sender's clock, where somebody keeps it. */
  readonly peerClock?: (() => PeerClock) | undefined;
  /** Frames left at or after `departureUs` of the sender's clock, and arrived: the fastest of each tenth of a second. */
  readonly onTransit?: ((departureUs: number, arrivalUs: number) => void) | undefined;
  /** It has ended, or its last frame was read. */
  onEnd(): void;
  /** A report to the sender is due. */
  onReport(): void;
}

/** One media stream of a peer. */
export class MediaReceiver implements IncomingStream, AsyncIterator<MediaFrame> {
  readonly name: string;
  readonly metadata: Metadata;
  readonly clockRate: number;
  readonly delivery: Delivery;
  /** Where its frames come from; to be set before anything arrives. */
  intake!: Intake;
  clockReference: ClockReference | undefined;
  readonly #host: MediaReceiverHost;
  readonly #reception: Reception;
  readonly #transits: FastestTransit | undefined;
  // Frames that arrived before somebody asked, or those who asked before a frame arrived: never both.
  #frames: HeldFrame[] = [];
  #asking: Asking[] = [];
  #sink: FrameSink | undefined;
  #heldBytes = 0;
  #framesReceived = 0;
  #bytesReceived = 0;
  #framesRead = 0;
  #framesDropped = 0;
  #begun = false;
  #neglected = false;
  #end: "complete" | "left" | { readonly error: EchoStreamError } | undefined;
  #controller: AbortController | undefined;

  constructor(header: MediaHeader, host: MediaReceiverHost) {
    this.name = header.name;
    this.metadata = header.metadata ?? [];
    this.clockRate = header.clockRateHz;
    this.delivery = header.delivery;
    this.#host = host;
    this.#reception = new Reception(header.clockRateHz);
    this.#transits = host.onTransit === undefined ? undefined : new FastestTransit(host.onTransit);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (typeof this.#end === "object") this.#controller.abort(this.#end.error);
    }
    return this.#controller.signal;
  }

  get stats(): IncomingStreamStats {
    return {
      framesReceived: this.#framesReceived,
      bytesReceived: this.#bytesReceived,
      framesRead: this.#framesRead,
      framesDropped: this.#framesDropped,
      framesLost: Math.max(0, this.intake.framesExpected - this.#framesReceived),
      fragmentsRecovered: this.intake.fragmentsRecovered,
      jitter: this.#reception.jitterUs / 1e6,
    };
  }

  /** Frames that arrived, each counted once. */
  get framesReceived(): number {
    return this.#framesReceived;
  }

  /** What frames cost that arrived and were not read, in bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Frames that arrived and were not read. */
  get heldFrames(): number {
    return this.#frames.length;
  }

  /** Interarrival jitter, in whole microseconds. */
  get jitterUs(): number {
    return Math.round(this.#reception.jitterUs);
  }

  /** Whether frames come too late for whoever plays them. */
  get isCongested(): boolean {
    return this.#sink?.isCongested ?? false;
  }

  /** Whether somebody iterates or plays it. */
  get isBeingRead(): boolean {
    return this.#begun;
  }

  /** Whether no frame can be added any more. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
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
    if (this.#sink !== undefined) return Promise.reject(new TypeError(`Stream "${this.name}" is being played`));
    this.#begun = true;
    const held = this.#frames.shift();
    if (held !== undefined) {
      this.#framesRead++;
      this.#heldBytes -= held.costBytes;
      this.#afterRead();
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

  get peerClock(): PeerClock | undefined {
    return this.#host.peerClock?.();
  }

  playout(options?: PlayoutOptions): Playout {
    return new Playout(this, this.#host.clock, options);
  }

  attach(sink: FrameSink): void {
    if (this.#begun) throw new TypeError(`Stream "${this.name}" is being read or played already`);
    this.#begun = true;
    this.#sink = sink;
    const held = this.#frames;
    this.#frames = [];
    this.#heldBytes = 0;
    this.#framesRead += held.length;
    for (const { frame } of held) sink.onFrame(frame);
    if (this.#end !== undefined) sink.onEnd(this.failure);
    if (held.length > 0) this.#afterRead();
  }

  /** Take no more frames; whoever still asks gets none. */
  leave(): void {
    if (this.#end !== undefined && this.#frames.length === 0) return;
    const hadEnded = this.#end !== undefined;
    if (typeof this.#end !== "object") this.#end = "left";
    this.#frames = [];
    this.#heldBytes = 0;
    if (!hadEnded) this.intake.onLeft();
    this.intake.onEnded();
    for (const { resolve } of this.#asking.splice(0)) resolve(DONE);
    this.#host.onEnd();
  }

  /** Its handler is over: as {@link leave}, and a playout learns it. */
  abandon(): void {
    const hadEnded = this.#end !== undefined;
    this.leave();
    if (!hadEnded) this.#sink?.onEnd(undefined);
  }

  /** A frame has arrived; `flags` are `MediaFlag` bits. */
  deliver(frame: MediaFrame, flags: number): void {
    this.#framesReceived++;
    if (flags & MediaFlag.SENT) {
      this.#transits?.observe(Math.floor(ticksToUs(frame.timestamp, this.clockRate)), frame.arrivalUs);
    }
    this.#bytesReceived += frame.payload.length;
    this.#reception.onFrame(frame.timestamp, frame.arrivalUs);
    if (this.#sink !== undefined) {
      this.#framesRead++;
      this.#sink.onFrame(frame);
    } else {
      this.#offer(frame);
    }
    if (this.#reception.takeReport(frame.arrivalUs)) this.#host.onReport();
  }

  /** Drop the oldest of the frames nobody has read. */
  dropOldest(): void {
    const held = this.#frames.shift();
    if (held === undefined) return;
    this.#heldBytes -= held.costBytes;
    this.#framesDropped++;
  }

  /** The sender has ended it, and nothing more is expected. */
  complete(): void {
    if (this.#end !== undefined) return;
    this.#end = "complete";
    this.intake.onEnded();
    for (const { resolve } of this.#asking.splice(0)) resolve(DONE);
    this.#sink?.onEnd(undefined);
    this.#host.onEnd();
  }

  /** It ends because its reader held the sender back for too long. */
  neglect(error: EchoStreamError): void {
    this.#neglected = true;
    this.fail(error);
  }

  /** It ends early: frames that are here can still be read, after them reading fails with `error`. */
  fail(error: EchoStreamError): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.intake.onEnded();
    for (const { reject } of this.#asking.splice(0)) reject(error);
    this.#sink?.onEnd(error);
    this.#controller?.abort(error);
    this.#host.onEnd();
  }

  #offer(frame: MediaFrame): void {
    const asking = this.#asking.shift();
    if (asking !== undefined) {
      this.#framesRead++;
      return asking.resolve({ value: frame, done: false });
    }
    const costBytes = frame.payload.length + HELD_OVERHEAD_BYTES;
    this.#frames.push({ frame, costBytes });
    this.#heldBytes += costBytes;
  }

  #afterRead(): void {
    if (this.#end === undefined) this.intake.onRead();
    else if (this.isTaken) this.#host.onEnd();
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
/** What a waiting frame costs beside its bytes, roughly. */
const HELD_OVERHEAD_BYTES = 128;
