/**
 * A media stream of the peer, as its handler reads or plays it. Of a reliable stream frames come in order, and not reading holds the
 * sender back; of the others they come as they arrive, and not reading drops the oldest.
 *
 * @module
 */

import type { Metadata } from "../protocol/metadata.ts";
import type { Delivery } from "../protocol/stream_header.ts";
import type { FrameSource } from "./frame_source.ts";
import type { Playout } from "./playout.ts";
import type { PlayoutOptions } from "./playout_options.ts";

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
  /** Frames the handler has read, or that went to a playout. */
  readonly framesRead: number;
  /** Frames that arrived and were dropped because nobody read them in time. */
  readonly framesDropped: number;
  /** Frames before the newest that have not arrived; may fall, as they may still come. */
  readonly framesLost: number;
  /** Fragments that were lost and recovered by parity. */
  readonly fragmentsRecovered: number;
  /** Interarrival jitter (RFC 3550 §6.4.1), in seconds. */
  readonly jitter: number;
}

/** A media stream a peer opened. Iterate it once, or play it. */
export interface IncomingStream extends AsyncIterable<MediaFrame>, FrameSource {
  /** Name given by the sender. */
  readonly name: string;
  /** Metadata given by the sender. */
  readonly metadata: Metadata;
  /** Ticks per second of the frames' timestamps. */
  readonly clockRate: number;
  /** How its frames travel. */
  readonly delivery: Delivery;
  /** Aborts when the stream ends before its last frame: reset by the sender, or connection gone. */
  readonly signal: AbortSignal;
  /** Counters so far. */
  readonly stats: IncomingStreamStats;
  /**
   * Play it: frames come out when they are due, gaps where they are missing, and the sender is never held back.
   * @throws {RangeError} when an option is out of its range.
   * @throws {TypeError} when an option is none of its values, or somebody reads or plays the stream already.
   */
  playout(options?: PlayoutOptions): Playout;
}
