/**
 * Frames: varint type, varint length, body. They follow one another on control, event, media and call streams.
 * Spec: docs/protocol.md, "Frames".
 *
 * @module
 */

import { protocolViolation } from "./error.ts";
import type { Writer } from "./writer.ts";

/** First varint of a frame. */
export const FrameType = {
  /** First frame of a streaming call, from either side. */
  HEADERS: 0x01,
  /** One value of a streaming call. */
  MESSAGE: 0x02,
  /** The caller sends no more values. */
  END: 0x03,
  /** The callee is done, with a status. */
  TRAILER: 0x04,
  /** Limits, features and tokens. First frame of a control stream. */
  SETTINGS: 0x10,
  /** The connection drains. */
  GOAWAY: 0x11,
  /** Reserved for clock synchronisation where datagrams do not work. */
  TIME_SYNC: 0x12,
  /** Events were taken. */
  EVENT_ACK: 0x13,
  /** The answer to a resume token, and its confirmation. */
  RESUMED: 0x14,
  /** One event. */
  EVENT: 0x20,
  /** One media frame. */
  MEDIA: 0x30,
  /** Where timestamps of a media stream stand on its sender's clock. */
  MEDIA_CLOCK: 0x31,
} as const;

/** Type of a frame this version knows. */
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** One frame; its body is `bytes[start, end)`. */
export interface Frame {
  /** Tells how the body is to be read. */
  readonly type: FrameType;
  /** Holds the body. */
  readonly bytes: Uint8Array;
  /** Where the body starts. */
  readonly start: number;
  /** Where the body ends. */
  readonly end: number;
  /** True when `bytes` belong to this frame alone and stay as they are; otherwise copy what is to be kept. */
  readonly owned: boolean;
}

/** Append type and length of a frame whose body is what is written until {@link endFrame}. Returns the mark it needs. */
export function beginFrame(writer: Writer, type: FrameType): number {
  writer.varint(type);
  return writer.beginLength();
}

/** Fill in the length of the frame that {@link beginFrame} opened. */
export function endFrame(writer: Writer, mark: number): void {
  writer.endLength(mark);
}

/** True when this version knows frames of `type`; others are skipped. */
export function isFrameType(type: number): type is FrameType {
  return FRAME_TYPES.has(type);
}

/**
 * Refuse a known frame that came where it may not; `place` completes "Frame 0x3 …".
 *
 * @throws {EchoStreamError} PROTOCOL_VIOLATION, always.
 */
export function misplacedFrame(frame: Frame, place: string): never {
  throw protocolViolation(`Frame 0x${frame.type.toString(16)} ${place}`);
}

// The reserved type is skipped as unknown ones are, until it means something.
const FRAME_TYPES: ReadonlySet<number> = new Set(
  Object.values(FrameType).filter((type) => type !== FrameType.TIME_SYNC),
);
