/**
 * What happened to each frame of a playout, for plots and reports: a ring of typed arrays, so that recording allocates nothing.
 *
 * @module
 */

/** What became of a frame; `waiting` as long as that is not known. */
export type FrameOutcome = "waiting" | "played" | "late" | "lost" | "discarded";

/** One frame of a {@link TimingTrace}. Times are microseconds; `NaN` where there is none. */
export interface TimingTraceRow {
  /** Position in the stream, modulo 2^32. */
  readonly sequence: number;
  /** The sender's timestamp, in ticks; `NaN` for a frame that never came. */
  readonly timestamp: number;
  /** When it was captured, on the sender's clock. */
  readonly captureUs: number;
  /** When it arrived, on the local clock. */
  readonly arrivalUs: number;
  /** When it was due, on the local clock; when it was given up for a frame that was not played. */
  readonly playoutUs: number;
  /** What became of it. */
  readonly outcome: FrameOutcome;
  /** Bytes of payload; 0 for a frame that never came. */
  readonly bytes: number;
  /** Playout delay above the fastest path when it was handed out or given up. */
  readonly delayUs: number;
}

/** One reading of the peer's clock. */
export interface ClockSample {
  /** When it was taken, in microseconds on the local clock. */
  readonly atUs: number;
  /** Peer's minus local time, in microseconds. */
  readonly offsetUs: number;
  /** How wrong that may be, in microseconds. */
  readonly errorBoundUs: number;
}

/** How large a {@link TimingTrace} is. */
export interface TimingTraceOptions {
  /** Frames kept; the oldest are overwritten. Default 65,536, which is 3.5 MB. */
  readonly capacity?: number;
  /** Clock samples kept. Default 4,096. */
  readonly clockCapacity?: number;
}

/** A {@link TimingTrace} as JSON: one array for each column, `null` where there is no value. */
export interface TimingTraceJson {
  readonly frames: { readonly [Column in keyof TimingTraceRow]: readonly (TimingTraceRow[Column] | null)[] };
  readonly clock: { readonly [Column in keyof ClockSample]: readonly (number | null)[] };
  /** Frames that were overwritten. */
  readonly overwritten: number;
}

/** Give one to `playout({ trace })` and read it when you like. One trace belongs to one playout. */
export class TimingTrace implements Iterable<TimingTraceRow> {
  readonly #capacity: number;
  readonly #clockCapacity: number;
  readonly #sequence: Float64Array;
  readonly #timestamp: Float64Array;
  readonly #captureUs: Float64Array;
  readonly #arrivalUs: Float64Array;
  readonly #playoutUs: Float64Array;
  readonly #delayUs: Float64Array;
  readonly #bytes: Uint32Array;
  readonly #outcome: Uint8Array;
  // Number of the row of a sequence, found by the sequence's low bits; what lies there may be another's.
  readonly #rowOf: Float64Array;
  readonly #mask: number;
  readonly #clock: Float64Array;
  #rows = 0;
  #samples = 0;

  /** @throws {RangeError} when a capacity is no whole number from 1 to 2^24. */
  constructor(options: TimingTraceOptions = {}) {
    const capacity = checkedCapacity(options.capacity ?? 65_536, "capacity");
    this.#capacity = capacity;
    this.#clockCapacity = checkedCapacity(options.clockCapacity ?? 4_096, "clockCapacity");
    this.#sequence = new Float64Array(capacity);
    this.#timestamp = new Float64Array(capacity);
    this.#captureUs = new Float64Array(capacity);
    this.#arrivalUs = new Float64Array(capacity);
    this.#playoutUs = new Float64Array(capacity);
    this.#delayUs = new Float64Array(capacity);
    this.#bytes = new Uint32Array(capacity);
    this.#outcome = new Uint8Array(capacity);
    this.#mask = 2 ** Math.ceil(Math.log2(capacity)) - 1;
    this.#rowOf = new Float64Array(this.#mask + 1).fill(-1);
    this.#clock = new Float64Array(3 * this.#clockCapacity);
  }

  /** Frames kept. */
  get size(): number {
    return Math.min(this.#rows, this.#capacity);
  }

  /** Frames that were overwritten by newer ones. */
  get overwritten(): number {
    return this.#rows - this.size;
  }

  /** A frame has arrived; one that was given up as lost turns out to be late. `captureUs`: `NaN` when it is not known. */
  arrived(sequence: number, timestamp: number, captureUs: number, arrivalUs: number, bytes: number): void {
    let slot = this.#find(sequence);
    if (slot < 0) slot = this.#add(sequence);
    else this.#outcome[slot] = LATE;
    this.#timestamp[slot] = timestamp;
    this.#captureUs[slot] = captureUs;
    this.#arrivalUs[slot] = arrivalUs;
    this.#bytes[slot] = bytes;
  }

  /** A frame is handed out that was due at `playoutUs`. */
  played(sequence: number, playoutUs: number, delayUs: number): void {
    this.#settle(sequence, PLAYED, playoutUs, delayUs);
  }

  /** `count` frames from `sequence` on are given up at `atUs`. */
  missed(outcome: "late" | "lost" | "discarded", sequence: number, count: number, atUs: number, delayUs: number): void {
    // Of a gap that is larger than the ring only the end would remain.
    const from = Math.max(0, count - this.#capacity);
    const code = OUTCOMES.indexOf(outcome);
    for (let n = from; n < count; n++) this.#settle((sequence + n) >>> 0, code, atUs, delayUs);
  }

  /** The peer's clock was read. */
  clockSample(atUs: number, offsetUs: number, errorBoundUs: number): void {
    const at = 3 * (this.#samples++ % this.#clockCapacity);
    this.#clock[at] = atUs;
    this.#clock[at + 1] = offsetUs;
    this.#clock[at + 2] = errorBoundUs;
  }

  /** The frames kept, in the order in which they arrived or were given up. */
  *[Symbol.iterator](): IterableIterator<TimingTraceRow> {
    for (let row = Math.max(0, this.#rows - this.#capacity); row < this.#rows; row++) {
      const slot = row % this.#capacity;
      yield {
        sequence: this.#sequence[slot]!,
        timestamp: this.#timestamp[slot]!,
        captureUs: this.#captureUs[slot]!,
        arrivalUs: this.#arrivalUs[slot]!,
        playoutUs: this.#playoutUs[slot]!,
        outcome: OUTCOMES[this.#outcome[slot]!]!,
        bytes: this.#bytes[slot]!,
        delayUs: this.#delayUs[slot]!,
      };
    }
  }

  /** The clock samples kept, oldest first. */
  *clockSamples(): IterableIterator<ClockSample> {
    for (let sample = Math.max(0, this.#samples - this.#clockCapacity); sample < this.#samples; sample++) {
      const at = 3 * (sample % this.#clockCapacity);
      yield { atUs: this.#clock[at]!, offsetUs: this.#clock[at + 1]!, errorBoundUs: this.#clock[at + 2]! };
    }
  }

  /** What `JSON.stringify` writes. */
  toJSON(): TimingTraceJson {
    const rows = [...this];
    const samples = [...this.clockSamples()];
    const column = <K extends keyof TimingTraceRow>(key: K): (TimingTraceRow[K] | null)[] =>
      rows.map((row) => Number.isNaN(row[key]) ? null : row[key]);
    const clockColumn = (key: keyof ClockSample): (number | null)[] =>
      samples.map((sample) => Number.isFinite(sample[key]) ? sample[key] : null);
    return {
      frames: {
        sequence: column("sequence"),
        timestamp: column("timestamp"),
        captureUs: column("captureUs"),
        arrivalUs: column("arrivalUs"),
        playoutUs: column("playoutUs"),
        outcome: column("outcome"),
        bytes: column("bytes"),
        delayUs: column("delayUs"),
      },
      clock: {
        atUs: clockColumn("atUs"),
        offsetUs: clockColumn("offsetUs"),
        errorBoundUs: clockColumn("errorBoundUs"),
      },
      overwritten: this.overwritten,
    };
  }

  #settle(sequence: number, outcome: number, atUs: number, delayUs: number): void {
    let slot = this.#find(sequence);
    if (slot < 0) slot = this.#add(sequence);
    this.#outcome[slot] = outcome;
    this.#playoutUs[slot] = atUs;
    this.#delayUs[slot] = delayUs;
  }

  /** Where the row of `sequence` is; -1 when there is none. */
  #find(sequence: number): number {
    const row = this.#rowOf[sequence & this.#mask]!;
    if (row < 0 || row < this.#rows - this.#capacity) return -1;
    const slot = row % this.#capacity;
    return this.#sequence[slot] === sequence ? slot : -1;
  }

  #add(sequence: number): number {
    const row = this.#rows++;
    const slot = row % this.#capacity;
    this.#rowOf[sequence & this.#mask] = row;
    this.#sequence[slot] = sequence;
    this.#timestamp[slot] = this.#captureUs[slot] = this.#arrivalUs[slot] = NaN;
    this.#playoutUs[slot] = this.#delayUs[slot] = NaN;
    this.#bytes[slot] = 0;
    this.#outcome[slot] = WAITING;
    return slot;
  }
}

const OUTCOMES: readonly FrameOutcome[] = ["waiting", "played", "late", "lost", "discarded"];
const WAITING = 0;
const PLAYED = 1;
const LATE = 2;
const MOST_ROWS = 2 ** 24;

function checkedCapacity(value: number, name: string): number {
  if (Number.isInteger(value) && value >= 1 && value <= MOST_ROWS) return value;
  throw new RangeError(`${name} is ${value}, not a whole number from 1 to ${MOST_ROWS}`);
}
