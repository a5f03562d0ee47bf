/**
 * Plays a stream: takes its frames as they arrive, and hands each out when it is due. The shell around `JitterBuffer`: a timer for
 * those who iterate, nothing but a clock for render loops that pull.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { captureTimeUs } from "./capture_time.ts";
import type { FrameSource, PeerClock } from "./frame_source.ts";
import type { MediaFrame } from "./incoming_stream.ts";
import { JitterBuffer } from "./jitter_buffer.ts";
import { MediaGap } from "./media_gap.ts";
import type { PlayoutFrame, PlayoutGap, PlayoutItem } from "./playout_item.ts";
import { bufferOptions, type PlayoutOptions } from "./playout_options.ts";
import { PlayoutCounters, type PlayoutStats } from "./playout_stats.ts";
import type { TimingTrace } from "./timing_trace.ts";

/** What a playout asks of the sync group it belongs to. */
export interface PlayoutGroup {
  /** Steer all members for the time `nowUs`. */
  advance(nowUs: number): void;
  /** The playout is over. */
  remove(playout: Playout): void;
}

/** A stream being played. Iterate it, or {@link Playout.pull} from it; leaving the loop leaves the stream. */
export class Playout implements AsyncIterable<PlayoutItem>, AsyncIterator<PlayoutItem, undefined> {
  /** Called when {@link isCongested} changes. Must not throw. */
  onCongestion: ((isCongested: boolean) => void) | undefined;
  readonly #source: FrameSource;
  readonly #clock: Clock;
  readonly #buffer: JitterBuffer<MediaFrame>;
  readonly #counters: PlayoutCounters;
  readonly #trace: TimingTrace | undefined;
  readonly #wraps: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #asking: Asking[] = [];
  #group: PlayoutGroup | undefined;
  #timer: Timer | undefined;
  #wakeUs = Infinity;
  // A moment on two scales, so that media time can be told from timestamps again.
  #timestamp = 0;
  #mediaUs = NaN;
  #isCongested = false;
  #hasEnded = false;
  #isOver = false;
  #hasToldError = false;
  #error: EchoStreamError | undefined;

  /**
   * Made by {@link IncomingStream.playout}.
   * @throws {RangeError} when an option is out of its range.
   * @throws {TypeError} when an option is none of its values, or somebody reads or plays the stream already.
   */
  constructor(source: FrameSource, clock: Clock, options: PlayoutOptions = {}) {
    this.#source = source;
    this.#clock = clock;
    this.#buffer = new JitterBuffer(bufferOptions(options, source.clockRate));
    this.#counters = new PlayoutCounters(source.clockRate);
    this.#trace = options.trace;
    this.#wraps = options.timestampBits === 32;
    this.#signal = options.signal;
    const isCongested = (): boolean => this.#isCongested;
    source.attach({
      onFrame: (frame) => this.#onFrame(frame),
      onEnd: (error) => this.#onEnd(error),
      get isCongested() {
        return isCongested();
      },
    });
    if (this.#signal?.aborted) this.#onAbort();
    else this.#signal?.addEventListener("abort", this.#onAbort);
  }

  /** Name of the stream. */
  get name(): string {
    return this.#source.name;
  }

  /** Delay above the fastest path of the last seconds, in microseconds. */
  get delayUs(): number {
    return this.#buffer.delayUs;
  }

  /** Whether frames arrive later than the largest delay could cure: the sender must slow down, or {@link skipToLive}. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** Whether everything was handed out and nothing follows. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Why the stream ended before its last frame, if it did; what had arrived is played all the same. */
  get error(): EchoStreamError | undefined {
    return this.#error;
  }

  /** Counts so far, with W3C's names and units. */
  getStats(): PlayoutStats {
    const nowUs = this.#clock.nowUs();
    const offsetUs = this.#buffer.steeredUs ?? this.#buffer.wantedOffsetUs;
    const { driftPpm } = this.#buffer.timeline;
    return this.#counters.stats(
      this.#buffer.stats,
      nowUs,
      nowUs - offsetUs + this.captureBaseUs,
      this.#buffer.delayUs,
      driftPpm,
    );
  }

  /**
   * What is due at `nowUs` (default: now), `undefined` when nothing is: for a loop that draws at its own pace. Call it until it
   * returns `undefined`.
   */
  pull(nowUs: number = this.#clock.nowUs()): PlayoutItem | undefined {
    if (this.#isOver) return undefined;
    this.#group?.advance(nowUs);
    const dueUs = this.#buffer.nextPlayoutUs() ?? nowUs;
    const item = this.#hasEnded ? this.#popRest(nowUs) : this.#buffer.pop(nowUs);
    if (item === undefined) return undefined;
    return item instanceof MediaGap ? this.#gap(item, nowUs) : this.#frame(item, Math.min(dueUs, nowUs), nowUs);
  }

  /** When to {@link pull} next, in microseconds of local time; `undefined` when that depends on what arrives. */
  nextPlayoutUs(): number | undefined {
    return this.#isOver ? undefined : this.#buffer.nextPlayoutUs();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next item, when it is due. After the last one it rejects once with the stream's error, if there is one. */
  next(): Promise<IteratorResult<PlayoutItem, undefined>> {
    if (this.#asking.length === 0) {
      const item = this.pull();
      if (item !== undefined) return Promise.resolve({ value: item, done: false });
    }
    return new Promise((resolve, reject) => {
      this.#asking.push({ resolve, reject });
      if (this.#isOver) this.#answerEnd();
      else this.#arm();
    });
  }

  /** Leave the stream, as `break` does: what is held is dropped, and the sender is told. */
  return(): Promise<IteratorResult<PlayoutItem, undefined>> {
    if (!this.#hasEnded) this.#source.leave();
    this.#finish(undefined);
    return Promise.resolve(DONE);
  }

  /** As {@link return}. */
  async close(): Promise<void> {
    await this.return();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Change the target delay; playout moves there by time scaling. @throws {RangeError} when it is negative or not finite. */
  setTarget(targetMs: number | "adaptive"): void {
    this.#buffer.setTarget(targetMs);
    this.#serve();
  }

  /** Drop all frames but the newest, and play that at once; in a sync group, when the group says so. */
  skipToLive(): void {
    this.#buffer.skipToLive();
    this.#serve();
  }

  /** @internal The group that steers it from now on. @throws {TypeError} when another does. */
  join(group: PlayoutGroup | undefined): void {
    if (group !== undefined && this.#group !== undefined) {
      throw new TypeError(`Playout of "${this.name}" is in a sync group already`);
    }
    this.#group = group;
    if (group === undefined) this.steer(undefined);
  }

  /** @internal The sender's clock. */
  get peerClock(): PeerClock | undefined {
    return this.#source.peerClock;
  }

  /** @internal Capture time of media time 0 on the sender's clock; `NaN` when that is not known. */
  get captureBaseUs(): number {
    // Looked up anew: the reference may come after the frame.
    return this.#captureUs(this.#timestamp) - this.#mediaUs;
  }

  /** @internal Offset from media to local time that it would play at by itself. */
  get wantedOffsetUs(): number {
    return this.#buffer.wantedOffsetUs;
  }

  /** @internal Offset from media to local time of the fastest arrival of the last seconds, in microseconds. */
  get fastestOffsetUs(): number {
    return (this.#buffer.steeredUs ?? this.#buffer.wantedOffsetUs) - this.#buffer.delayUs;
  }

  /** @internal Offset it is steered to; `undefined` when it is not, as after a discontinuity, when media time is another. */
  get steeredOffsetUs(): number | undefined {
    return this.#buffer.steeredUs;
  }

  /** @internal Play at this offset from media to local time, in microseconds; `undefined`: go on from there by itself. */
  steer(offsetUs: number | undefined): void {
    this.#buffer.steer(offsetUs);
    if (this.#asking.length > 0 && !this.#isOver) this.#arm();
  }

  #onFrame(frame: MediaFrame): void {
    if (this.#isOver) return;
    this.#counters.onArrival(frame);
    const captureUs = this.#captureUs(frame.timestamp);
    this.#trace?.arrived(frame.sequence, frame.timestamp, captureUs, frame.arrivalUs, frame.payload.byteLength);
    this.#buffer.insert(frame, frame.arrivalUs);
    this.#timestamp = frame.timestamp;
    this.#mediaUs = this.#buffer.timeline.mediaUs(frame.timestamp);
    if (this.#buffer.isCongested !== this.#isCongested) {
      this.#isCongested = this.#buffer.isCongested;
      this.onCongestion?.(this.#isCongested);
    }
    this.#serve();
  }

  #onEnd(error: EchoStreamError | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#error = error;
    this.#buffer.end();
    this.#serve();
  }

  readonly #onAbort = (): void => {
    if (!this.#hasEnded) this.#source.leave();
    const message = `Playout of stream "${this.name}" was aborted`;
    this.#finish(new EchoStreamError(ErrorCode.CANCELLED, message, { cause: this.#signal?.reason }));
  };

  /** Give what is due to those who ask, and wake for the rest. */
  #serve(): void {
    if (this.#asking.length === 0) return;
    const nowUs = this.#clock.nowUs();
    while (this.#asking.length > 0) {
      const item = this.pull(nowUs);
      if (item === undefined) break;
      this.#asking.shift()!.resolve({ value: item, done: false });
    }
    if (this.#isOver) this.#answerEnd();
    else if (this.#asking.length > 0) this.#arm();
  }

  /** A timer that fires too soon looks again; only what is due sooner needs another one. */
  #arm(): void {
    const dueUs = this.#buffer.nextPlayoutUs();
    // It depends on what arrives. After the end nothing does, but then `pull` has found the playout over.
    if (dueUs === undefined) return;
    if (this.#timer !== undefined && this.#wakeUs <= dueUs) return;
    this.#timer?.cancel();
    this.#wakeUs = dueUs;
    this.#timer = this.#clock.setTimer(
      this.#onWake,
      Math.max(LEAST_WAIT_MS, (dueUs - this.#clock.nowUs()) / 1000),
      PRECISE,
    );
  }

  readonly #onWake = (): void => {
    this.#timer = undefined;
    this.#wakeUs = Infinity;
    this.#serve();
  };

  /**
   * After the stream's end: a frame that is held is waited for as long as the buffer says when; without one, what there is to report is
   * due at once; and where nothing is, playout is over. So each call waits for a time, takes something out of the buffer, or is the last.
   */
  #popRest(nowUs: number): MediaFrame | MediaGap | undefined {
    let rest = this.#buffer.pop(nowUs);
    if (rest === undefined) {
      if (this.#buffer.size > 0 && this.#buffer.nextPlayoutUs() !== undefined) return undefined;
      rest = this.#buffer.pop(nowUs + LONG_US);
    }
    const isLast = rest === undefined || (rest instanceof MediaGap && rest.reason === "underrun");
    if (!isLast) return rest;
    this.#finish(this.#error);
    return undefined;
  }

  #frame(frame: MediaFrame, dueUs: number, nowUs: number): PlayoutFrame {
    const delayUs = this.#buffer.delayUs;
    const { steeredUs } = this.#buffer;
    const ownDelayUs = steeredUs === undefined ? delayUs : delayUs + this.#buffer.wantedOffsetUs - steeredUs;
    const lateUs = nowUs - dueUs;
    this.#counters.onRendered(nowUs, lateUs, delayUs, ownDelayUs);
    this.#trace?.played(frame.sequence, dueUs, delayUs);
    const captureUs = this.#captureUs(frame.timestamp);
    const isKnown = !Number.isNaN(captureUs);
    const clock = this.#source.peerClock;
    return {
      kind: "frame",
      payload: frame.payload,
      sequence: frame.sequence,
      timestamp: frame.timestamp,
      captureUs: isKnown ? captureUs : undefined,
      captureLocalUs: isKnown && clock !== undefined && clock.state !== "unsynchronized"
        ? clock.toLocalUs(captureUs)
        : undefined,
      arrivalUs: frame.arrivalUs,
      playoutUs: dueUs,
      lateUs,
    };
  }

  #gap({ reason, sequence, count, durationUs }: MediaGap, nowUs: number): PlayoutGap {
    if (reason !== "discontinuity") this.#counters.onConcealment();
    if (reason === "late" || reason === "lost" || reason === "discarded") {
      this.#trace?.missed(reason, sequence, count, nowUs, this.#buffer.delayUs);
    }
    return { kind: "gap", reason, sequence, count, durationUs };
  }

  #captureUs(timestamp: number): number {
    return captureTimeUs(timestamp, this.#source.clockReference, this.#source.clockRate, this.#wraps);
  }

  #finish(error: EchoStreamError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = this.#hasEnded = true;
    this.#error = error;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#group?.remove(this);
    this.#answerEnd();
  }

  #answerEnd(): void {
    for (const { resolve, reject } of this.#asking.splice(0)) {
      if (this.#error === undefined || this.#hasToldError) resolve(DONE);
      else {
        this.#hasToldError = true;
        reject(this.#error);
      }
    }
  }
}

interface Asking {
  readonly resolve: (result: IteratorResult<PlayoutItem, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: IteratorResult<PlayoutItem, undefined> = { value: undefined, done: true };
/** Somebody waits for what is to be played, and sees or hears when that is. */
const PRECISE = { referenced: true, precise: true } as const;
/** Rounding must not let a timer fire at the very time it was set. */
const LEAST_WAIT_MS = 0.001;
/** Longer than any delay. */
const LONG_US = 86_400_000_000;
