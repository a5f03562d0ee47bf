/**
 * What a playout hands out: frames at their time, and gaps where frames are missing.
 *
 * @module
 */

import type { GapReason } from "./media_gap.ts";

/** A frame whose time has come. Times are microseconds. */
export interface PlayoutFrame {
  readonly kind: "frame";
  /** The bytes, a copy that belongs to whoever takes the frame. */
  readonly payload: Uint8Array;
  /** Position in the stream, from 0, modulo 2^32. */
  readonly sequence: number;
  /** When the sender says it was captured, in ticks of the stream's clock rate. */
  readonly timestamp: number;
  /** The same on the sender's monotonic clock; `undefined` as long as the sender has not said how the two belong together. */
  readonly captureUs: number | undefined;
  /** The same on the local clock; `undefined` as long as the sender's clock is not known. */
  readonly captureLocalUs: number | undefined;
  /** When it arrived, on the local clock. */
  readonly arrivalUs: number;
  /** When it was due, on the local clock. */
  readonly playoutUs: number;
  /** How long after that it was handed out: a timer's coarseness, a reader that was busy, or a frame that came late. */
  readonly lateUs: number;
}

/** Frames that are not played; conceal them for `durationUs`. */
export interface PlayoutGap {
  readonly kind: "gap";
  /** Why they are missing. */
  readonly reason: GapReason;
  /** Sequence of the first of them, modulo 2^32. */
  readonly sequence: number;
  /** How many they are; 0 for an underrun, which ends by itself, and for a discontinuity. */
  readonly count: number;
  /** Their media time, in microseconds; 0 where it is not known. */
  readonly durationUs: number;
}

/** What comes out of a playout. */
export type PlayoutItem = PlayoutFrame | PlayoutGap;
