/**
 * What an end of a memory connection knows of the halves of its streams, and how it counts streams.
 *
 * @module
 */

import { DEFAULT_URGENCY, type StreamId, type TransportOptions } from "./transport.ts";

/** The two kinds of streams QUIC counts apart. */
export type StreamKind = "bidirectional" | "unidirectional";

/** A sending half. */
export class Outgoing {
  /** What the transport's user calls it. */
  readonly id: StreamId;
  readonly kind: StreamKind;
  /** 0 (most urgent) to 7. */
  readonly urgency: number;
  /** Whether it is reset when it is not acknowledged in time. */
  readonly expires: boolean;
  /** Chosen when the peer's stream credit lets it open. */
  quicId: number | undefined;
  queue: Uint8Array[] = [];
  /** Whether the end of the stream is behind the last queued bytes. */
  finishQueued = false;
  /** Flow control: what the peer still takes. */
  windowBytes = 0;
  /** When the last of what was sent arrives: nothing of a stream overtakes. */
  arrivalUs = 0;
  /** Whether the peer has all of it. */
  arrived = false;
  /** Whether its lifetime is over. */
  expired = false;

  constructor(id: StreamId, kind: StreamKind, urgency: number = DEFAULT_URGENCY, expires = false) {
    this.id = id;
    this.kind = kind;
    this.urgency = urgency;
    this.expires = expires;
  }

  get queuedBytes(): number {
    return totalBytes(this.queue);
  }

  /** Take up to `room` of the queued bytes; `undefined` when nothing may go. */
  take(room: number): Piece | undefined {
    const first = this.queue[0];
    if (first === undefined || (room === 0 && first.length > 0)) return undefined;
    const bytes = first.subarray(0, room);
    if (bytes.length === first.length) this.queue.shift();
    else this.queue[0] = first.subarray(bytes.length);
    return { bytes, finished: this.finishQueued && this.queue.length === 0 };
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

  /** Take what the credit allows of the first buffered bytes; `undefined` when nothing may be delivered. */
  take(): Piece | undefined {
    const first = this.buffered[0];
    if (first === undefined || (first.length > 0 && this.creditBytes === 0)) return undefined;
    const bytes = first.subarray(0, this.creditBytes);
    if (bytes.length === first.length) this.buffered.shift();
    else this.buffered[0] = first.subarray(bytes.length);
    this.creditBytes -= bytes.length;
    return { bytes, finished: this.finished && this.buffered.length === 0 };
  }

  /** Drop what is buffered; how many bytes that was. */
  drop(): number {
    const bytes = totalBytes(this.buffered);
    this.buffered = [];
    return bytes;
  }
}

/** Some bytes of a stream, `finished` when they are its last. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly finished: boolean;
}

/** Numbers the streams one end opens, within what the other end allows at a time (RFC 9000 §2.1, §4.6). */
export class StreamNumbers {
  readonly #byClient: boolean;
  readonly #opened: Record<StreamKind, number> = { bidirectional: 0, unidirectional: 0 };
  readonly #live: Record<StreamKind, number> = { bidirectional: 0, unidirectional: 0 };

  constructor(byClient: boolean) {
    this.#byClient = byClient;
  }

  /** Whether another stream of `kind` fits `allowed`, the peer's options. */
  mayOpen(
    kind: StreamKind,
    allowed: Pick<TransportOptions, "maxBidirectionalStreams" | "maxUnidirectionalStreams">,
  ): boolean {
    return this.#live[kind] <
      (kind === "bidirectional" ? allowed.maxBidirectionalStreams : allowed.maxUnidirectionalStreams);
  }

  /** The QUIC id of the next stream of `kind`. */
  open(kind: StreamKind): number {
    this.#live[kind]++;
    return this.#opened[kind]++ * 4 + (kind === "unidirectional" ? 2 : 0) + (this.#byClient ? 0 : 1);
  }

  /** The peer has let go of one stream of `kind`. */
  release(kind: StreamKind): void {
    this.#live[kind]--;
  }
}

/** The kind of the stream with this QUIC id. */
export function streamKind(quicId: number): StreamKind {
  return (quicId & 2) === 0 ? "bidirectional" : "unidirectional";
}

/** Whether the client opened the stream with this QUIC id. */
export function openedByClient(quicId: number): boolean {
  return (quicId & 1) === 0;
}

function totalBytes(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((bytes, chunk) => bytes + chunk.length, 0);
}
