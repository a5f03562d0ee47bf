/**
 * What a jitter buffer counts.
 *
 * @module
 */

/** Counts since the buffer was made. Where W3C's webrtc-stats has a name for it, it has that name. */
export interface JitterBufferStats {
  /** Packets inserted. */
  readonly packetsReceived: number;
  /** Sequences that had not arrived when they were due. */
  readonly packetsLost: number;
  /** Packets that arrived after they were due, or after their sequence was given up. */
  readonly packetsLate: number;
  /** Packets that were there and were not played: no room, skipped, or of no plausible sequence or time. */
  readonly packetsDiscarded: number;
  /** Packets that had come before. */
  readonly packetsDuplicated: number;
  /** Packets played. */
  readonly jitterBufferEmittedCount: number;
  /** Seconds those spent in the buffer, added up. */
  readonly jitterBufferDelay: number;
  /** Times that there was nothing to play. */
  readonly underruns: number;
  /** Times the sender began anew. */
  readonly discontinuities: number;
}

/** Counts in progress. */
export class JitterBufferCounts implements JitterBufferStats {
  packetsReceived: number = 0;
  packetsLost: number = 0;
  packetsLate: number = 0;
  packetsDiscarded: number = 0;
  packetsDuplicated: number = 0;
  jitterBufferEmittedCount: number = 0;
  jitterBufferDelay: number = 0;
  underruns: number = 0;
  discontinuities: number = 0;
}
