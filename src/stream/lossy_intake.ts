/**
 * Where the frames of a media stream come from when some may be lost: header, clock and end on a stream that waits for nothing, frames
 * beside it, in streams of their own or in datagrams (docs/protocol.md, "Deliveries").
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
import type { MediaHeader } from "../protocol/stream_header.ts";
import { CallbackDeadline } from "../timer_queue.ts";
import { resetError, truncatedError } from "./anchor_end.ts";
import { ArrivalWindow } from "./arrival_window.ts";
import { FragmentIntake } from "./fragment_intake.ts";
import type { Intake, MediaReceiver } from "./media_receiver.ts";
import type { WindowPool } from "./window_pool.ts";

/** What an intake is made with, by its session. */
export interface LossyIntakeInit {
  readonly connection: Connection;
  readonly stream: ReceiveStream;
  readonly receiver: MediaReceiver;
  readonly header: MediaHeader;
  /** Largest body of a MEDIA frame taken, in bytes. */
  readonly maxFrameBytes: number;
  /** Memory of all streams of this kind, beyond {@link FREE_BYTES} for each. */
  readonly pool: WindowPool;
}

/** Takes the frames of one stream as they arrive, each once. */
export class LossyIntake implements ReceiveSink, Intake {
  /** For frames that come in datagrams. */
  readonly fragments: FragmentIntake | undefined;
  readonly #init: LossyIntakeInit;
  readonly #decoder: FrameDecoder;
  readonly #window = new ArrivalWindow();
  readonly #missingDeadline: CallbackDeadline;
  // Frames the sender has sent, once it has said so.
  #total: number | undefined;
  #pooledBytes = 0;

  constructor(init: LossyIntakeInit) {
    const { header, maxFrameBytes, pool, receiver } = init;
    this.#init = init;
    this.#decoder = new FrameDecoder(maxFrameBytes);
    this.#missingDeadline = new CallbackDeadline(() => receiver.complete());
    if (header.delivery !== "datagram") return;
    this.fragments = new FragmentIntake({
      maxFrameBytes,
      maxLatencyMs: header.maxLatencyMs!,
      parityEvery: header.parityEvery!,
      pool,
      isKnown: (sequence) => this.#window.has(sequence),
      onFrame: (...frame) => this.onFrame(...frame),
    });
  }

  get framesExpected(): number {
    return Math.min(Number.MAX_SAFE_INTEGER, Math.max(this.#window.expected, this.#total ?? 0));
  }

  get fragmentsRecovered(): number {
    return this.fragments?.recovered ?? 0;
  }

  /** A frame is complete; `flags` are `MediaFlag` bits, `payload` belongs to it alone. */
  onFrame(flags: number, sequence: number, timestamp: number, payload: Uint8Array, arrivalUs: number): void {
    const { receiver } = this.#init;
    if (receiver.hasEnded || !this.#window.add(sequence)) return;
    receiver.deliver({ payload, sequence, timestamp, arrivalUs }, flags);
    this.#boundHeld();
    this.#checkComplete();
  }

  /** A frame is larger than allowed: its sender knows better. */
  onOversize(error: EchoStreamError): void {
    const { stream, receiver } = this.#init;
    stream.stop(StreamCode.LIMIT_EXCEEDED);
    receiver.fail(new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, `${error.message} on stream "${receiver.name}"`));
  }

  onData(bytes: Uint8Array, finished: boolean): void {
    const { receiver, stream } = this.#init;
    if (this.#total !== undefined) return;
    this.#decoder.push(bytes);
    for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) {
      this.#take(frame);
      if (this.#total !== undefined) return;
    }
    if (finished) return receiver.fail(truncatedError(receiver.name));
    // Little comes here, and what is skipped is not held: nobody has to wait for credit.
    stream.cover(Math.max(CREDIT_BYTES, this.#decoder.missing));
  }

  onReset(code: number): void {
    if (this.#total === undefined) this.#init.receiver.fail(resetError(code, this.#init.receiver.name));
  }

  onClosed(error: Error): void {
    this.#init.receiver.fail(error as EchoStreamError);
  }

  onConnectionClosed(error: EchoStreamError): void {
    this.#init.receiver.fail(error);
  }

  onRead(): void {
    const surplusBytes = this.#pooledBytes - Math.max(0, this.#init.receiver.heldBytes - FREE_BYTES);
    this.#pooledBytes -= surplusBytes;
    this.#init.pool.give(surplusBytes);
  }

  onLeft(): void {
    this.#init.stream.stop(StreamCode.CANCELLED);
  }

  onEnded(): void {
    this.#init.connection.timers.remove(this.#missingDeadline);
    this.fragments?.clear();
    this.#init.pool.give(this.#pooledBytes);
    this.#pooledBytes = 0;
  }

  #take(frame: Frame): void {
    if (frame.type === FrameType.MEDIA_CLOCK) {
      this.#init.receiver.clockReference = decodeMediaClock(frame.bytes, frame.start, frame.end);
      return;
    }
    if (frame.type !== FrameType.MEDIA) misplacedFrame(frame, "on a media stream");
    const { flags, sequence } = decodeMediaPacket(frame.bytes, frame.start, frame.end);
    if (!(flags & MediaFlag.END)) throw protocolViolation("A media frame on the stream that holds only its end");
    this.#total = this.#window.unwrapCount(sequence);
    this.#checkComplete();
    if (!this.#init.receiver.hasEnded) this.#awaitMissing();
  }

  #checkComplete(): void {
    if (this.#total !== undefined && this.#window.received >= this.#total) this.#init.receiver.complete();
  }

  /** What was sent last may still be on its way, for as long as the sender holds on to it. */
  #awaitMissing(): void {
    const { connection, header } = this.#init;
    const roundTripMs = connection.stats().roundTripTimeUs / 1000;
    connection.timers.add(this.#missingDeadline, header.maxLatencyMs! + Math.min(roundTripMs, MAX_ROUND_TRIP_MS));
  }

  /** A reader that does not keep up loses the oldest frames. */
  #boundHeld(): void {
    const { receiver, pool } = this.#init;
    for (;;) {
      const neededBytes = receiver.heldBytes - FREE_BYTES - this.#pooledBytes;
      if (neededBytes <= 0) return;
      this.#pooledBytes += pool.take(neededBytes);
      if (receiver.heldBytes <= FREE_BYTES + this.#pooledBytes) return;
      if (receiver.heldFrames <= 1) return;
      receiver.dropOldest();
    }
  }
}

/** What a stream may hold without asking. */
const FREE_BYTES = 64 * 1024;
/** Credit of a stream that carries references and an end. */
const CREDIT_BYTES = 4_096;
/** A longer round trip is a mistake, or not worth the wait. */
const MAX_ROUND_TRIP_MS = 3_000;
