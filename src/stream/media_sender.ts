/**
 * The sending end of a media stream: reliable, in order, with back-pressure.
 *
 * @module
 */

/** Options of one frame. */
export interface FrameOptions {
  /** When it was captured, in ticks of the stream's clock rate. Default: now, on the local clock. */
  readonly timestamp?: number;
}

/** Counters of a {@link MediaSender}. */
export interface MediaSenderStats {
  /** Frames accepted by flow control. */
  readonly framesSent: number;
  /** Payload bytes of those frames. */
  readonly bytesSent: number;
}

/** Sends frames to the peer's handler of that stream name. */
export class MediaSender {
  /** Name of the stream. */
  readonly name: string = "";
  /** Ticks per second of its timestamps. */
  readonly clockRate: number = 0;

  /** Counters so far. */
  get stats(): MediaSenderStats {
    throw new Error("in progress");
  }

  /** Settles when the stream is over: resolves when the receiver took everything, rejects when it was refused, reset or cut. */
  get closed(): Promise<void> {
    throw new Error("in progress");
  }

  /**
   * Send one frame. Resolves when flow control has accepted it: wait for it, and a fast sender keeps step with a slow receiver.
   * @throws {EchoStreamError} RESOURCE_EXHAUSTED for a frame over the message limit (the stream lives); what the receiver said when it
   * refused the stream; UNAVAILABLE when the connection is gone.
   */
  send(_bytes: Uint8Array | string, _options?: FrameOptions): Promise<void> {
    throw new Error("in progress");
  }

  /** End the stream after what was sent; resolves when the receiver's handler has taken every frame. */
  end(): Promise<void> {
    throw new Error("in progress");
  }

  /** Give the stream up: what is not yet delivered is dropped, and the receiver's iteration throws CANCELLED. */
  abort(_reason?: string): void {
    throw new Error("in progress");
  }
}
