/**
 * Frames that wait for the network: the newest group leaves first, in order within itself, what is too old to be of use is dropped.
 * When the network is slower than the sender, what arrives is as fresh as it can be.
 *
 * @module
 */

/** A frame that waits. */
export interface WaitingFrame {
  /** Sum of `MediaFlag` bits. */
  readonly flags: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  /** Frames of one group, sent one after the other, leave in order. */
  readonly group: number;
  /** Whether no other frame of its group follows. */
  readonly endsGroup: boolean;
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

  /** Bytes of the payload that {@link pop} gives next, if that has not become too old; 0 when none waits. */
  get nextBytes(): number {
    return this.#frames[this.#nextAt()]?.payload.length ?? 0;
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

  /** The first frame of the newest group, which leaves the queue; `undefined` when none is left that is not too old. */
  pop(nowUs: number): WaitingFrame | undefined {
    this.dropExpired(nowUs);
    if (this.length === 0) return undefined;
    const [next] = this.#frames.splice(this.#nextAt(), 1);
    this.#bytes -= next!.payload.length;
    return next;
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

  /** Where the newest group starts. */
  #nextAt(): number {
    let at = this.#frames.length - 1;
    while (at > this.#first && this.#frames[at - 1]!.group === this.#frames[at]!.group) at--;
    return at;
  }

  #dropOldest(): void {
    this.#bytes -= this.#frames[this.#first]!.payload.length;
    this.#first++;
    if (this.#first * 2 < this.#frames.length) return;
    this.#frames.splice(0, this.#first);
    this.#first = 0;
  }
}
