/**
 * The receiving half of control: SETTINGS first, then whatever else concerns the whole connection
 * (docs/protocol.md, "Control stream").
 *
 * @module
 */

import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import { decodeEventAck, decodeGoaway, decodeResumed, type Goaway, type Resumed } from "../protocol/control_frames.ts";
import { EchoStreamError, protocolViolation } from "../protocol/error.ts";
import { type Frame, FrameType, misplacedFrame } from "../protocol/frame.ts";
import { FrameDecoder } from "../protocol/frame_decoder.ts";
import { decodeSettings, type Settings } from "../protocol/settings.ts";
import { MAX_CONTROL_FRAME_BYTES } from "../protocol/version.ts";

/** Who is told what the control stream says. */
export interface ControlSink {
  /** The peer's limits; once, before anything else. */
  onSettings(settings: Settings): void;
  /** The peer drains. */
  onGoaway(goaway: Goaway): void;
  /** The peer has taken every event up to `sequence`. */
  onEventAck(sequence: number): void;
  /** The peer answers a resume token, or confirms that the session goes on. */
  onResumed(resumed: Resumed): void;
}

/** Reads the peer's control stream, which is always read and never ends before the connection. */
export class ControlReceiver implements ReceiveSink {
  /** Who is told; another one when the session goes on that the connection resumes. */
  sink: ControlSink;
  readonly #decoder = new FrameDecoder(MAX_CONTROL_FRAME_BYTES);
  #stream: ReceiveStream | undefined;
  #hasSettings = false;

  constructor(sink: ControlSink) {
    this.sink = sink;
  }

  /** The peer has opened it. @throws {EchoStreamError} PROTOCOL_VIOLATION when it has one already. */
  attach(stream: ReceiveStream): void {
    if (this.#stream !== undefined) throw protocolViolation("A second control stream");
    this.#stream = stream;
  }

  onData(bytes: Uint8Array, finished: boolean): void {
    this.#decoder.push(bytes);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) this.#take(frame);
    if (finished) throw protocolViolation("The control stream ended before its connection");
    this.#stream!.grant(bytes.length);
    this.#stream!.cover(this.#decoder.missing);
  }

  onReset(): void {
    throw protocolViolation("The control stream was reset");
  }

  #next(): Frame | undefined {
    try {
      return this.#decoder.next();
    } catch (error) {
      if (!(error instanceof EchoStreamError) || error.code !== "RESOURCE_EXHAUSTED") throw error;
      throw protocolViolation(`${error.message} on the control stream`);
    }
  }

  #take(frame: Frame): void {
    const { type, bytes, start, end } = frame;
    if (type === FrameType.SETTINGS) {
      if (this.#hasSettings) throw protocolViolation("SETTINGS came twice");
      this.#hasSettings = true;
      return this.sink.onSettings(decodeSettings(bytes, start, end));
    }
    if (!this.#hasSettings) throw protocolViolation(`Frame 0x${type.toString(16)} came before SETTINGS`);
    if (type === FrameType.GOAWAY) return this.sink.onGoaway(decodeGoaway(bytes, start, end));
    if (type === FrameType.RESUMED) return this.sink.onResumed(decodeResumed(bytes, start, end));
    if (type === FrameType.EVENT_ACK) return this.sink.onEventAck(decodeEventAck(bytes, start, end));
    misplacedFrame(frame, "on the control stream");
  }
}
