/**
 * Whose is a stream that the peer opened? Its first byte tells (docs/protocol.md, "Stream kinds").
 *
 * @module
 */

import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import type { SendStream } from "../connection/send_stream.ts";
import type { BidirectionalStream } from "../connection/streams.ts";
import { protocolViolation, StreamCode } from "../protocol/error.ts";
import { StreamKind } from "../protocol/stream_header.ts";

/**
 * Takes over streams of the kinds a session knows: what is returned gets the bytes behind the kind. Those of MESSAGES streams are read by the
 * connection.
 */
export interface StreamOwners {
  onControl(stream: ReceiveStream): ReceiveSink;
  onEvents(stream: ReceiveStream): ReceiveSink;
  onMedia(stream: ReceiveStream): ReceiveSink;
  onMediaUnit(stream: ReceiveStream): ReceiveSink;
  /** Bidirectional streams, which have no kind. */
  onCall(stream: BidirectionalStream): void;
}

/** The owners before the handshake is done: of streams that clients must not open then, nobody. */
export function earlyOwners(owners: StreamOwners): StreamOwners {
  const refuse = (): never => {
    throw protocolViolation("A client may send nothing but its SETTINGS and requests before the handshake is done");
  };
  const onControl = (stream: ReceiveStream): ReceiveSink => owners.onControl(stream);
  return { onControl, onEvents: refuse, onMedia: refuse, onMediaUnit: refuse, onCall: refuse };
}

/** Pass a new stream to its owner as soon as its kind is known. */
export function routeStream(receive: ReceiveStream, send: SendStream | undefined, owners: StreamOwners): void {
  if (send !== undefined) return owners.onCall({ send, receive });
  receive.sink = new KindReader(receive, owners);
}

/** Waits for the first byte. All known kinds are below 64 and therefore one byte. */
class KindReader implements ReceiveSink {
  readonly #stream: ReceiveStream;
  readonly #owners: StreamOwners;

  constructor(stream: ReceiveStream, owners: StreamOwners) {
    this.#stream = stream;
    this.#owners = owners;
  }

  onData(bytes: Uint8Array, finished: boolean): void {
    if (bytes.length === 0) return;
    const kind = bytes[0]!;
    // What is media has a header or an id to come, whose limit of time goes on.
    if (kind !== StreamKind.MEDIA && kind !== StreamKind.MEDIA_UNIT) this.#stream.headerRead();
    const sink = this.#sinkFor(kind);
    if (sink === undefined) return this.#stream.stop(StreamCode.UNKNOWN_KIND);
    this.#stream.sink = sink;
    sink.onData(bytes.subarray(1), finished);
  }

  onReset(): void {}

  #sinkFor(kind: number): ReceiveSink | undefined {
    switch (kind) {
      case StreamKind.CONTROL:
        return this.#owners.onControl(this.#stream);
      case StreamKind.EVENTS:
        return this.#owners.onEvents(this.#stream);
      case StreamKind.MEDIA:
        return this.#owners.onMedia(this.#stream);
      case StreamKind.MEDIA_UNIT:
        return this.#owners.onMediaUnit(this.#stream);
      default:
        return undefined;
    }
  }
}
