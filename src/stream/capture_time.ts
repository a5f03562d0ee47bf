/**
 * When a frame was captured on its sender's clock: the stream's timestamps, which may wrap around, against the newest reference the
 * sender gave (what RTCP's sender report is to RTP, RFC 3550 §6.4.1).
 *
 * @module
 */

import { ticksToUs } from "../protocol/timestamp.ts";
import type { ClockReference } from "./frame_source.ts";

/** Microseconds on the sender's clock at `timestamp`; `NaN` without a reference. `wraps`: the timestamp has 32 bits. */
export function captureTimeUs(
  timestamp: number,
  reference: ClockReference | undefined,
  clockRateHz: number,
  wraps: boolean,
): number {
  if (reference === undefined) return NaN;
  const ticks = timestamp - reference.timestamp;
  return reference.senderUs + ticksToUs(wraps ? ticks | 0 : ticks, clockRateHz);
}
