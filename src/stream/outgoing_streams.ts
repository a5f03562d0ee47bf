/**
 * The media streams opened on one connection from here, and what their receivers say about them.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { StreamStatusMessage } from "../protocol/message.ts";
import { metadataBytes, toMetadata } from "../protocol/metadata.ts";
import { encodeMediaHeader } from "../protocol/stream_header.ts";
import type { MetadataLimits } from "../protocol/version.ts";
import { Writer } from "../protocol/writer.ts";
import { MediaSender } from "./media_sender.ts";
import { DEFAULT_CLOCK_RATE_HZ, type StreamOptions } from "./stream_options.ts";

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
    const clockRateHz = options.clockRate ?? DEFAULT_CLOCK_RATE_HZ;
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
    encodeMediaHeader(writer.reset(), { mediaStreamId, name, clockRateHz, delivery: "reliable", metadata });
    const stream = this.#connection.openUnidirectional();
    this.#nextId++;
    stream.write(writer.view());
    const sender = new MediaSender({
      connection: this.#connection,
      stream,
      name,
      clockRateHz,
      maxFrameBytes: () => this.#peer.maxMessageBytes,
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

  /** Give up what nobody has ended: the session closes. */
  abortOpen(reason: string): void {
    for (const sender of [...this.#live.values()]) if (!sender.ending) sender.abort(reason);
  }

  /** The connection is gone. */
  end(error: EchoStreamError): void {
    for (const sender of [...this.#live.values()]) sender.connectionClosed(error);
  }
}

const writer = new Writer();
