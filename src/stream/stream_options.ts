/**
 * Tuning of a media stream, and what its receiver learns of it.
 *
 * @module
 */

import type { MetadataInit } from "../protocol/metadata.ts";
import { type Delivery, MAX_LATENCY_MS, MAX_PARITY_GROUP } from "../protocol/stream_header.ts";
import { DEFAULT_CLOCK_RATE_HZ } from "../protocol/timestamp.ts";

/**
 * What is done against loss of datagrams:
 * - `"none"`: a fragment that is lost takes its frame with it;
 * - `"duplicate"`: everything is sent twice, the second time behind the next frame, or a little later;
 * - `{ parityEvery: n }`: behind every `n` fragments (1 to 32) goes their XOR, which stands in for any one of them.
 */
export type Protection = "none" | "duplicate" | { readonly parityEvery: number };

/** Options of `createStream`. */
export interface StreamOptions {
  /** Ticks per second of this stream's timestamps (RTP clock rate, RFC 3550 §5.1). Default 1,000,000: microseconds. */
  readonly clockRate?: number;
  /** Travels with the stream's header; at most 64 entries and 16 KiB. */
  readonly metadata?: MetadataInit;
  /**
   * How frames travel. Default `"reliable"`.
   * - `"reliable"`: all of them, in order; `send` waits for a slow receiver. For what must not be lost.
   * - `"expiring"`: each on a QUIC stream of its own, repeated when lost, the newest first, given up when older than `maxLatencyMs`. For
   *   frames of many packets: video.
   * - `"datagram"`: each in a datagram, or several when it is larger, not repeated. For small frames of which the next is soon there:
   *   audio, poses, inputs. A frame has 512 KiB at most.
   */
  readonly delivery?: Delivery;
  /**
   * Age at which a frame is of no use any more and given up, in whole milliseconds, 1 to 3,600,000. Default 400, beyond which people
   * who talk notice (ITU-T G.114). Not for `"reliable"`.
   */
  readonly maxLatencyMs?: number;
  /** Which streams of the connection leave first when not all can: urgency 0 (most) to 7 (RFC 9218 §4.1). Default 3. */
  readonly priority?: number;
  /**
   * For `"expiring"`: how many frames, sent one after the other, share a stream, so that they arrive in order; they also expire together.
   * A frame sent with `newGroup` begins a group early. Default 1.
   */
  readonly framesPerGroup?: number;
  /** What is done against loss, for `"datagram"`. Default `"none"`. */
  readonly protection?: Protection;
}

/** {@link StreamOptions}, checked and complete. */
export interface StreamPlan {
  readonly clockRateHz: number;
  readonly delivery: Delivery;
  readonly maxLatencyMs: number;
  readonly priority: number;
  readonly framesPerGroup: number;
  readonly duplicate: boolean;
  /** 0 for no parity. */
  readonly parityEvery: number;
}

/**
 * Check options and fill in defaults.
 * @throws {RangeError} when a number is out of its range.
 * @throws {TypeError} when a delivery or protection is none, or does not go with the other.
 */
export function streamPlan(options: StreamOptions): StreamPlan {
  const { delivery = "reliable", maxLatencyMs, priority = DEFAULT_PRIORITY, protection = "none" } = options;
  const { framesPerGroup = 1 } = options;
  const clockRateHz = checked("clockRate", options.clockRate ?? DEFAULT_CLOCK_RATE_HZ, 1, 0xffff_ffff);
  if (!DELIVERIES.includes(delivery)) {
    throw new TypeError(`Delivery is ${String(delivery)}, expected ${DELIVERIES.join(", ")}`);
  }
  if (maxLatencyMs !== undefined && delivery === "reliable") {
    throw new TypeError("Frames of a reliable stream never expire: maxLatencyMs is for the other deliveries");
  }
  if (framesPerGroup !== 1 && delivery !== "expiring") {
    throw new TypeError(`Groups of frames are for delivery "expiring", not "${delivery}"`);
  }
  if (protection !== "none" && delivery !== "datagram") {
    throw new TypeError(`Protection is for delivery "datagram", not "${delivery}"`);
  }
  return {
    clockRateHz,
    delivery,
    maxLatencyMs: checked("maxLatencyMs", maxLatencyMs ?? DEFAULT_MAX_LATENCY_MS, 1, MAX_LATENCY_MS),
    priority: checked("priority", priority, 0, 7),
    framesPerGroup: checked("framesPerGroup", framesPerGroup, 1, MAX_FRAMES_PER_GROUP),
    duplicate: protection === "duplicate",
    parityEvery: parityEvery(protection),
  };
}

function parityEvery(protection: Protection): number {
  if (protection === "none" || protection === "duplicate") return 0;
  if (typeof protection !== "object" || protection === null) {
    throw new TypeError(`Protection is ${String(protection)}, expected "none", "duplicate" or { parityEvery }`);
  }
  return checked("parityEvery", protection.parityEvery, 1, MAX_PARITY_GROUP);
}

function checked(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name} is ${value}, expected a whole number from ${least} to ${most}`);
}

const DELIVERIES: readonly Delivery[] = ["reliable", "expiring", "datagram"];
const DEFAULT_MAX_LATENCY_MS = 400;
const DEFAULT_PRIORITY = 3;
/** Whoever wants more wants one stream. */
const MAX_FRAMES_PER_GROUP = 65_535;
