/**
 * Frames that wait for the network: the newest leaves first, what is too old to be of use is dropped. When the network is slower than
 * the sender, what arrives is as fresh as it can be.
 *
 * @module
 */

/** A frame that waits. */
export interface WaitingFrame {
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  /** When it was sent, in microseconds on the local clock. */
  readonly sentUs: number;
}

/** What a queue may hold. */
export interface NewestFirstQueueOptions {
  /** Age at which a frame is dropped, in microseconds. */
  readonly maxLatencyUs: number;
  readonly maxFrames: number;
  /** Of payload; a single frame may be larger. */
  readonly maxBytes: number;
}

/** Holds frames in the order in which they were sent. */
export class NewestFirstQueue {
  /** Frames dropped because they were too old. */
  expired = 0;
  /** Frames dropped because there was no room. */
  overflowed = 0;
  readonly #options: NewestFirstQueueOptions;
  readonly #frames: WaitingFrame[] = [];
  // Frames before this index are gone; the array is cut when half of it is, so that dropping costs O(1).
  #first = 0;
  #bytes = 0;

  constructor(options: NewestFirstQueueOptions) {
    this.#options = options;
  }

  /** Frames that wait. */
  get length(): number {
    return this.#frames.length - this.#first;
  }

  /** Bytes of their payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of the newest payload; 0 when none waits. */
  get newestBytes(): number {
    return this.length === 0 ? 0 : this.#frames.at(-1)!.payload.length;
  }

  /** When the oldest was sent; `undefined` when none waits. */
  get oldestUs(): number | undefined {
    return this.#frames[this.#first]?.sentUs;
  }

  /** Take in the newest frame. The oldest make room for it. */
  push(frame: WaitingFrame): void {
    const { maxFrames, maxBytes } = this.#options;
    while (this.length > 0 && (this.length >= maxFrames || this.#bytes + frame.payload.length > maxBytes)) {
      this.#dropOldest();
      this.overflowed++;
    }
    this.#frames.push(frame);
    this.#bytes += frame.payload.length;
  }

  /** The newest frame, which leaves the queue; `undefined` when none is left that is not too old. */
  pop(nowUs: number): WaitingFrame | undefined {
    this.dropExpired(nowUs);
    if (this.length === 0) return undefined;
    const newest = this.#frames.pop()!;
    this.#bytes -= newest.payload.length;
    return newest;
  }

  /** Drop what is too old at `nowUs`. */
  dropExpired(nowUs: number): void {
    for (let oldestUs = this.oldestUs; oldestUs !== undefined; oldestUs = this.oldestUs) {
      if (nowUs - oldestUs < this.#options.maxLatencyUs) return;
      this.#dropOldest();
      this.expired++;
    }
  }

  /** Drop everything, uncounted. */
  clear(): void {
    this.#frames.length = this.#first = this.#bytes = 0;
  }

  #dropOldest(): void {
    this.#bytes -= this.#frames[this.#first]!.payload.length;
    this.#first++;
    if (this.#first * 2 < this.#frames.length) return;
    this.#frames.splice(0, this.#first);
    this.#first = 0;
  }
}
