/**
 * Statistics of a playout with the names and units of W3C's webrtc-stats: durations in seconds, moments in milliseconds
 * (https://www.w3.org/TR/webrtc-stats/#inboundrtpstats-dict*). A frame of ours is what a packet is there.
 *
 * @module
 */

import type { JitterBufferStats } from "./jitter_buffer_stats.ts";
import type { MediaFrame } from "./incoming_stream.ts";
import { Reception } from "./reception.ts";

/** What {@link Playout.getStats} returns: counts since the playout began. */
export interface PlayoutStats {
  /** When these counts were taken, in milliseconds on the local clock. */
  readonly timestamp: number;
  /** Frames that arrived. */
  readonly packetsReceived: number;
  /** Sequences that had not arrived when they were due. */
  readonly packetsLost: number;
  /** Frames that arrived and were not played: late, no room, skipped, or of no plausible sequence or time. */
  readonly packetsDiscarded: number;
  /** Bytes of payload that arrived. */
  readonly bytesReceived: number;
  /** When the last frame arrived, in milliseconds on the local clock; `undefined` before the first. */
  readonly lastPacketReceivedTimestamp: number | undefined;
  /** Interarrival jitter (RFC 3550 §6.4.1), in seconds. */
  readonly jitter: number;
  /** Seconds that the frames played spent in the buffer, added up. */
  readonly jitterBufferDelay: number;
  /** Delay that was aimed at above the fastest path, in seconds, added up over the frames played. */
  readonly jitterBufferTargetDelay: number;
  /** The same without what a sync group adds. */
  readonly jitterBufferMinimumDelay: number;
  /** Frames that left the buffer to be played. */
  readonly jitterBufferEmittedCount: number;
  /** As `packetsReceived`. */
  readonly framesReceived: number;
  /** Frames handed out. */
  readonly framesRendered: number;
  /** As `packetsDiscarded`. */
  readonly framesDropped: number;
  /** Runs of frames that were missing when they were due, and underruns. */
  readonly concealmentEvents: number;
  /** Times between two frames handed out that were longer than three frames on average and by 150 ms longer than one. */
  readonly freezeCount: number;
  /** Those times added up, in seconds. */
  readonly totalFreezesDuration: number;
  /** Capture time of what is being played, in milliseconds on the sender's clock; `undefined` as long as that is not known. */
  readonly estimatedPlayoutTimestamp: number | undefined;

  /** Of the discarded, frames that arrived after they were due. Not W3C's, as everything below. */
  readonly packetsLate: number;
  /** Frames that had come before. */
  readonly packetsDuplicated: number;
  /** Times that there was nothing to play. */
  readonly underruns: number;
  /** Times the sender began anew. */
  readonly discontinuities: number;
  /** Seconds that frames were handed out after they were due, added up. */
  readonly totalLateness: number;
  /** Delay now above the fastest path, in seconds. */
  readonly currentDelay: number;
  /** Drift of the sender's media clock against the local one, in parts per million. */
  readonly driftPpm: number;
}

/** Counts what a jitter buffer does not: arrivals in bytes and jitter, and how what it releases is handed out. */
export class PlayoutCounters {
  readonly #reception: Reception;
  #bytes = 0;
  #arrivalUs = NaN;
  #rendered = 0;
  #renderedUs = NaN;
  #meanGapUs = 0;
  #freezes = 0;
  #frozenUs = 0;
  #concealments = 0;
  #latenessUs = 0;
  #targetUs = 0;
  #minimumUs = 0;

  constructor(clockRateHz: number) {
    this.#reception = new Reception(clockRateHz);
  }

  /** A frame arrived. */
  onArrival(frame: MediaFrame): void {
    this.#bytes += frame.payload.byteLength;
    this.#arrivalUs = frame.arrivalUs;
    this.#reception.onFrame(frame.timestamp, frame.arrivalUs);
  }

  /** Frames are missing that should be played. */
  onConcealment(): void {
    this.#concealments++;
  }

  /** A frame is handed out at `nowUs`, `lateUs` after it was due; the delay is `delayUs` and would be `ownDelayUs` without a group. */
  onRendered(nowUs: number, lateUs: number, delayUs: number, ownDelayUs: number): void {
    const gapUs = nowUs - this.#renderedUs;
    if (gapUs > Math.max(3 * this.#meanGapUs, this.#meanGapUs + LEAST_FREEZE_US) && this.#rendered > 1) {
      this.#freezes++;
      this.#frozenUs += gapUs;
    } else if (gapUs >= 0) {
      this.#meanGapUs += (gapUs - this.#meanGapUs) / Math.min(this.#rendered, AVERAGED_FRAMES);
    }
    this.#rendered++;
    this.#renderedUs = nowUs;
    this.#latenessUs += lateUs;
    this.#targetUs += delayUs;
    this.#minimumUs += ownDelayUs;
  }

  /** All counts with those of the buffer; times in microseconds, `captureUs` `NaN` when it is not known. */
  stats(buffer: JitterBufferStats, nowUs: number, captureUs: number, delayUs: number, driftPpm: number): PlayoutStats {
    const discarded = buffer.packetsDiscarded + buffer.packetsLate;
    return {
      timestamp: nowUs / 1e3,
      packetsReceived: buffer.packetsReceived,
      packetsLost: buffer.packetsLost,
      packetsDiscarded: discarded,
      bytesReceived: this.#bytes,
      lastPacketReceivedTimestamp: Number.isNaN(this.#arrivalUs) ? undefined : this.#arrivalUs / 1e3,
      jitter: this.#reception.jitterUs / 1e6,
      jitterBufferDelay: buffer.jitterBufferDelay,
      jitterBufferTargetDelay: this.#targetUs / 1e6,
      jitterBufferMinimumDelay: this.#minimumUs / 1e6,
      jitterBufferEmittedCount: buffer.jitterBufferEmittedCount,
      framesReceived: buffer.packetsReceived,
      framesRendered: this.#rendered,
      framesDropped: discarded,
      concealmentEvents: this.#concealments,
      freezeCount: this.#freezes,
      totalFreezesDuration: this.#frozenUs / 1e6,
      estimatedPlayoutTimestamp: Number.isNaN(captureUs) ? undefined : captureUs / 1e3,
      packetsLate: buffer.packetsLate,
      packetsDuplicated: buffer.packetsDuplicated,
      underruns: buffer.underruns,
      discontinuities: buffer.discontinuities,
      totalLateness: this.#latenessUs / 1e6,
      currentDelay: delayUs / 1e6,
      driftPpm,
    };
  }
}

/** As of webrtc-stats, `freezeCount`. */
const LEAST_FREEZE_US = 150_000;
const AVERAGED_FRAMES = 30;
