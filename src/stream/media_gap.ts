/**
 * What a jitter buffer hands out where there is no packet to play, for concealment.
 *
 * @module
 */

/**
 * Why packets are missing:
 * - `lost`: they had not arrived when they were due, and later ones had;
 * - `late`: they arrived after they were due;
 * - `discarded`: there was no room for them, or playout skipped them;
 * - `underrun`: nothing has arrived that could be played; how many will be missing is not known yet (`count` is 0);
 * - `discontinuity`: the sender began anew, with other sequences and timestamps (`count` is 0).
 */
export type GapReason = "lost" | "late" | "discarded" | "underrun" | "discontinuity";

/** A run of packets that are not played. */
export class MediaGap {
  /** Why. */
  readonly reason: GapReason;
  /** Sequence of the first of them, modulo 2^32. */
  readonly sequence: number;
  /** How many they are. */
  readonly count: number;
  /** Their media time, in microseconds; 0 where it is not known. */
  readonly durationUs: number;

  /** `sequence` may be an unwrapped one. */
  constructor(reason: GapReason, sequence: number, count: number, durationUs: number) {
    this.reason = reason;
    this.sequence = sequence >>> 0;
    this.count = count;
    this.durationUs = durationUs;
  }
}
