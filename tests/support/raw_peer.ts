/**
 * A peer that speaks QUIC and none of our protocol: a test writes the bytes of its streams itself.
 *
 * @module
 */

import { transportOptions, type TransportTuning } from "../../src/connection/options.ts";
import type {
  ConnectionSink,
  DialOptions,
  SocketAddress,
  StreamId,
  TransportClose,
  TransportConnection,
} from "../../src/connection/transport.ts";
import { decodeMessage, type Message } from "../../src/protocol/message.ts";
import { splitWhole } from "../../src/protocol/message_splitter.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";
import { Writer } from "../../src/protocol/writer.ts";
import type { Network } from "./networks.ts";

/** A connection of a client that breaks rules. */
export class RawPeer implements ConnectionSink {
  /** For what this class has no method. */
  readonly connection: TransportConnection;
  /** Messages of the server, as far as their streams were read to the end. */
  readonly messages: Message[] = [];
  /** Code the server stopped a stream of ours with. */
  readonly stopped = new Map<StreamId, number>();
  /** Code the server reset a stream with. */
  readonly resets = new Map<StreamId, number>();
  /** Streams of the server that were read to the end, and what answers our bidirectional ones. */
  readonly whole = new Map<StreamId, Uint8Array>();
  /** Bytes of each stream of ours that have left. */
  readonly written = new Map<StreamId, number>();
  /** Bytes of the server that arrived. */
  receivedBytes = 0;
  /** Whether the server's streams get credit; a peer that does not read gives none. */
  reads = true;
  established = false;
  close: TransportClose | undefined;
  readonly #pieces = new Map<StreamId, Uint8Array[]>();

  private constructor(connect: (peer: RawPeer) => TransportConnection) {
    this.connection = connect(this);
  }

  /** Connect to `address`, and nothing more: not even a control stream. */
  static async connect(
    network: Network,
    address: SocketAddress,
    tuning: TransportTuning = {},
    dial: Partial<DialOptions> = {},
  ): Promise<RawPeer> {
    const transport = await network.transport();
    const options = {
      ...transportOptions(tuning, StreamKind.MESSAGES),
      address,
      serverName: "127.0.0.1",
      verification: { kind: "development" },
      ...dial,
    } as const;
    const peer = new RawPeer((sink) => transport.dial(options, sink));
    await network.until(() => peer.established || peer.close !== undefined);
    return peer;
  }

  /** What the server's control stream has brought so far, its kind first. */
  get controlBytes(): Uint8Array {
    const control = [...this.#pieces.values()].find((pieces) =>
      pieces.find((piece) => piece.length > 0)?.[0] === CONTROL
    );
    return Uint8Array.from((control ?? []).flatMap((piece) => [...piece]));
  }

  /** Write a unidirectional stream: all of it with `finish`, otherwise its beginning. */
  stream(bytes: Iterable<number>, finish: boolean): StreamId {
    const stream = this.connection.open(false);
    this.connection.write(stream, Uint8Array.from(bytes), finish);
    return stream;
  }

  /** Write messages, in one stream that is finished. */
  message(...encode: readonly ((writer: Writer) => void)[]): StreamId {
    const writer = new Writer();
    writer.varint(StreamKind.MESSAGES);
    for (const one of encode) {
      const mark = writer.beginLength();
      one(writer);
      writer.endLength(mark);
    }
    return this.stream(writer.view(), true);
  }

  onEstablished(): void {
    this.established = true;
  }

  onOpened(): void {}

  onData(stream: StreamId, bytes: Uint8Array, finished: boolean): void {
    this.receivedBytes += bytes.length;
    if (this.reads && !finished && bytes.length > 0) this.connection.grant(stream, bytes.length);
    const pieces = this.#pieces.get(stream) ?? [];
    this.#pieces.set(stream, pieces);
    pieces.push(bytes.slice());
    if (!finished) return;
    this.#pieces.delete(stream);
    const whole = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
    this.whole.set(stream, whole);
    if (whole[0] !== StreamKind.MESSAGES) return;
    splitWhole(whole, 1, whole.length, whole.length, {
      onMessage: (bytes, start, end) => void this.messages.push(decodeMessage(bytes, start, end)),
      onOversize: () => {},
    });
  }

  onReset(stream: StreamId, code: number): void {
    this.resets.set(stream, code);
  }

  onStopped(stream: StreamId, code: number): void {
    this.stopped.set(stream, code);
  }

  onWritten(stream: StreamId, bytes: number): void {
    this.written.set(stream, (this.written.get(stream) ?? 0) + bytes);
  }

  onExpired(): void {}
  onDelivered(): void {}
  onMessagesSent(): void {}
  onDatagram(): void {}
  onDatagramSent(): void {}

  onClosed(close: TransportClose): void {
    this.close = close;
  }
}

const CONTROL: number = StreamKind.CONTROL;
