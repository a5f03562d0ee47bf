/**
 * How a stream is played.
 *
 * @module
 */

import type { JitterBufferOptions } from "./jitter_buffer.ts";
import type { PlayoutDelayOptions } from "./playout_delay.ts";
import type { TimingTrace } from "./timing_trace.ts";

/** How {@link IncomingStream.playout} plays. */
export interface PlayoutOptions extends PlayoutDelayOptions {
  /** What happens to a frame that arrives after it was due: it becomes part of a gap, or it plays at once. Default `"drop"`. */
  readonly late?: "drop" | "deliver";
  /** Most frames held, rounded up to a power of two; the oldest are discarded. Default 1024. */
  readonly maxFrames?: number;
  /** Most bytes of payload held; the oldest frames are discarded. Default 16 MiB. */
  readonly maxBytes?: number;
  /** Bits after which timestamps wrap around, 32 for those of RTP. Default 53: they never do. */
  readonly timestampBits?: 32 | 53;
  /** Records what happens to each frame. */
  readonly trace?: TimingTrace;
  /** Ends the playout, and the stream with it, when it aborts. */
  readonly signal?: AbortSignal;
}

/**
 * The jitter buffer that these options ask for, for a stream of that clock rate.
 * @throws {TypeError} when `late` or `timestampBits` is none of their values.
 */
export function bufferOptions(options: PlayoutOptions, clockRateHz: number): JitterBufferOptions {
  const { late = "drop", timestampBits = 53, maxFrames, trace: _trace, signal: _signal, ...others } = options;
  if (late !== "drop" && late !== "deliver") throw new TypeError(`late is "${late}", not "drop" or "deliver"`);
  if (timestampBits !== 32 && timestampBits !== 53) {
    throw new TypeError(`timestampBits is ${timestampBits}, not 32 or 53`);
  }
  if (maxFrames !== undefined && !(maxFrames >= 1 && maxFrames <= MOST_FRAMES)) {
    throw new RangeError(`maxFrames is ${maxFrames}, not from 1 to ${MOST_FRAMES}`);
  }
  return { ...others, late, timestampBits, clockRateHz, ...(maxFrames === undefined ? {} : { maxPackets: maxFrames }) };
}

const MOST_FRAMES = 2 ** 20;
