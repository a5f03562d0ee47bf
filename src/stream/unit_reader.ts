/**
 * A stream that carries frames of a media stream beside it: reads the id, waits until the media stream is known, then takes frames
 * (docs/protocol.md, "Deliveries").
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import { EchoStreamError, protocolViolation, StreamCode } from "../protocol/error.ts";
import { type Frame, FrameType, misplacedFrame } from "../protocol/frame.ts";
import { FrameDecoder } from "../protocol/frame_decoder.ts";
import { decodeMediaPacket, MediaFlag } from "../protocol/media_packet.ts";
import { decodeMediaUnitHead } from "../protocol/media_unit.ts";
import type { LossyIntake } from "./lossy_intake.ts";
import type { WindowPool } from "./window_pool.ts";

/** What a reader needs of its session. */
export interface UnitReaderHost {
  readonly connection: Connection;
  /** Largest body of a MEDIA frame taken, in bytes. */
  readonly maxFrameBytes: number;
  /** Where the memory of a frame in progress comes from, beyond what arrives without asking. */
  readonly pool: WindowPool;
  /** The id is known: call {@link UnitReader.begin} or {@link UnitReader.refuse}, now or later. */
  onUnit(unit: UnitReader, mediaStreamId: number): void;
}

/** Reads one stream. */
export class UnitReader implements ReceiveSink {
  readonly #stream: ReceiveStream;
  readonly #host: UnitReaderHost;
  readonly #decoder: FrameDecoder;
  #intake: LossyIntake | undefined;
  #isIdRead = false;
  // What came before the media stream was known, and when the last of it came.
  #held: Uint8Array = NOTHING;
  #heldUs = 0;
  #pooledBytes = 0;
  #over = false;

  constructor(stream: ReceiveStream, host: UnitReaderHost) {
    this.#stream = stream;
    this.#host = host;
    this.#decoder = new FrameDecoder(host.maxFrameBytes);
  }

  /** Bytes behind the kind of the stream. @throws {EchoStreamError} PROTOCOL_VIOLATION when they are malformed. */
  onData(bytes: Uint8Array, finished: boolean): void {
    if (this.#over) return;
    const { arrivalUs } = this.#host.connection;
    if (this.#intake !== undefined) {
      this.#takeFrames(this.#intake, bytes, arrivalUs);
      if (finished) this.#end();
      return;
    }
    this.#heldUs = arrivalUs;
    if (this.#isIdRead) {
      this.#hold(bytes);
      return;
    }
    this.#hold(bytes);
    const head = decodeMediaUnitHead(this.#held, 0, this.#held.length);
    if (head === undefined) {
      if (finished) throw protocolViolation("A media unit ended inside its media stream id");
      // The bytes are lent for this call only.
      this.#held = this.#held.slice();
      return;
    }
    this.#isIdRead = true;
    this.#stream.headerRead();
    this.#held = this.#held.subarray(head.end);
    this.#host.onUnit(this, head.mediaStreamId);
    // What it holds from now on outlives the call.
    if (this.#intake === undefined) this.#held = this.#held.slice();
  }

  /** A frame that is not complete is lost. */
  onReset(): void {
    this.#end();
  }

  onClosed(): void {
    this.#end();
  }

  /** The media stream is known: give it what came, and what comes. */
  begin(intake: LossyIntake): void {
    if (this.#over) return;
    this.#intake = intake;
    const held = this.#held;
    this.#held = NOTHING;
    if (held.length > 0) this.#takeFrames(intake, held, this.#heldUs);
    if (this.#stream.ended) this.#end();
  }

  /** Nobody takes it. */
  refuse(): void {
    this.#end();
    this.#stream.stop(StreamCode.CANCELLED);
  }

  #hold(bytes: Uint8Array): void {
    if (this.#held.length === 0) {
      this.#held = this.#isIdRead ? bytes.slice() : bytes;
      return;
    }
    const whole = new Uint8Array(this.#held.length + bytes.length);
    whole.set(this.#held);
    whole.set(bytes, this.#held.length);
    this.#held = whole;
  }

  #takeFrames(intake: LossyIntake, bytes: Uint8Array, arrivalUs: number): void {
    this.#decoder.push(bytes);
    for (let frame = this.#next(intake); frame !== undefined; frame = this.#next(intake)) {
      this.#take(intake, frame, arrivalUs);
    }
    if (!this.#over) this.#cover();
  }

  #next(intake: LossyIntake): Frame | undefined {
    if (this.#over) return undefined;
    try {
      return this.#decoder.next();
    } catch (error) {
      if (!(error instanceof EchoStreamError) || error.code !== "RESOURCE_EXHAUSTED") throw error;
      this.#end();
      this.#stream.stop(StreamCode.LIMIT_EXCEEDED);
      intake.onOversize(error);
      return undefined;
    }
  }

  #take(intake: LossyIntake, frame: Frame, arrivalUs: number): void {
    if (frame.type !== FrameType.MEDIA) misplacedFrame(frame, "in a media unit");
    const { flags, sequence, timestamp, payload } = decodeMediaPacket(frame.bytes, frame.start, frame.end);
    // Nothing follows in this unit; the media stream goes on.
    if (flags & MediaFlag.END) return this.#end();
    intake.onFrame(flags, sequence, timestamp, frame.owned ? payload : payload.slice(), arrivalUs);
  }

  /** The rest of the frame in progress may come, if there is room for it. */
  #cover(): void {
    if (this.#stream.ended) return;
    const { missing, heldBytes } = this.#decoder;
    if (missing === 0) this.#giveBack();
    else if (!this.#charge(Math.max(heldBytes, this.#pooledBytes + missing - this.#stream.creditBytes))) {
      this.#end();
      return this.#stream.stop(StreamCode.LIMIT_EXCEEDED);
    }
    this.#stream.cover(Math.max(LEAST_CREDIT_BYTES, missing));
  }

  /** Own so many bytes of the pool; false when it has not got them. */
  #charge(bytes: number): boolean {
    const missingBytes = bytes - this.#pooledBytes;
    if (missingBytes <= 0) return true;
    const takenBytes = this.#host.pool.take(missingBytes);
    this.#pooledBytes += takenBytes;
    return takenBytes === missingBytes;
  }

  #end(): void {
    this.#over = true;
    this.#held = NOTHING;
    this.#giveBack();
  }

  #giveBack(): void {
    this.#host.pool.give(this.#pooledBytes);
    this.#pooledBytes = 0;
  }
}

const NOTHING = new Uint8Array(0);
/** Between frames: room for the header of the next, and small ones as a whole. */
const LEAST_CREDIT_BYTES = 4_096;
