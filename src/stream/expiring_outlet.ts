/**
 * Frames that leave each on a stream of its own, or a few together, the newest first, and are given up when they are too old. No more
 * than about a frame is given to the transport before it has left, because what is there cannot be overtaken any more.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { SendStream } from "../connection/send_stream.ts";
import { StreamCode } from "../protocol/error.ts";
import { FrameType } from "../protocol/frame.ts";
import { encodeMediaPacket, MEDIA_PACKET_HEADER_BYTES, MediaFlag } from "../protocol/media_packet.ts";
import { encodeMediaUnitHead } from "../protocol/media_unit.ts";
import { Writer } from "../protocol/writer.ts";
import { CallbackDeadline } from "../timer_queue.ts";
import { finishAnchor, writeClock } from "./media_anchor.ts";
import { NewestFirstQueue, type WaitingFrame } from "./newest_first_queue.ts";
import { ACCEPTED, type OutgoingFrame, type Outlet } from "./outlet.ts";

/** What an outlet is made with. */
export interface ExpiringOutletInit {
  readonly connection: Connection;
  /** The stream of the header. */
  readonly anchor: SendStream;
  readonly mediaStreamId: number;
  readonly maxLatencyMs: number;
  readonly priority: number;
  /** Frames were dropped, or left. */
  readonly onChange: () => void;
}

/** Sends frames of one media stream. */
export class ExpiringOutlet implements Outlet {
  framesSent = 0;
  bytesSent = 0;
  readonly packetsSent: number = 0;
  readonly maxPayloadBytes: number = Infinity;
  readonly #init: ExpiringOutletInit;
  readonly #queue: NewestFirstQueue;
  readonly #expiry: CallbackDeadline;
  // Units the transport has, of which not everything has left.
  readonly #leaving = new Map<SendStream, number>();
  #leavingBytes = 0;
  /** The stream whose group may go on. */
  #open: OpenUnit | undefined;
  readonly #openDeadline: CallbackDeadline;
  #framesReset = 0;
  #closed = false;

  constructor(init: ExpiringOutletInit) {
    this.#init = init;
    this.#queue = new NewestFirstQueue({
      maxLatencyUs: init.maxLatencyMs * 1000,
      maxFrames: MAX_FRAMES,
      maxBytes: init.connection.limits.maxOutboundBytes,
    });
    this.#expiry = new CallbackDeadline(() => this.#onExpiry());
    this.#openDeadline = new CallbackDeadline(() => this.#finishOpen());
  }

  get framesExpired(): number {
    return this.#queue.expired + this.#framesReset;
  }

  get framesOverflowed(): number {
    return this.#queue.overflowed;
  }

  get queuedFrames(): number {
    return this.#queue.length + this.#leaving.size;
  }

  get queuedBytes(): number {
    return this.#queue.bytes + this.#leavingBytes;
  }

  queueDelayUs(nowUs: number): number {
    const { oldestUs } = this.#queue;
    return oldestUs === undefined ? 0 : nowUs - oldestUs;
  }

  send(frame: OutgoingFrame): Promise<void> {
    if (frame.clock !== undefined) writeClock(this.#init.anchor, frame.clock);
    this.#pump();
    // What leaves at once is copied by the transport; what waits has to be kept as it is now.
    if (this.#queue.length === 0 && this.#hasRoomFor(frame.payload.length)) this.#hand(frame, frame.sentUs);
    else {
      this.#queue.push({ ...frame, payload: frame.payload.slice() });
      this.#watchExpiry();
    }
    return ACCEPTED;
  }

  end(sequence: number, timestamp: number): void {
    finishAnchor(this.#init.anchor, sequence, timestamp);
    if (this.#queue.length === 0) this.#finishOpen();
  }

  close(): void {
    this.#closed = true;
    this.#init.connection.timers.remove(this.#expiry);
    this.#init.connection.timers.remove(this.#openDeadline);
    this.#open?.unit.reset(StreamCode.CANCELLED);
    this.#open = undefined;
    this.#queue.clear();
    for (const unit of [...this.#leaving.keys()]) unit.reset(StreamCode.CANCELLED);
    this.#leaving.clear();
    this.#leavingBytes = 0;
  }

  /** Large frames leave one after the other: the transport would let them take turns, and all of them would be late. */
  #hasRoomFor(bytes: number): boolean {
    return this.#leavingBytes === 0 || this.#leavingBytes + bytes <= ROOM_BYTES;
  }

  #pump(): void {
    const nowUs = this.#init.connection.clock.nowUs();
    this.#queue.dropExpired(nowUs);
    while (!this.#closed && this.#hasRoomFor(this.#queue.nextBytes)) {
      const frame = this.#queue.pop(nowUs);
      if (frame === undefined) return;
      this.#hand(frame, nowUs);
    }
  }

  #hand(frame: WaitingFrame, nowUs: number): void {
    if (this.#init.connection.state !== "established") return;
    const { payload, flags, sequence, timestamp, group, endsGroup } = frame;
    const isCopied = payload.length <= COPY_BYTES;
    if (this.#open !== undefined && (this.#open.group !== group || this.#open.unit.ended)) this.#finishOpen();
    const isNew = this.#open === undefined;
    const open = this.#open ??= this.#openUnit(frame, nowUs);
    const { unit } = open;
    open.frames++;
    writer.reset();
    if (isNew) encodeMediaUnitHead(writer, this.#init.mediaStreamId);
    if (isCopied) encodeMediaPacket(writer, { flags, sequence, timestamp, payload });
    else {
      writer.varint(FrameType.MEDIA).varint(MEDIA_PACKET_HEADER_BYTES + payload.length);
      writer.u8(flags).u32(sequence).u64(timestamp);
    }
    this.framesSent++;
    this.bytesSent += payload.length;
    const bytes = writer.length + (isCopied ? 0 : payload.length);
    this.#leaving.set(unit, (this.#leaving.get(unit) ?? 0) + bytes);
    this.#leavingBytes += bytes;
    if (!isCopied) unit.write(writer.view());
    const last = isCopied ? writer.view() : payload;
    if (!endsGroup) return void unit.write(last);
    this.#forgetOpen();
    unit.finish(last);
  }

  #openUnit({ sentUs, group }: WaitingFrame, nowUs: number): OpenUnit {
    const { connection, maxLatencyMs, priority } = this.#init;
    const lifetimeMs = Math.max(1, maxLatencyMs - (nowUs - sentUs) / 1000);
    const unit = connection.openUnidirectional(undefined, { urgency: priority, lifetimeMs });
    const open = { unit, group, frames: 0 };
    unit.onWritten = (written) => this.#onWritten(unit, written);
    unit.onExpired = () => {
      this.#framesReset += open.frames;
      this.#onWritten(unit, Infinity);
    };
    // The receiver has no room for it, or the media stream is over.
    unit.onStopped = () => this.#onWritten(unit, Infinity);
    // The last frame of a group is to have a good part of the lifetime left. Meanwhile the group goes on elsewhere.
    connection.timers.add(this.#openDeadline, lifetimeMs / 2, nowUs);
    return open;
  }

  #finishOpen(): void {
    const unit = this.#open?.unit;
    this.#forgetOpen();
    if (unit === undefined || unit.ended) return;
    encodeMediaPacket(writer.reset(), { flags: MediaFlag.END, sequence: 0, timestamp: 0, payload: NOTHING });
    unit.finish(writer.view());
  }

  #forgetOpen(): void {
    this.#open = undefined;
    this.#init.connection.timers.remove(this.#openDeadline);
  }

  #onWritten(unit: SendStream, written: number): void {
    const leavingBytes = this.#leaving.get(unit);
    if (leavingBytes !== undefined) {
      const leftBytes = Math.min(written, leavingBytes);
      this.#leavingBytes -= leftBytes;
      if (leftBytes === leavingBytes) this.#leaving.delete(unit);
      else this.#leaving.set(unit, leavingBytes - leftBytes);
    }
    if (this.#closed) return;
    this.#pump();
    this.#init.onChange();
  }

  #onExpiry(): void {
    this.#queue.dropExpired(this.#init.connection.clock.nowUs());
    this.#watchExpiry();
    this.#init.onChange();
  }

  #watchExpiry(): void {
    const { connection: { timers, clock }, maxLatencyMs } = this.#init;
    const { oldestUs } = this.#queue;
    if (oldestUs === undefined || this.#expiry.nextDeadline !== undefined) return;
    timers.add(this.#expiry, Math.max(1, maxLatencyMs - (clock.nowUs() - oldestUs) / 1000));
  }
}

/** A stream that carries a group. */
interface OpenUnit {
  readonly unit: SendStream;
  readonly group: number;
  frames: number;
}

const NOTHING = new Uint8Array(0);
/** What the transport may have that has not left, in several frames. */
const ROOM_BYTES = 16 * 1024;
/** Frames that wait at most. */
const MAX_FRAMES = 1_024;
/** Up to here one write of a copy is cheaper than two writes. */
const COPY_BYTES = 4_096;
const writer = new Writer();
