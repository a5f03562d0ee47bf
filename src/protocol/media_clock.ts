/**
 * Where the timestamps of a media stream stand on its sender's monotonic clock: the body of a MEDIA_CLOCK frame.
 * Spec: docs/protocol.md, "Media clock".
 *
 * @module
 */

import { beginFrame, endFrame, FrameType } from "./frame.ts";
import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** One moment on both scales of a sender. */
export interface MediaClock {
  /** In ticks of the stream's clock rate, 0 to 2^53 − 1. */
  readonly timestamp: number;
  /** The same moment on the sender's monotonic clock, in microseconds, 0 to 2^53 − 1. */
  readonly senderUs: number;
}

/** Append a MEDIA_CLOCK frame. Both values must be integers of their range. */
export function encodeMediaClock(writer: Writer, clock: MediaClock): void {
  const frame = beginFrame(writer, FrameType.MEDIA_CLOCK);
  writer.u64(clock.timestamp).u64(clock.senderUs);
  endFrame(writer, frame);
}

/** The body of a MEDIA_CLOCK frame. @throws {EchoStreamError} PROTOCOL_VIOLATION when it is malformed. */
export function decodeMediaClock(bytes: Uint8Array, start: number, end: number): MediaClock {
  reader.open(bytes, start, end);
  const clock = { timestamp: reader.u64(), senderUs: reader.u64() };
  reader.finish();
  return clock;
}

const reader = new Reader();
