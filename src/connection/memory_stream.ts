/**
 * What an end of a memory connection knows of one half of a stream.
 *
 * @module
 */

import { type StreamId } from "./transport.ts";

/** The two kinds of streams QUIC counts apart. */
export type StreamKind = "bidirectional" | "unidirectional";

/** A sending half. */
export class Outgoing {
  /** What the transport's user calls it. */
  readonly id: StreamId;
  readonly kind: StreamKind;
  /** Chosen when the peer's stream credit lets it open. */
  quicId: number | undefined;
  queue: Uint8Array[] = [];
  /** Whether the end of the stream is behind the last queued bytes. */
  finishQueued = false;
  /** Flow control: what the peer still takes. */
  windowBytes = 0;
  /** When the last of what was sent arrives: nothing of a stream overtakes. */
  arrivalUs = 0;

  constructor(id: StreamId, kind: StreamKind) {
    this.id = id;
    this.kind = kind;
  }

  get queuedBytes(): number {
    return this.queue.reduce((bytes, chunk) => bytes + chunk.length, 0);
  }
}

/** A receiving half. */
export class Incoming {
  /** What the transport's user calls it. */
  readonly id: StreamId;
  quicId: number | undefined;
  /** What arrived and is not delivered yet. */
  buffered: Uint8Array[] = [];
  /** What may be delivered before somebody grants more. */
  creditBytes: number;
  /** Whether the end of the stream is behind the last buffered bytes. */
  finished = false;
  /** The code nothing more is delivered with. */
  stopCode: number | undefined;

  constructor(id: StreamId, quicId: number | undefined, creditBytes: number) {
    this.id = id;
    this.quicId = quicId;
    this.creditBytes = creditBytes;
  }
}

/** The QUIC id of stream number `index` of its kind (RFC 9000 §2.1). */
export function quicStreamId(index: number, kind: StreamKind, byClient: boolean): number {
  return index * 4 + (kind === "unidirectional" ? 2 : 0) + (byClient ? 0 : 1);
}

/** The kind of the stream with this QUIC id. */
export function streamKind(quicId: number): StreamKind {
  return (quicId & 2) === 0 ? "bidirectional" : "unidirectional";
}

/** Whether the client opened the stream with this QUIC id. */
export function openedByClient(quicId: number): boolean {
  return (quicId & 1) === 0;
}
