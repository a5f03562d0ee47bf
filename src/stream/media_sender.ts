/**
 * The sending end of a media stream, whatever its delivery, and what its receiver says about it
 * (docs/protocol.md, "Media streams").
 *
 * @module
 */

import type { Connection, ConnectionStats } from "../connection/connection.ts";
import { quietRejection } from "../connection/send_line.ts";
import type { SendStream } from "../connection/send_stream.ts";
import { EchoStreamError, ErrorCode, StreamCode } from "../protocol/error.ts";
import { MEDIA_PACKET_HEADER_BYTES, MediaFlag } from "../protocol/media_packet.ts";
import type { StreamReportMessage, StreamStatusMessage } from "../protocol/message.ts";
import type { Delivery } from "../protocol/stream_header.ts";
import { ticksToUs } from "../protocol/timestamp.ts";
import { CallbackDeadline } from "../timer_queue.ts";
import { AvailableBitrate } from "./available_bitrate.ts";
import { CaptureClock } from "./capture_clock.ts";
import { CongestionDetector } from "./congestion.ts";
import type { CongestionState, MediaSenderStats } from "./media_sender_stats.ts";
import { type Outlet } from "./outlet.ts";
import type { StreamPlan } from "./stream_options.ts";

/** Options of one frame. */
export interface FrameOptions {
  /** When it was captured, in ticks of the stream's clock rate, 0 to 2^53 − 1. Default: now, on the local clock. */
  readonly timestamp?: number;
  /**
   * When it was captured, on the local clock (`session.clock.nowUs()`), in microseconds. Playouts that keep several streams in step are
   * exact with it; without it the time of sending stands for it.
   */
  readonly captureUs?: number;
  /** Begin a new group, though the last one is not full: at a key frame, say. See `framesPerGroup`. Default false. */
  readonly newGroup?: boolean;
}

/** What a sender is made with, by its session. */
export interface MediaSenderInit {
  readonly connection: Connection;
  /** Freshly opened, its header written. */
  readonly stream: SendStream;
  readonly name: string;
  readonly plan: StreamPlan;
  /** Largest body of a MEDIA frame the peer takes now, in bytes. */
  readonly maxFrameBytes: () => number;
  /** Makes what frames leave by. */
  readonly outlet: (sender: MediaSender) => Outlet;
  /** Called once when the stream is over. */
  readonly onSettled: () => void;
}

/** Sends frames to the peer's handler of that stream name. */
export class MediaSender {
  /** Name of the stream. */
  readonly name: string;
  /** Ticks per second of its timestamps. */
  readonly clockRate: number;
  /** How its frames travel. */
  readonly delivery: Delivery;
  /** Resolves when the receiver's handler took every frame and ended; rejects when the stream was refused, given up or cut. */
  readonly closed: Promise<void>;
  /** Called when more is sent than arrives in time, and when that is over: the moment for an encoder to adapt. */
  onCongestion: ((state: CongestionState) => void) | undefined;
  readonly #init: MediaSenderInit;
  readonly #outlet: Outlet;
  readonly #captureClock: CaptureClock;
  readonly #congestion: CongestionDetector;
  readonly #availableBitrate = new AvailableBitrate();
  #nextObservationUs = -Infinity;
  // STOP_SENDING may overtake the STREAM_STATUS that explains it.
  readonly #statusDeadline: CallbackDeadline;
  readonly #assessment: CallbackDeadline;
  #settleClosed!: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
  #framesTaken = 0;
  #group = 0;
  #framesInGroup = 0;
  #report: StreamReportMessage | undefined;
  #fractionLost = 0;
  #state: "open" | "ending" | "settled" = "open";
  #failure: unknown;

  /** @internal Made by `Session.createStream`. */
  constructor(init: MediaSenderInit) {
    const { connection, stream, plan } = init;
    this.name = init.name;
    this.clockRate = plan.clockRateHz;
    this.delivery = plan.delivery;
    this.#init = init;
    this.#captureClock = new CaptureClock(plan.clockRateHz);
    this.#congestion = new CongestionDetector(plan.maxLatencyMs * 1000);
    this.closed = new Promise((resolve, reject) => this.#settleClosed = { resolve, reject });
    // Whoever wants to know awaits it; nobody has to.
    this.closed.catch(() => {});
    this.#statusDeadline = new CallbackDeadline(() => this.#fail(this.#stopped()));
    this.#assessment = new CallbackDeadline(() => this.assess());
    this.#outlet = init.outlet(this);
    stream.onStopped = () => connection.timers.add(this.#statusDeadline, STATUS_TIMEOUT_MS);
  }

  /** Counters so far, and the state now. */
  get stats(): MediaSenderStats {
    const outlet = this.#outlet;
    const nowUs = this.#init.connection.clock.nowUs();
    const queueDelayUs = outlet.queueDelayUs(nowUs);
    const { roundTripTimeUs } = this.#observePath(queueDelayUs, nowUs);
    return {
      framesSent: outlet.framesSent,
      bytesSent: outlet.bytesSent,
      packetsSent: outlet.packetsSent,
      framesDropped: outlet.framesExpired + outlet.framesOverflowed,
      framesExpired: outlet.framesExpired,
      framesOverflowed: outlet.framesOverflowed,
      queuedFrames: outlet.queuedFrames,
      queuedBytes: outlet.queuedBytes,
      queueDelayMs: queueDelayUs / 1000,
      packetsLost: this.#report === undefined ? 0 : lostOf(this.#report),
      fractionLost: this.#fractionLost,
      jitter: (this.#report?.jitterUs ?? 0) / 1e6,
      roundTripTime: roundTripTimeUs / 1e6,
      availableBitrate: this.#availableBitrate.bitrate(nowUs),
      availableBitrateMeasured: this.#availableBitrate.isMeasured(nowUs),
    };
  }

  /** @internal Whether {@link end} was called. */
  get ending(): boolean {
    return this.#state === "ending";
  }

  /**
   * Send one frame; text travels as UTF-8. On a reliable stream it resolves when flow control has accepted the frame: wait for it, do not
   * change `bytes` before, and a fast sender keeps step with a slow receiver. Otherwise it resolves at once, and `bytes` may be changed.
   * @throws {EchoStreamError} (as rejection) what the receiver said when it refused the stream; UNAVAILABLE when the connection is gone.
   * @throws {RangeError} (as rejection) for a frame larger than the peer takes, or a time out of its range; the stream lives.
   * @throws {TypeError} (as rejection) after {@link end}, or when `bytes` are neither bytes nor text.
   */
  send(bytes: Uint8Array | string, options: FrameOptions = NO_OPTIONS): Promise<void> {
    if (this.#state === "ending") {
      return Promise.reject(new TypeError(`Stream "${this.name}" was ended, nothing can be sent`));
    }
    if (this.#failure !== undefined) return quietRejection(this.#failure);
    const payload = typeof bytes === "string" ? utf8.encode(bytes) : bytes;
    if (!(payload instanceof Uint8Array)) {
      return Promise.reject(new TypeError(`A frame of stream "${this.name}" is neither a Uint8Array nor text`));
    }
    const sentUs = this.#init.connection.clock.nowUs();
    const timestamp = options.timestamp ?? Math.floor(sentUs * this.clockRate / 1e6);
    if (!(timestamp >= 0 && timestamp <= Number.MAX_SAFE_INTEGER) || timestamp % 1 !== 0) {
      return Promise.reject(new RangeError(`Timestamp ${timestamp} is no integer from 0 to 2^53 - 1`));
    }
    const captureUs = options.captureUs ??
      (options.timestamp === undefined ? ticksToUs(timestamp, this.clockRate) : undefined);
    if (captureUs !== undefined && !(captureUs >= 0 && captureUs <= Number.MAX_SAFE_INTEGER)) {
      return Promise.reject(new RangeError(`captureUs is ${captureUs}, expected 0 to 2^53 - 1`));
    }
    const limitBytes = Math.min(this.#init.maxFrameBytes() - MEDIA_PACKET_HEADER_BYTES, this.#outlet.maxPayloadBytes);
    if (payload.length > limitBytes) {
      const message =
        `Frame of ${payload.length} bytes on stream "${this.name}" is larger than the ${limitBytes} bytes`;
      return Promise.reject(new RangeError(`${message} it may have`));
    }
    const clock = this.#captureClock.observe(timestamp, sentUs, captureUs);
    const sequence = this.#framesTaken++ % 0x1_0000_0000;
    const { framesPerGroup } = this.#init.plan;
    if (this.#framesInGroup === framesPerGroup || (options.newGroup === true && this.#framesInGroup > 0)) {
      this.#group++;
      this.#framesInGroup = 0;
    }
    const endsGroup = ++this.#framesInGroup === framesPerGroup;
    const flags = options.timestamp === undefined && options.captureUs === undefined ? MediaFlag.SENT : 0;
    const frame = { payload, flags, sequence, timestamp, sentUs, clock, group: this.#group, endsGroup };
    const accepted = this.#outlet.send(frame);
    this.assess();
    return accepted;
  }

  /** End the stream after what was sent; resolves when the receiver's handler has taken every frame and ended, as {@link closed}. */
  end(): Promise<void> {
    if (this.#state === "open") {
      this.#state = "ending";
      const timestamp = Math.floor(this.#init.connection.clock.nowUs() * this.clockRate / 1e6);
      this.#outlet.end(this.#framesTaken % 0x1_0000_0000, timestamp);
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
    this.#settle(undefined);
    this.#settleClosed.resolve();
  }

  /** @internal How the stream fares at its receiver. */
  onReport(report: StreamReportMessage): void {
    const before = this.#report;
    const expected = report.framesExpected - (before?.framesExpected ?? 0);
    const lost = lostOf(report) - (before === undefined ? 0 : lostOf(before));
    this.#fractionLost = expected > 0 ? Math.min(1, Math.max(0, lost / expected)) : 0;
    this.#report = report;
    this.assess();
  }

  /** @internal The connection is gone. */
  connectionClosed(error: EchoStreamError): void {
    this.#fail(error);
  }

  /** @internal Somebody waits and the stream takes no more: its receiver says why, unless the connection is what is lost. */
  onLost(error: unknown): void {
    if (this.#statusDeadline.nextDeadline === undefined) this.#fail(error);
  }

  /** @internal Frames were sent or dropped: is the stream congested, and is that new? */
  assess(): void {
    if (this.#state === "settled") return;
    const { connection: { clock, timers } } = this.#init;
    const outlet = this.#outlet;
    const nowUs = clock.nowUs();
    const before = this.#congestion.congested;
    const queueDelayUs = outlet.queueDelayUs(nowUs);
    if (nowUs >= this.#nextObservationUs) this.#observePath(queueDelayUs, nowUs);
    const congested = this.#congestion.observe({
      queueDelayUs,
      framesDropped: outlet.framesExpired + outlet.framesOverflowed,
      fractionLost: this.#fractionLost,
      receiverCongested: this.#report?.congested ?? false,
    }, nowUs);
    if ((congested || queueDelayUs > 0) && this.#assessment.nextDeadline === undefined) {
      timers.add(this.#assessment, ASSESSMENT_INTERVAL_MS, nowUs);
    }
    if (congested !== before) this.#tellCongestion(congested);
  }

  #tellCongestion(congested: boolean): void {
    const { stats } = this;
    const { availableBitrate, availableBitrateMeasured, queueDelayMs, framesDropped } = stats;
    try {
      this.onCongestion?.({
        congested,
        availableBitrate,
        availableBitrateMeasured,
        queueDelayMs,
        framesDropped,
      });
    } catch (error) {
      const message = `onCongestion of stream "${this.name}" failed`;
      this.#init.connection.log({ level: "error", category: "streams", message, error });
    }
  }

  /** The congestion controller's bandwidth; before it has one, what its window lets through in a round trip. */
  #observePath(queueDelayUs: number, nowUs: number): ConnectionStats {
    this.#nextObservationUs = nowUs + OBSERVATION_INTERVAL_US;
    const path = this.#init.connection.stats();
    const { deliveryRateBytesPerS, congestionWindowBytes, roundTripTimeUs } = path;
    const windowBitrate = roundTripTimeUs > 0 ? congestionWindowBytes * 8e6 / roundTripTimeUs : 0;
    const isKnown = deliveryRateBytesPerS > 0;
    this.#availableBitrate.observe({
      bitrate: isKnown ? deliveryRateBytesPerS * 8 : windowBitrate,
      isLimited: isKnown && (path.pathLimited || queueDelayUs > LEAST_QUEUE_US),
      roundTripTimeUs,
    }, nowUs);
    return path;
  }

  #stopped(): EchoStreamError {
    return new EchoStreamError(ErrorCode.CANCELLED, `The receiver of stream "${this.name}" stopped it`, {
      remote: true,
    });
  }

  #fail(error: unknown): void {
    if (this.#state === "settled") return;
    this.#init.stream.reset(StreamCode.CANCELLED);
    this.#settle(error);
    this.#settleClosed.reject(error);
  }

  #settle(error: unknown): void {
    const { connection: { timers }, onSettled } = this.#init;
    this.#state = "settled";
    this.#failure = error ?? new TypeError(`Stream "${this.name}" was ended, nothing can be sent`);
    timers.remove(this.#statusDeadline);
    timers.remove(this.#assessment);
    this.#outlet.close(this.#failure);
    onSettled();
  }
}

function lostOf(report: StreamReportMessage): number {
  return Math.max(0, report.framesExpected - report.framesReceived);
}

const NO_OPTIONS: FrameOptions = {};
const utf8 = new TextEncoder();
/** How long a stopped stream waits for the reason, in milliseconds. */
const STATUS_TIMEOUT_MS = 1_000;
/** The transport's counters are as old as that. */
const OBSERVATION_INTERVAL_US = 10_000;
/** Waiting for the next turn of the event loop is no waiting for the path. */
const LEAST_QUEUE_US = 20_000;
/** How often a queue is looked at while nothing else happens, in milliseconds. */
const ASSESSMENT_INTERVAL_MS = 100;
