/**
 * Frames that leave in datagrams, in fragments when they are larger than one, with a copy or parity against loss
 * (docs/protocol.md, "Media datagrams").
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { SendStream } from "../connection/send_stream.ts";
import {
  encodeMediaFragment,
  fragmentOverheadBytes,
  MAX_FRAGMENTS,
  PARITY_OVERHEAD_BYTES,
} from "../protocol/media_fragment.ts";
import { varintSize } from "../protocol/varint.ts";
import { CallbackDeadline } from "../timer_queue.ts";
import { finishAnchor, writeClock } from "./media_anchor.ts";
import { ACCEPTED, type OutgoingFrame, type Outlet } from "./outlet.ts";
import { ParityBuilder } from "./parity_builder.ts";

/** What an outlet is made with. */
export interface DatagramOutletInit {
  readonly connection: Connection;
  /** The stream of the header. */
  readonly anchor: SendStream;
  readonly mediaStreamId: number;
  readonly maxLatencyMs: number;
  readonly priority: number;
  /** Whether everything is sent twice. */
  readonly duplicate: boolean;
  /** Most fragments of a parity group; 0 for no parity. */
  readonly parityEvery: number;
  /** An id for the report of a datagram that is told to {@link DatagramOutlet.onDatagramSent}. */
  readonly reportId: () => number;
  /** Frames were dropped, or left. */
  readonly onChange: () => void;
}

/** Sends frames of one media stream. */
export class DatagramOutlet implements Outlet {
  framesSent = 0;
  bytesSent = 0;
  packetsSent = 0;
  framesExpired = 0;
  framesOverflowed = 0;
  queuedBytes = 0;
  readonly #init: DatagramOutletInit;
  readonly #parity: ParityBuilder | undefined;
  readonly #flush: CallbackDeadline;
  // Frames whose first or last datagram has not left, by its report id, in order.
  readonly #leaving = new Map<number, LeavingFrame>();
  #queuedFrames = 0;
  #copies: Uint8Array[] = [];
  #copiesSentUs = 0;
  #packet = 0;
  #maxDatagramBytes = 0;
  #measuredUs = -Infinity;
  #closed = false;

  constructor(init: DatagramOutletInit) {
    this.#init = init;
    this.#parity = init.parityEvery > 0 ? new ParityBuilder(init.mediaStreamId, init.parityEvery) : undefined;
    this.#flush = new CallbackDeadline(() => this.#sendProtection());
  }

  get queuedFrames(): number {
    return this.#queuedFrames;
  }

  get maxPayloadBytes(): number {
    return Math.min(MAX_FRAME_BYTES, MAX_FRAGMENTS * this.#fragmentBytes(MAX_FRAGMENTS));
  }

  queueDelayUs(nowUs: number): number {
    for (const { sentUs } of this.#leaving.values()) return nowUs - sentUs;
    return 0;
  }

  send(frame: OutgoingFrame): Promise<void> {
    const { anchor, duplicate } = this.#init;
    if (frame.clock !== undefined) writeClock(anchor, frame.clock);
    const previous = this.#copies;
    const previousSentUs = this.#copiesSentUs;
    this.#copies = [];
    this.#copiesSentUs = frame.sentUs;
    this.#sendFrame(frame);
    // Behind the next frame, so that what loses packets in a row does not lose both.
    for (const datagram of previous) this.#sendDatagram(datagram, 0, previousSentUs);
    if (duplicate || (this.#parity?.pending ?? 0) > 0) this.#watchProtection();
    return ACCEPTED;
  }

  end(sequence: number, timestamp: number): void {
    this.#sendProtection();
    finishAnchor(this.#init.anchor, sequence, timestamp);
  }

  close(): void {
    this.#closed = true;
    this.#init.connection.timers.remove(this.#flush);
    this.#copies = [];
    this.#leaving.clear();
    this.queuedBytes = this.#queuedFrames = 0;
  }

  /** A datagram with a report id left at `departureUs`, or was dropped when that is 0. */
  onDatagramSent(id: number, departureUs: number): void {
    const frame = this.#leaving.get(id);
    if (frame === undefined) return;
    this.#leaving.delete(id);
    if (departureUs === 0) frame.dropped = true;
    if (--frame.reports > 0) return;
    this.#queuedFrames--;
    this.queuedBytes -= frame.bytes;
    if (frame.dropped) {
      const ageMs = (this.#init.connection.clock.nowUs() - frame.sentUs) / 1000;
      if (ageMs >= this.#init.maxLatencyMs) this.framesExpired++;
      else this.framesOverflowed++;
    }
    this.#init.onChange();
  }

  #sendFrame({ payload, flags, sequence, timestamp, sentUs }: OutgoingFrame): void {
    const { mediaStreamId, reportId, duplicate } = this.#init;
    const fragmentBytes = payload.length <= this.#fragmentBytes(1)
      ? this.#fragmentBytes(1)
      : this.#fragmentBytes(MAX_FRAGMENTS);
    const count = Math.max(1, Math.ceil(payload.length / fragmentBytes));
    if (fragmentBytes <= 0 || count > MAX_FRAGMENTS) {
      // The path has become narrower than it was when the limit was checked.
      this.framesOverflowed++;
      return;
    }
    const leaving: LeavingFrame = { sentUs, bytes: payload.length, reports: count === 1 ? 1 : 2, dropped: false };
    for (let index = 0; index < count; index++) {
      const part = payload.subarray(index * fragmentBytes, (index + 1) * fragmentBytes);
      const packet = this.#packet;
      this.#packet = (packet + 1) >>> 0;
      const fragment = { packet, index, count, sequence, timestamp, payload: part };
      const datagram = encodeMediaFragment(mediaStreamId, fragment, flags);
      // The transport drops from the front when too much waits, and from wherever the time is over.
      const id = index === 0 || index === count - 1 ? reportId() : 0;
      if (id !== 0) this.#leaving.set(id, leaving);
      if (duplicate) this.#copies.push(datagram);
      this.#sendDatagram(datagram, id, sentUs);
      const parity = this.#parity?.add(packet, datagram, 1 + varintSize(mediaStreamId));
      if (parity !== undefined) this.#sendDatagram(parity, 0, sentUs);
    }
    this.#queuedFrames++;
    this.queuedBytes += payload.length;
    this.framesSent++;
    this.bytesSent += payload.length;
  }

  #sendDatagram(datagram: Uint8Array, id: number, sentUs: number): void {
    const { connection, maxLatencyMs, priority } = this.#init;
    const leftMs = maxLatencyMs - (connection.clock.nowUs() - sentUs) / 1000;
    if (leftMs <= 0 || this.#closed) return;
    this.packetsSent++;
    connection.sendDatagram(datagram, id, Math.ceil(leftMs), priority);
  }

  /** Copies and parity do not wait for ever for a next frame. */
  #watchProtection(): void {
    const { connection: { timers }, maxLatencyMs } = this.#init;
    timers.add(this.#flush, Math.min(PROTECTION_DELAY_MS, maxLatencyMs / 4));
  }

  #sendProtection(): void {
    const copies = this.#copies;
    this.#copies = [];
    for (const datagram of copies) this.#sendDatagram(datagram, 0, this.#copiesSentUs);
    const parity = this.#parity?.finish();
    if (parity === undefined) return;
    this.#sendDatagram(parity, 0, this.#copiesSentUs);
    // The group was cut short, so that the next begins elsewhere.
    const { parityEvery } = this.#init;
    const next = Math.ceil(this.#packet / parityEvery) * parityEvery;
    this.#packet = next > 0xffff_ffff ? 0 : next;
  }

  /** Payload that fits a fragment, of `count`; the path's size changes now and then. */
  #fragmentBytes(count: number): number {
    const { connection, mediaStreamId } = this.#init;
    const nowUs = connection.clock.nowUs();
    if (nowUs - this.#measuredUs >= MEASURE_INTERVAL_US) {
      this.#measuredUs = nowUs;
      this.#maxDatagramBytes = connection.stats().maxDatagramBytes;
    }
    const overheadBytes = fragmentOverheadBytes(mediaStreamId, count);
    return this.#maxDatagramBytes - overheadBytes - (this.#parity === undefined ? 0 : PARITY_OVERHEAD_BYTES);
  }
}

/** A frame that waits in the transport. */
interface LeavingFrame {
  readonly sentUs: number;
  readonly bytes: number;
  /** Reports to come about its datagrams. */
  reports: number;
  dropped: boolean;
}

/** Half of what the transport lets wait: more at once would lose itself. */
const MAX_FRAME_BYTES = 512 * 1024;
/** How long copies and parity wait for the next frame: longer than a burst of loss, shorter than anybody waits. */
const PROTECTION_DELAY_MS = 20;
const MEASURE_INTERVAL_US = 100_000;
