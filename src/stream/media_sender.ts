/**
 * The sending end of a media stream: reliable, in order, with back-pressure, and with the receiver's word on its end
 * (docs/protocol.md, "Media streams").
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { SendLine } from "../connection/send_line.ts";
import type { SendStream } from "../connection/send_stream.ts";
import { EchoStreamError, ErrorCode, StreamCode } from "../protocol/error.ts";
import { encodeMediaPacket, MEDIA_PACKET_HEADER_BYTES, MediaFlag } from "../protocol/media_packet.ts";
import { FrameType } from "../protocol/frame.ts";
import type { StreamStatusMessage } from "../protocol/message.ts";
import { Writer } from "../protocol/writer.ts";
import { CallbackDeadline } from "../timer_queue.ts";

/** Options of one frame. */
export interface FrameOptions {
  /** When it was captured, in ticks of the stream's clock rate, 0 to 2^53 − 1. Default: now, on the local clock. */
  readonly timestamp?: number;
}

/** Counters of a {@link MediaSender}. */
export interface MediaSenderStats {
  /** Frames accepted by flow control. */
  readonly framesSent: number;
  /** Payload bytes of those frames. */
  readonly bytesSent: number;
}

/** What a sender is made with, by its session. */
export interface MediaSenderInit {
  readonly connection: Connection;
  /** Freshly opened, its header written. */
  readonly stream: SendStream;
  readonly name: string;
  readonly clockRateHz: number;
  /** Largest body of a MEDIA frame the peer takes now, in bytes. */
  readonly maxFrameBytes: () => number;
  /** Called once when the stream is over. */
  readonly onSettled: () => void;
}

/** Sends frames to the peer's handler of that stream name. */
export class MediaSender {
  /** Name of the stream. */
  readonly name: string;
  /** Ticks per second of its timestamps. */
  readonly clockRate: number;
  /** Resolves when the receiver's handler took every frame and ended; rejects when the stream was refused, given up or cut. */
  readonly closed: Promise<void>;
  readonly #init: MediaSenderInit;
  readonly #line: SendLine<Outgoing>;
  // STOP_SENDING may overtake the STREAM_STATUS that explains it.
  readonly #statusDeadline: CallbackDeadline;
  #settleClosed!: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
  #framesSent = 0;
  #bytesSent = 0;
  #state: "open" | "ending" | "settled" = "open";

  /** @internal Made by `Session.createStream`. */
  constructor(init: MediaSenderInit) {
    this.name = init.name;
    this.clockRate = init.clockRateHz;
    this.#init = init;
    this.closed = new Promise((resolve, reject) => this.#settleClosed = { resolve, reject });
    // Whoever wants to know awaits it; nobody has to.
    this.closed.catch(() => {});
    this.#statusDeadline = new CallbackDeadline(() => this.#fail(this.#stopped()));
    this.#line = new SendLine(init.stream, this.#write, { onLost: this.#onLost });
    init.stream.onStopped = () => init.connection.timers.add(this.#statusDeadline, STATUS_TIMEOUT_MS);
  }

  /** Counters so far. */
  get stats(): MediaSenderStats {
    return { framesSent: this.#framesSent, bytesSent: this.#bytesSent };
  }

  /** @internal Whether {@link end} was called. */
  get ending(): boolean {
    return this.#state === "ending";
  }

  /**
   * Send one frame; text travels as UTF-8. Resolves when flow control has accepted it: wait for it, and a fast sender keeps step with a
   * slow receiver. Do not change `bytes` before.
   * @throws {EchoStreamError} (as rejection) RESOURCE_EXHAUSTED for a frame the peer would not take (the stream lives); what the receiver said when
   * it refused the stream; UNAVAILABLE when the connection is gone.
   * @throws {TypeError} (as rejection) after {@link end}.
   */
  send(bytes: Uint8Array | string, options: FrameOptions = {}): Promise<void> {
    if (this.#state === "ending") {
      return Promise.reject(new TypeError(`Stream "${this.name}" was ended, nothing can be sent`));
    }
    const payload = typeof bytes === "string" ? utf8.encode(bytes) : bytes;
    if (!(payload instanceof Uint8Array)) {
      return Promise.reject(new TypeError(`A frame of stream "${this.name}" is neither a Uint8Array nor text`));
    }
    const timestamp = options.timestamp ?? this.#now();
    if (!(timestamp >= 0 && timestamp <= Number.MAX_SAFE_INTEGER) || timestamp % 1 !== 0) {
      return Promise.reject(new RangeError(`Timestamp ${timestamp} is no integer from 0 to 2^53 - 1`));
    }
    const limitBytes = this.#init.maxFrameBytes() - MEDIA_PACKET_HEADER_BYTES;
    if (payload.length > limitBytes) {
      const message =
        `Frame of ${payload.length} bytes on stream "${this.name}" is larger than the ${limitBytes} bytes the peer takes`;
      return Promise.reject(new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message));
    }
    return this.#line.submit({ payload, timestamp, last: false });
  }

  /** End the stream after what was sent; resolves when the receiver's handler has taken every frame and ended, as {@link closed}. */
  end(): Promise<void> {
    if (this.#state === "open") {
      this.#state = "ending";
      // When it cannot be written any more the stream is lost, and `closed` says why.
      this.#line.submit({ payload: NOTHING, timestamp: this.#now(), last: true }).catch(() => {});
    }
    return this.closed;
  }

  /** Give the stream up: what has not left is dropped, and the receiver's iteration throws CANCELLED. */
  abort(reason = "it was given up here"): void {
    this.#init.stream.reset(StreamCode.CANCELLED);
    this.#fail(new EchoStreamError(ErrorCode.CANCELLED, `Stream "${this.name}" ended early: ${reason}`));
  }

  /** @internal The receiver's last word. */
  onStatus(status: StreamStatusMessage): void {
    if (status.code !== undefined) {
      const reason = status.message === "" ? "no reason given" : status.message;
      const message = `The receiver of stream "${this.name}" ended it: ${reason}`;
      return this.#fail(new EchoStreamError(status.code, message, { remote: true }));
    }
    if (this.#state === "settled") return;
    this.#settle();
    this.#settleClosed.resolve();
  }

  /** @internal The connection is gone. */
  connectionClosed(error: EchoStreamError): void {
    this.#fail(error);
  }

  readonly #write = ({ payload, timestamp, last }: Outgoing): void => {
    const { stream } = this.#init;
    const sequence = this.#framesSent % 0x1_0000_0000;
    writer.reset();
    if (last) {
      encodeMediaPacket(writer, { flags: MediaFlag.END, sequence, timestamp, payload });
      return stream.finish(writer.view());
    }
    this.#framesSent++;
    this.#bytesSent += payload.length;
    if (payload.length <= COPY_BYTES) {
      encodeMediaPacket(writer, { flags: 0, sequence, timestamp, payload });
      stream.write(writer.view());
    } else {
      writer.varint(FrameType.MEDIA).varint(MEDIA_PACKET_HEADER_BYTES + payload.length);
      writer.u8(0).u32(sequence).u64(timestamp);
      stream.write(writer.view());
      stream.write(payload);
    }
  };

  /** Somebody waits and the stream takes no more: its receiver says why, unless the connection is what is lost. */
  readonly #onLost = (error: unknown): void => {
    if (this.#statusDeadline.nextDeadline === undefined) this.#fail(error);
  };

  #now(): number {
    return Math.floor(this.#init.connection.clock.nowUs() * this.clockRate / 1e6);
  }

  #stopped(): EchoStreamError {
    return new EchoStreamError(ErrorCode.CANCELLED, `The receiver of stream "${this.name}" stopped it`, {
      remote: true,
    });
  }

  #fail(error: unknown): void {
    if (this.#state === "settled") return;
    this.#settle();
    this.#init.stream.reset(StreamCode.CANCELLED);
    this.#line.fail(error);
    this.#settleClosed.reject(error);
  }

  #settle(): void {
    this.#state = "settled";
    this.#init.connection.timers.remove(this.#statusDeadline);
    this.#init.onSettled();
  }
}

interface Outgoing {
  readonly payload: Uint8Array;
  readonly timestamp: number;
  readonly last: boolean;
}

const utf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);
/** How long a stopped stream waits for the reason, in milliseconds. */
const STATUS_TIMEOUT_MS = 1_000;
/** Up to here one write of a copy is cheaper than two writes. */
const COPY_BYTES = 4_096;
const writer = new Writer();
