/**
 * A media stream that a test feeds by hand.
 *
 * @module
 */

import type { EchoStreamError } from "../../src/protocol/error.ts";
import type { ClockReference, FrameSink, FrameSource, PeerClock } from "../../src/stream/frame_source.ts";
import type { MediaFrame } from "../../src/stream/incoming_stream.ts";
import type { VirtualClock } from "../../src/virtual_clock.ts";

/** Frames of 20 ms by default, with timestamps in microseconds. */
export class FakeSource implements FrameSource {
  readonly name = "fake";
  readonly clockRate = 1_000_000;
  clockReference: ClockReference | undefined;
  readonly peerClock: PeerClock | undefined;
  hasLeft = false;
  readonly #clock: VirtualClock;
  readonly #frameUs: number;
  #sink: FrameSink | undefined;

  constructor(clock: VirtualClock, options: { peerClock?: PeerClock; frameUs?: number } = {}) {
    this.#clock = clock;
    this.#frameUs = options.frameUs ?? 20_000;
    this.peerClock = options.peerClock;
  }

  attach(sink: FrameSink): void {
    if (this.#sink !== undefined) throw new TypeError("It is read already");
    this.#sink = sink;
  }

  leave(): void {
    this.hasLeft = true;
  }

  /** Whether the playout finds it congested. */
  get isCongested(): boolean {
    return this.#sink?.isCongested ?? false;
  }

  /** The `n`th frame arrives now. */
  push(n: number, timestamp: number = n * this.#frameUs, bytes = 10): MediaFrame {
    const frame = { payload: new Uint8Array(bytes), sequence: n >>> 0, timestamp, arrivalUs: this.#clock.nowUs() };
    this.#sink?.onFrame(frame);
    return frame;
  }

  /** The `n`th frame is captured and arrives at `atUs`, whatever the clock shows. */
  pushAt(n: number, atUs: number): void {
    this.#sink?.onFrame({ payload: EMPTY, sequence: n >>> 0, timestamp: atUs, arrivalUs: atUs });
  }

  /** Frames from `from` to before `to`, one after the other in real time. */
  async stream(from: number, to: number): Promise<void> {
    for (let n = from; n < to; n++) {
      this.push(n);
      await this.#clock.advance(this.#frameUs / 1000);
    }
  }

  /** No frame follows. */
  end(error?: EchoStreamError): void {
    this.#sink?.onEnd(error);
  }
}

const EMPTY = new Uint8Array(0);
