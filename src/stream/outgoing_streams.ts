/**
 * The media streams opened on one connection from here, and what their receivers say about them.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { SendStream } from "../connection/send_stream.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { StreamReportMessage, StreamStatusMessage } from "../protocol/message.ts";
import { metadataBytes, toMetadata } from "../protocol/metadata.ts";
import { encodeMediaHeader } from "../protocol/stream_header.ts";
import type { MetadataLimits } from "../protocol/version.ts";
import { Writer } from "../protocol/writer.ts";
import { DatagramOutlet } from "./datagram_outlet.ts";
import { ExpiringOutlet } from "./expiring_outlet.ts";
import { MediaSender } from "./media_sender.ts";
import type { Outlet } from "./outlet.ts";
import { ReliableOutlet } from "./reliable_outlet.ts";
import { type StreamOptions, type StreamPlan, streamPlan } from "./stream_options.ts";

/** What the peer accepts of media streams. */
export interface PeerStreamLimits extends MetadataLimits {
  /** Largest body of a MEDIA frame, in bytes. */
  readonly maxMessageBytes: number;
}

/** Opens media streams. */
export class OutgoingStreams {
  /** Called whenever a stream is over. */
  onSettled: (() => void) | undefined;
  readonly #connection: Connection;
  readonly #peer: PeerStreamLimits;
  readonly #live = new Map<number, MediaSender>();
  // Whose datagrams the transport reports about, by report id.
  readonly #reported = new Map<number, DatagramOutlet>();
  #lastReportId = FIRST_REPORT_ID;
  #nextId = 0;

  /** @param peer What the peer accepts, kept up to date by its SETTINGS. */
  constructor(connection: Connection, peer: PeerStreamLimits) {
    this.#connection = connection;
    this.#peer = peer;
  }

  /** Streams opened so far. */
  get opened(): number {
    return this.#nextId;
  }

  /** Streams that are not over. */
  get live(): number {
    return this.#live.size;
  }

  /** Of those, streams that were ended here and wait for their receivers' word. */
  get ending(): number {
    let count = 0;
    for (const sender of this.#live.values()) if (sender.ending) count++;
    return count;
  }

  /** Open a stream; see `Session.createStream`. */
  async create(name: string, options: StreamOptions): Promise<MediaSender> {
    const plan = streamPlan(options);
    const metadata = options.metadata === undefined ? undefined : toMetadata(options.metadata);
    const { maxMetadataBytes, maxMetadataEntries } = this.#peer;
    if (
      metadata !== undefined && (metadata.length > maxMetadataEntries || metadataBytes(metadata) > maxMetadataBytes)
    ) {
      const message = `Metadata of stream "${name}" is larger than the peer takes`;
      throw new EchoStreamError(
        ErrorCode.INVALID_ARGUMENT,
        `${message} (${maxMetadataEntries} entries, ${maxMetadataBytes} bytes)`,
      );
    }
    const mediaStreamId = this.#nextId;
    const { clockRateHz, delivery, maxLatencyMs, parityEvery, priority } = plan;
    if (delivery === "datagram" && this.#connection.stats().maxDatagramBytes === 0) {
      throw new EchoStreamError(ErrorCode.UNIMPLEMENTED, "The peer takes no datagrams");
    }
    const header = { mediaStreamId, name, clockRateHz, delivery, maxLatencyMs, parityEvery, metadata };
    encodeMediaHeader(writer.reset(), header);
    const stream = this.#connection.openUnidirectional(undefined, { urgency: priority });
    this.#nextId++;
    stream.write(writer.view());
    const sender = new MediaSender({
      connection: this.#connection,
      stream,
      name,
      plan,
      maxFrameBytes: () => this.#peer.maxMessageBytes,
      outlet: (sender) => this.#outlet(sender, stream, mediaStreamId, plan),
      onSettled: () => {
        this.#live.delete(mediaStreamId);
        this.onSettled?.();
      },
    });
    this.#live.set(mediaStreamId, sender);
    await stream.opened;
    return sender;
  }

  /** A receiver's last word about one of them. */
  onStatus(status: StreamStatusMessage): void {
    this.#live.get(status.mediaStreamId)?.onStatus(status);
  }

  /** How one of them fares at its receiver. */
  onReport(report: StreamReportMessage): void {
    this.#live.get(report.mediaStreamId)?.onReport(report);
  }

  /** A datagram that was sent with `id` left at `departureUs`, or was dropped when that is 0. */
  onDatagramSent(id: number, departureUs: number): void {
    const outlet = this.#reported.get(id);
    this.#reported.delete(id);
    outlet?.onDatagramSent(id, departureUs);
  }

  /** Give up what nobody has ended: the session closes. */
  abortOpen(reason: string): void {
    for (const sender of [...this.#live.values()]) if (!sender.ending) sender.abort(reason);
  }

  /** The connection is gone. */
  end(error: EchoStreamError): void {
    for (const sender of [...this.#live.values()]) sender.connectionClosed(error);
    this.#reported.clear();
  }

  #outlet(sender: MediaSender, anchor: SendStream, mediaStreamId: number, plan: StreamPlan): Outlet {
    const { maxLatencyMs, priority, duplicate, parityEvery } = plan;
    if (plan.delivery === "reliable") return new ReliableOutlet(anchor, (error) => sender.onLost(error));
    const common = {
      connection: this.#connection,
      anchor,
      mediaStreamId,
      maxLatencyMs,
      priority,
      onChange: () => sender.assess(),
    };
    if (plan.delivery === "expiring") return new ExpiringOutlet(common);
    const outlet: DatagramOutlet = new DatagramOutlet({
      ...common,
      duplicate,
      parityEvery,
      reportId: () => {
        this.#lastReportId = this.#lastReportId === LAST_REPORT_ID ? FIRST_REPORT_ID : this.#lastReportId + 1;
        this.#reported.set(this.#lastReportId, outlet);
        return this.#lastReportId;
      },
    });
    return outlet;
  }
}

/** Report ids of media datagrams; those below are of others. */
export const FIRST_REPORT_ID = 0x4000_0000;
const LAST_REPORT_ID = 0x7fff_ffff;
const writer = new Writer();
