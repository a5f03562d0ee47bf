/**
 * Joins what the sender noted and what the receiver saw into one story on one clock.
 *
 * @module
 */
import type { FrameRecord } from "./report_data.ts";

/** What the sender noted, on its own clock in microseconds. */
export interface SentLog {
  /** When it began. */
  readonly startedUs: number;
  /** When it took each frame, by the name of the stream. */
  readonly capturesUs: Readonly<Record<string, readonly number[]>>;
}

/** What the receiver saw of one frame, on its own clock in microseconds; `NaN` where there is no time. */
export interface ReceivedFrame {
  readonly sequence: number;
  readonly arrivalUs: number;
  readonly outcome: "waiting" | "played" | "late" | "lost" | "discarded";
}

/**
 * What became of every frame of a stream. `playedUs` holds when each was handed out, by its sequence; `offsetUs` is the sender's clock minus the
 * receiver's.
 */
export function frameRecords(
  sent: SentLog,
  name: string,
  received: Iterable<ReceivedFrame>,
  playedUs: ReadonlyMap<number, number>,
  offsetUs: number,
): FrameRecord[] {
  const startUs = sent.startedUs - offsetUs;
  const inMs = (us: number | undefined): number | undefined =>
    us === undefined || Number.isNaN(us) ? undefined : (us - startUs) / 1000;
  const seen = new Map([...received].map((frame) => [frame.sequence, frame]));
  return (sent.capturesUs[name] ?? []).map((captureUs, sequence) => {
    const frame = seen.get(sequence);
    const times = {
      capturedMs: (captureUs - sent.startedUs) / 1000,
      arrivedMs: inMs(frame?.arrivalUs),
      playedMs: inMs(playedUs.get(sequence)),
    };
    // A frame that still waits when all is over is one that was not played though it was there.
    return { ...times, fate: frame === undefined ? "lost" : frame.outcome === "waiting" ? "discarded" : frame.outcome };
  });
}
