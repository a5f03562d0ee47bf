/**
 * Puts the packets of a stream in order and holds each until it is due. Pure: time comes in as an argument, the next time to
 * ask goes out as a value; `PlayoutDelay` decides the delay. Every sequence from the first packet on comes out exactly once, as
 * its packet or within a {@link MediaGap}.
 *
 * @module
 */

import { sequenceDistance } from "../protocol/sequence.ts";
import { GapReports } from "./gap_reports.ts";
import { JitterBufferCounts, type JitterBufferStats } from "./jitter_buffer_stats.ts";
import { MediaGap } from "./media_gap.ts";
import { PlayoutDelay, type PlayoutDelayOptions } from "./playout_delay.ts";
import { PlayoutMoment } from "./playout_moment.ts";
import { Timeline, type TimelineOptions } from "./timeline.ts";

/** How a {@link JitterBuffer} works. */
export interface JitterBufferOptions extends PlayoutDelayOptions, TimelineOptions {
  /** What happens to a packet that arrives after it was due: it becomes part of a gap, or it plays at once. Default `"drop"`. */
  readonly late?: "drop" | "deliver";
  /** Most packets held, rounded up to a power of two; the oldest are discarded. Default 1024. */
  readonly maxPackets?: number;
  /** Most bytes of payload held; the oldest packets are discarded. Default 16 MiB. */
  readonly maxBytes?: number;
}

/** What a jitter buffer must know of a packet; `MediaPacket` is one. */
export interface TimedPacket {
  /** One more for each packet, modulo 2^32. */
  readonly sequence: number;
  /** Sender's time in ticks of the stream's clock rate. */
  readonly timestamp: number;
  readonly payload: Uint8Array;
}

/** Orders packets and times their playout. */
export class JitterBuffer<P extends TimedPacket> {
  readonly #delay: PlayoutDelay;
  readonly #timeline: Timeline;
  readonly #deliversLate: boolean;
  readonly #maxBytes: number;
  readonly #mask: number;
  readonly #farthest: number;
  // One slot for each packet from `#next` on, and what became of as many before it.
  readonly #slots: (P | typeof LATE | undefined)[];
  readonly #mediaUs: Float64Array;
  readonly #arrivedUs: Float64Array;
  readonly #wasPlayed: Uint8Array;
  readonly #gaps = new GapReports();
  readonly #counts = new JitterBufferCounts();
  readonly #moment = new PlayoutMoment();
  // The offset that it is steered to; `NaN` when it is not.
  #steeredUs = NaN;
  // Packets are counted from the first one, whose sequence this is: counts are small integers, for which V8 does not allocate.
  #first = 0;
  #next = 0;
  #newest = -1;
  #ahead = 0;
  #bytes = 0;
  #held = 0;
  #lastMediaUs = 0;
  #hasPackets = false;
  #hasBegun = false;
  #isDry = false;
  #suspect: P | undefined;
  #suspectUs = 0;

  /** @throws {RangeError} when an option is out of its range. */
  constructor(options: JitterBufferOptions = {}) {
    const { late = "drop", maxPackets = 1024, maxBytes = 16 << 20 } = options;
    if (!(maxPackets >= 1 && maxPackets <= MOST_PACKETS)) throw new RangeError(`maxPackets is ${maxPackets}`);
    if (!(maxBytes >= 1)) throw new RangeError(`maxBytes is ${maxBytes}`);
    this.#delay = new PlayoutDelay(options);
    this.#timeline = new Timeline(options);
    this.#deliversLate = late === "deliver";
    this.#maxBytes = maxBytes;
    const capacity = 2 ** Math.ceil(Math.log2(maxPackets));
    this.#mask = capacity - 1;
    this.#farthest = Math.max(LARGEST_SEQUENCE_JUMP, capacity);
    this.#slots = new Array(capacity).fill(undefined);
    this.#mediaUs = new Float64Array(capacity);
    this.#arrivedUs = new Float64Array(capacity);
    this.#wasPlayed = new Uint8Array(capacity);
  }

  /** Packets held. */
  get size(): number {
    return this.#held;
  }

  /** Bytes of payload held. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  /** Delay above the fastest path of the last seconds, in microseconds. */
  get delayUs(): number {
    return this.#delay.delayUs + (Number.isNaN(this.#steeredUs) ? 0 : this.#steeredUs - this.#delay.offsetUs);
  }

  /** Offset that {@link JitterBuffer.steer} gave it. */
  get steeredUs(): number | undefined {
    return Number.isNaN(this.#steeredUs) ? undefined : this.#steeredUs;
  }

  /** Offset from media to local time that it plays at unless it is steered, in microseconds; `NaN` before the first packet. */
  get wantedOffsetUs(): number {
    return this.#delay.offsetUs;
  }

  /** Whether packets arrive later than the largest delay could cure; see {@link JitterBuffer.skipToLive}. */
  get isCongested(): boolean {
    return this.#delay.isCongested;
  }

  /** The sender's timestamps and its clock. */
  get timeline(): Timeline {
    return this.#timeline;
  }

  /** Counts so far. */
  get stats(): JitterBufferStats {
    return { ...this.#counts };
  }

  /** Take in a packet that arrived at `arrivalUs`, local time. The buffer keeps it until it is popped or discarded. */
  insert(packet: P, arrivalUs: number): void {
    if (arrivalUs > this.#moment.nowUs) this.#moment.nowUs = arrivalUs;
    this.#insert(packet);
  }

  /** The packet or gap that is due at `nowUs`, `undefined` when none is. Call until it returns `undefined`. */
  pop(nowUs: number): P | MediaGap | undefined {
    if (nowUs > this.#moment.nowUs) this.#moment.nowUs = nowUs;
    return this.#pop();
  }

  /** When to call {@link JitterBuffer.pop} next, local time; `undefined` when that depends on what arrives. */
  nextPlayoutUs(): number | undefined {
    if (this.#gaps.length > 0) return this.#moment.nowUs;
    if (!this.#hasPackets) return undefined;
    const offsetUs = Number.isNaN(this.#steeredUs) ? this.#delay.offsetUs : this.#steeredUs;
    if (this.#next > this.#newest) {
      const { expectedUs } = this.#delay;
      return this.#isDry || expectedUs === Infinity ? undefined : expectedUs + offsetUs;
    }
    const slot = this.#next & this.#mask;
    const head = this.#slots[slot];
    if (head === LATE) return this.#moment.nowUs;
    if (head === undefined) this.#measureMissing();
    return offsetUs + (head === undefined ? this.#lastMediaUs + this.#moment.stepUs : this.#mediaUs[slot]!);
  }

  /** Change the target, in milliseconds; playout moves there by time scaling. @throws {RangeError} when it is negative. */
  setTarget(targetMs: number | "adaptive"): void {
    this.#delay.setTarget(targetMs);
  }

  /** Play at this offset, in microseconds; `undefined` lets it go on from there by itself. A discontinuity ends it, too. */
  steer(offsetUs: number | undefined): void {
    if (offsetUs === undefined && !Number.isNaN(this.#steeredUs)) this.#delay.moveTo(this.#steeredUs);
    this.#steeredUs = offsetUs ?? NaN;
  }

  /** Nothing follows the packets inserted so far: they play on at their pace, and no underrun is reported after them. */
  end(): void {
    this.#delay.end();
  }

  /** Discard all but the newest packet, and play that at once unless the buffer is steered. */
  skipToLive(): void {
    if (this.#next < this.#newest) this.#discardTo(this.#newest);
    this.#delay.skipToLive();
  }

  #insert(packet: P): void {
    this.#counts.packetsReceived++;
    if (!this.#hasPackets) this.#begin(packet);
    const moment = this.#moment;
    const n = this.#newest + sequenceDistance(this.#first + this.#newest, packet.sequence);
    moment.timestamp = packet.timestamp;
    this.#timeline.locate(moment);
    const { nowUs, mediaUs } = moment;
    const isPlausible = Math.abs(n - this.#newest) <= this.#farthest &&
      !(Math.abs(nowUs - mediaUs - this.#delay.fastestUs) >= LARGEST_JUMP_US);
    // Nor does a sender's time run backwards while its packets are counted on.
    const isBack = n > this.#newest && this.#newest >= 0 &&
      mediaUs < this.#mediaUs[this.#newest & this.#mask]! - LARGEST_STEP_BACK_US;
    if (!isPlausible || isBack) return this.#doubt(packet);
    this.#dropSuspect();
    if (this.#isDuplicate(n)) {
      this.#counts.packetsDuplicated++;
      return;
    }
    moment.sequence = n;
    this.#timeline.observe(moment);
    this.#delay.observe(moment);
    if (n < this.#next && !this.#reachBack(n)) {
      this.#counts.packetsLate++;
      return;
    }
    const bytes = packet.payload.byteLength;
    if (n - this.#next > this.#mask || this.#bytes + bytes > this.#maxBytes) this.#makeRoom(n, bytes);
    if (n < this.#next) {
      this.#counts.packetsDiscarded++;
      return;
    }
    const slot = n & this.#mask;
    if (n > this.#newest) this.#newest = n;
    // One that lies before where packets were last seen ahead; where that is behind, `#measureMissing` looks from the beginning.
    if (n > this.#next && n < this.#ahead) this.#ahead = n;
    this.#mediaUs[slot] = mediaUs;
    this.#isDry = false;
    const offsetUs = Number.isNaN(this.#steeredUs) ? this.#delay.offsetUs : this.#steeredUs;
    if (!this.#deliversLate && mediaUs + offsetUs < nowUs) {
      this.#slots[slot] = LATE;
      this.#counts.packetsLate++;
      return;
    }
    this.#slots[slot] = packet;
    this.#arrivedUs[slot] = nowUs;
    this.#held++;
    this.#bytes += bytes;
  }

  #pop(): P | MediaGap | undefined {
    if (this.#gaps.length > 0) return this.#gaps.take();
    if (!this.#hasPackets) return undefined;
    this.#delay.advance(this.#moment);
    const { nowUs } = this.#moment;
    const offsetUs = Number.isNaN(this.#steeredUs) ? this.#delay.offsetUs : this.#steeredUs;
    this.#moment.playedUs = nowUs - offsetUs;
    if (this.#next > this.#newest) return this.#underrun();
    const slot = this.#next & this.#mask;
    const head = this.#slots[slot];
    if (head === undefined) return this.#popLost();
    if (head === LATE) return this.#popLate();
    const mediaUs = this.#mediaUs[slot]!;
    if (mediaUs + offsetUs > nowUs) return undefined;
    this.#counts.jitterBufferDelay += (nowUs - this.#arrivedUs[slot]!) / 1e6;
    this.#counts.jitterBufferEmittedCount++;
    this.#hasBegun = true;
    this.#release(slot, head);
    this.#wasPlayed[slot] = 1;
    this.#lastMediaUs = mediaUs;
    this.#next++;
    return head;
  }

  #begin(packet: P): void {
    this.#hasPackets = true;
    this.#hasBegun = false;
    this.#first = packet.sequence;
    this.#next = this.#ahead = 0;
    this.#newest = -1;
    this.#wasPlayed.fill(0);
  }

  /** A packet before the first one, as long as nothing was played or given up. */
  #reachBack(n: number): boolean {
    if (this.#hasBegun || this.#newest - n >= this.#slots.length) return false;
    this.#ahead = this.#next;
    this.#next = n;
    return true;
  }

  #isDuplicate(n: number): boolean {
    const ahead = n - this.#next;
    const slot = n & this.#mask;
    if (ahead >= 0) return ahead < this.#slots.length && this.#slots[slot] !== undefined;
    return -ahead <= this.#slots.length && this.#wasPlayed[slot] === 1;
  }

  /**
   * One packet far off says nothing, two in a row are a sender that began anew (RFC 3550, appendix A.1): one that lies cannot
   * make the buffer wait or throw away what it has.
   */
  #doubt(packet: P): void {
    const nowUs = this.#moment.nowUs;
    const suspect = this.#suspect;
    const step = suspect === undefined ? 0 : sequenceDistance(suspect.sequence, packet.sequence);
    if (suspect === undefined || step < 1 || step > LARGEST_SUSPECT_STEP) {
      this.#dropSuspect();
      this.#suspect = packet;
      this.#suspectUs = nowUs;
      return;
    }
    this.#suspect = undefined;
    this.#discardTo(this.#newest + 1);
    this.#gaps.add("discontinuity", suspect.sequence, 0);
    this.#counts.discontinuities++;
    this.#counts.packetsReceived -= 2;
    this.#hasPackets = this.#isDry = false;
    this.#steeredUs = NaN;
    this.#timeline.restart();
    this.#delay.restart();
    this.insert(suspect, this.#suspectUs);
    this.insert(packet, nowUs);
  }

  #dropSuspect(): void {
    if (this.#suspect !== undefined) this.#counts.packetsDiscarded++;
    this.#suspect = undefined;
  }

  #makeRoom(n: number, bytes: number): void {
    this.#discardTo(n - this.#mask);
    while (this.#bytes + bytes > this.#maxBytes && this.#held > 0) this.#discardTo(this.#next + 1);
  }

  /** Give up the packets before the `end`th. */
  #discardTo(end: number): void {
    const first = this.#next;
    const discarded = this.#counts.packetsDiscarded;
    const stop = Math.min(end, this.#newest + 1);
    for (; this.#next < stop; this.#next++) {
      const slot = this.#next & this.#mask;
      const head = this.#slots[slot];
      if (head !== undefined && head !== LATE) {
        this.#release(slot, head);
        this.#counts.packetsDiscarded++;
      }
      if (head !== undefined) this.#lastMediaUs = this.#mediaUs[slot]!;
      this.#slots[slot] = undefined;
      this.#wasPlayed[slot] = 0;
    }
    if (end > this.#next) this.#next = end;
    const count = this.#next - first;
    if (count === 0) return;
    this.#hasBegun = true;
    const reason = this.#counts.packetsDiscarded > discarded ? "discarded" : "lost";
    if (reason === "lost") this.#counts.packetsLost += count;
    this.#gaps.add(reason, this.#first + first, count);
  }

  #release(slot: number, packet: P): void {
    this.#slots[slot] = undefined;
    this.#held--;
    this.#bytes -= packet.payload.byteLength;
  }

  /** Nothing is left to play; said once, when the next packet is overdue. */
  #underrun(): MediaGap | undefined {
    if (this.#isDry || this.#moment.playedUs < this.#delay.expectedUs) return undefined;
    this.#isDry = true;
    this.#counts.underruns++;
    return new MediaGap("underrun", this.#first + this.#next, 0, 0);
  }

  /** Find the next packet held, and how long each one that is missing before it is. */
  #measureMissing(): void {
    if (this.#ahead <= this.#next) this.#ahead = this.#next + 1;
    while (this.#ahead < this.#newest && this.#slots[this.#ahead & this.#mask] === undefined) this.#ahead++;
    this.#moment.stepUs = (this.#mediaUs[this.#ahead & this.#mask]! - this.#lastMediaUs) /
      (this.#ahead - this.#next + 1);
  }

  #popLost(): MediaGap | undefined {
    this.#measureMissing();
    const { playedUs, stepUs } = this.#moment;
    const passedUs = playedUs - this.#lastMediaUs;
    if (passedUs < stepUs) return undefined;
    const count = Math.min(this.#ahead - this.#next, stepUs > 0 ? Math.floor(passedUs / stepUs) : Infinity);
    const durationUs = Math.max(0, stepUs * count);
    const found = new MediaGap("lost", this.#first + this.#next, count, durationUs);
    this.#counts.packetsLost += count;
    this.#pass(count);
    this.#lastMediaUs += durationUs;
    return found;
  }

  #popLate(): MediaGap {
    const first = this.#next;
    let count = 0;
    const fromUs = this.#lastMediaUs;
    while (first + count <= this.#newest && this.#slots[(first + count) & this.#mask] === LATE) {
      this.#lastMediaUs = this.#mediaUs[(first + count) & this.#mask]!;
      this.#slots[(first + count++) & this.#mask] = undefined;
    }
    this.#pass(count);
    return new MediaGap("late", this.#first + first, count, Math.max(0, this.#lastMediaUs - fromUs));
  }

  #pass(count: number): void {
    this.#hasBegun = true;
    for (let i = 0; i < count; i++) this.#wasPlayed[this.#next++ & this.#mask] = 0;
  }
}

/** In the slot of a packet that arrived too late. */
const LATE = Symbol("late");
const MOST_PACKETS = 1 << 20;
/** A packet that is off the fastest path by more than this is not delayed but of another clock. */
const LARGEST_JUMP_US = 10_000_000;
/** Frames of a video that leave in another order than they play in differ by less. */
const LARGEST_STEP_BACK_US = 1_000_000;
/** A sequence further from the newest one than this belongs to another count (MAX_DROPOUT of RFC 3550, appendix A.1). */
const LARGEST_SEQUENCE_JUMP = 3_000;
/** Packets that confirm each other are this near, lost ones between them. */
const LARGEST_SUSPECT_STEP = 100;
