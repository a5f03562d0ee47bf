/**
 * What a playout needs of the stream it plays, whatever the delivery: frames as they arrive, and the sender's time.
 *
 * @module
 */

import type { ClockState } from "../protocol/clock_filter.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import type { MediaFrame } from "./incoming_stream.ts";

/** A moment on two scales of the sender: its stream's timestamps and its monotonic clock. */
export interface ClockReference {
  /** In ticks of the stream's clock rate. */
  readonly timestamp: number;
  /** The same moment on the sender's monotonic clock, in microseconds: the clock that the session's clock shows. */
  readonly senderUs: number;
}

/** The sender's monotonic clock as this end knows it: the clock of its session, one for all its streams. */
export interface PeerClock {
  /** How far it is known; until it is, what {@link toLocalUs} says means nothing. */
  readonly state: ClockState;
  /** Local time, in microseconds, when the sender's clock shows `remoteUs`. */
  toLocalUs(remoteUs: number): number;
}

/** Takes the frames of a stream as they arrive. Must not throw. */
export interface FrameSink {
  /** A frame is complete; frames may come in any order, and never twice. */
  onFrame(frame: MediaFrame): void;
  /** Whether frames come later than it can wait for, which the sender is told about once a second. Default: no. */
  readonly isCongested?: boolean;
  /** No frame follows; `error` tells why when it is not because the sender has ended the stream. */
  onEnd(error: EchoStreamError | undefined): void;
}

/** A media stream that can be played. */
export interface FrameSource {
  /** Name given by the sender. */
  readonly name: string;
  /** Ticks per second of its timestamps. */
  readonly clockRate: number;
  /** The newest reference the sender has given; `undefined` before the first. */
  readonly clockReference: ClockReference | undefined;
  /** The clock its references are of; streams of one sender give the same object. `undefined` where nobody keeps it. */
  readonly peerClock?: PeerClock | undefined;
  /**
   * Give all frames to `sink` from now on, those that wait first; the sender is never held back.
   * @throws {TypeError} when somebody reads or plays the stream already.
   */
  attach(sink: FrameSink): void;
  /** Take no more frames; the sender is told, the sink is not. */
  leave(): void;
}
