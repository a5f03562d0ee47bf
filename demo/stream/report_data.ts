/**
 * What a run of the stream demo recorded, as the report shows it. Times are milliseconds since the start of the run on the receiver's clock.
 *
 * @module
 */

/**
 * What became of a frame: `played` when it was due; `late` when it arrived after that; `lost` when it never arrived;
 * `discarded` when it was there and was skipped.
 */
export type Fate = "played" | "late" | "lost" | "discarded";

/** One frame of a stream. */
export interface FrameRecord {
  /** When the sender took it. */
  readonly capturedMs: number;
  /** When all of it had arrived; `undefined` when it never did. */
  readonly arrivedMs?: number | undefined;
  /** When the receiver got it to play; `undefined` when it never did. */
  readonly playedMs?: number | undefined;
  readonly fate: Fate;
}

/** One stream and all of its frames, in the order in which they were sent. */
export interface StreamRecord {
  readonly name: string;
  /** What it carries and how, for people. */
  readonly description: string;
  readonly frames: readonly FrameRecord[];
}

/** A state of the network that lasts. */
export interface NetworkPhase {
  readonly fromMs: number;
  readonly toMs: number;
  /** What the network adds to each packet's way, one way and without jitter. */
  readonly delayMs: number;
  /** For people; an empty one is not shown. */
  readonly label: string;
}

/** What the receiver's clock of the sender said at a moment when it was synchronized, beside the truth. */
export interface ClockSample {
  readonly atMs: number;
  /** What it estimates as the sender's clock minus the receiver's. */
  readonly offsetUs: number;
  /** The same, measured on a path without impairment. */
  readonly trueOffsetUs: number;
  /** The estimate is off by no more than this, says the clock; infinite while it knows nothing. */
  readonly errorBoundUs: number;
  /** One standard deviation of the estimate, says the clock. */
  readonly uncertaintyUs: number;
}

/** Everything a report shows. */
export interface ReportData {
  readonly title: string;
  /** Name and value of what a reader must know to do the run again. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly durationMs: number;
  /** The network over time, without holes. */
  readonly network: readonly NetworkPhase[];
  /** The first is the one that the others' skew is measured against. At most four. */
  readonly streams: readonly StreamRecord[];
  readonly clock: readonly ClockSample[];
  /** The true offset is known to within this. */
  readonly trueOffsetErrorUs: number;
}
