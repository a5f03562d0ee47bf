/**
 * A media stream of the peer, as its handler reads it: frames in order, and back-pressure by simply not reading.
 *
 * @module
 */

import type { Metadata } from "../protocol/metadata.ts";

/** One frame of a media stream. */
export interface MediaFrame {
  /** The bytes, a copy that belongs to whoever reads the frame. */
  readonly payload: Uint8Array;
  /** Position in the stream, from 0, modulo 2^32. */
  readonly sequence: number;
  /** When the sender says it was captured, in ticks of the stream's clock rate. */
  readonly timestamp: number;
  /** When it arrived, in microseconds on the local clock. */
  readonly arrivalUs: number;
}

/** Counters of an {@link IncomingStream}. */
export interface IncomingStreamStats {
  /** Frames that arrived. */
  readonly framesReceived: number;
  /** Payload bytes that arrived. */
  readonly bytesReceived: number;
  /** Frames the handler has read. */
  readonly framesRead: number;
}

/** A media stream a peer opened. Iterate it once. */
export interface IncomingStream extends AsyncIterable<MediaFrame> {
  /** Name given by the sender. */
  readonly name: string;
  /** Metadata given by the sender. */
  readonly metadata: Metadata;
  /** Ticks per second of the frames' timestamps. */
  readonly clockRate: number;
  /** Aborts when the stream ends before its last frame: reset by the sender, or connection gone. */
  readonly signal: AbortSignal;
  /** Counters so far. */
  readonly stats: IncomingStreamStats;
}
