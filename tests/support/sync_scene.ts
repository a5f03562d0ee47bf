/**
 * Senders with clocks of their own, and one receiver that plays their streams together: what was captured when, and when it was played,
 * on the receiver's clock.
 *
 * @module
 */

import type { Playout } from "../../src/stream/playout.ts";
import type { PlayoutOptions } from "../../src/stream/playout_options.ts";
import type { StreamOptions } from "../../src/stream/stream_options.ts";
import type { MediaSender } from "../../src/stream/media_sender.ts";
import { memoryPair, nativePair, type PairOptions, type SessionPair } from "./session_pair.ts";
import { SkewedClock } from "./skewed_clock.ts";

/** A frame that was played, in microseconds of the receiver's clock. */
export interface PlayedFrame {
  /** When it was due. */
  readonly dueUs: number;
  /** When it was handed out. */
  readonly outUs: number;
}

/** A peer that sends: the server of the pair, whose client receives. */
export class SyncSender {
  readonly pair: SessionPair;
  readonly clock: SkewedClock;

  constructor(pair: SessionPair, clock: SkewedClock) {
    this.pair = pair;
    this.clock = clock;
  }

  /** Over memory, or over QUIC when `options` say nothing of a clock. Its clock is `aheadUs` ahead and gains `driftPpm`. */
  static async join(options: PairOptions, aheadUs = 0, driftPpm = 0): Promise<SyncSender> {
    let clock!: SkewedClock;
    const all: PairOptions = { ...options, serverClock: (of) => clock = new SkewedClock(of, aheadUs, driftPpm) };
    return new SyncSender(await (options.clock === undefined ? nativePair(all) : memoryPair(all)), clock);
  }

  /** Open a stream, and have it played. */
  async stream(name: string, playing: PlayoutOptions, options: StreamOptions = {}): Promise<SyncStream> {
    const { pair } = this;
    let onIncoming!: (playout: Playout) => void;
    const incoming = new Promise<Playout>((resolve) => onIncoming = resolve);
    const frames = new Map<number, PlayedFrame>();
    pair.client.streams.handle(name, async (_session, stream) => {
      const playout = stream.playout(playing);
      onIncoming(playout);
      for await (const item of playout) {
        if (item.kind !== "frame") continue;
        frames.set(item.sequence, { dueUs: item.playoutUs, outUs: item.playoutUs + item.lateUs });
      }
    });
    const sender = await pair.run(pair.server.session.createStream(name, { delivery: "datagram", ...options }));
    return new SyncStream(this, sender, await pair.run(incoming), frames);
  }
}

/** A stream of a {@link SyncSender}, and what was played of it. */
export class SyncStream {
  readonly playout: Playout;
  /** By sequence. */
  readonly frames: ReadonlyMap<number, PlayedFrame>;
  /** When each frame was captured, on the receiver's clock, by sequence. */
  readonly capturedUs: number[] = [];
  readonly #sender: SyncSender;
  readonly #stream: MediaSender;

  constructor(sender: SyncSender, stream: MediaSender, playout: Playout, frames: ReadonlyMap<number, PlayedFrame>) {
    this.#sender = sender;
    this.#stream = stream;
    this.playout = playout;
    this.frames = frames;
  }

  /** Bound of the error of the clock of its sender, in microseconds. */
  get errorBoundUs(): number {
    return this.#sender.pair.client.session.clock.errorBoundUs;
  }

  /**
   * Send a frame that was or will be captured at `capturedUs` of the receiver's clock, by default now. Its timestamp is of a clock that
   * never steps, like that of a sound card.
   */
  send(capturedUs: number = this.#sender.pair.clock.nowUs()): void {
    this.capturedUs.push(capturedUs);
    const captureUs = capturedUs + this.#sender.clock.offsetUs;
    // It may be lost, as it likes.
    this.#stream.send(EMPTY, { timestamp: Math.round(capturedUs), captureUs }).catch(() => {});
  }

  /** End it; resolves when all was played. */
  end(): Promise<void> {
    return this.#sender.pair.run(this.#stream.end());
  }

  /** From capture to playout of every frame that was played, by sequence, in microseconds. */
  get delaysUs(): number[] {
    return this.capturedUs.map((capturedUs, sequence) => (this.frames.get(sequence)?.dueUs ?? NaN) - capturedUs);
  }
}

const EMPTY = new Uint8Array(0);
