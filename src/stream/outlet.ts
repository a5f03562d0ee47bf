/**
 * How the frames of a media stream leave: what its sender needs of each delivery.
 *
 * @module
 */

import type { MediaClock } from "../protocol/media_clock.ts";

/** A frame on its way out. */
export interface OutgoingFrame {
  readonly payload: Uint8Array;
  /** Sum of `MediaFlag` bits. */
  readonly flags: number;
  /** Modulo 2^32. */
  readonly sequence: number;
  readonly timestamp: number;
  /** Frames of one group share a stream where each has one. */
  readonly group: number;
  /** Whether no other frame of its group follows. */
  readonly endsGroup: boolean;
  /** When it was sent, in microseconds on the local clock. */
  readonly sentUs: number;
  /** What the receiver is to be told of the sender's clock before it. */
  readonly clock: MediaClock | undefined;
}

/** Sends frames in one way. */
export interface Outlet {
  /** Frames given to the transport. */
  readonly framesSent: number;
  /** Payload bytes of those frames. */
  readonly bytesSent: number;
  /** Datagrams given to the transport. */
  readonly packetsSent: number;
  /** Frames given up because they were too old. */
  readonly framesExpired: number;
  /** Frames given up because there was no room. */
  readonly framesOverflowed: number;
  /** Frames that wait, and their bytes. */
  readonly queuedFrames: number;
  readonly queuedBytes: number;
  /** Largest payload that can leave, in bytes. */
  readonly maxPayloadBytes: number;
  /** How long the oldest frame that waits has done so. */
  queueDelayUs(nowUs: number): number;
  /** Send a frame. Resolves when another may follow; rejects when the stream is lost. */
  send(frame: OutgoingFrame): Promise<void>;
  /** No frame follows; `sequence` is that of the frame that would have. */
  end(sequence: number, timestamp: number): void;
  /** The stream is over: whoever waits fails with `error`, nothing more leaves. */
  close(error: unknown): void;
}

/** Shared by all frames that need not wait. */
export const ACCEPTED: Promise<void> = Promise.resolve();
