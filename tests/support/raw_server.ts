/**
 * A server that speaks QUIC and none of our protocol: it answers each streaming call with bytes that a test wrote.
 *
 * @module
 */

import { transportOptions } from "../../src/connection/options.ts";
import type {
  ConnectionSink,
  SocketAddress,
  StreamId,
  TransportClose,
  TransportConnection,
  TransportListener,
} from "../../src/connection/transport.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";
import { Writer } from "../../src/protocol/writer.ts";
import type { Network } from "./networks.ts";

/** What a {@link RawServer} answers a streaming call with. */
export interface RawAnswer {
  /** Written one after the other. */
  readonly frames: readonly ((writer: Writer) => void)[];
  /** Bytes cut off at the end. Default 0. */
  readonly cutBytes?: number;
  /** Whether they are written byte by byte. Default false. */
  readonly byteByByte?: boolean;
  /** What follows them: FIN, a reset with this code, or nothing. Default `"fin"`. */
  readonly end?: "fin" | "open" | number;
}

/** Answers streaming calls as soon as they begin; takes everything else and answers nothing. */
export class RawServer {
  readonly address: SocketAddress;
  /** How its connections were closed, in order. */
  readonly closes: TransportClose[];
  readonly #listener: TransportListener;

  private constructor(listener: TransportListener, closes: TransportClose[]) {
    this.#listener = listener;
    this.address = listener.address;
    this.closes = closes;
  }

  /** Listen on a port of its own. */
  static async start(network: Network, answer: RawAnswer): Promise<RawServer> {
    const transport = await network.transport();
    const options = transportOptions({}, StreamKind.MESSAGES);
    const closes: TransportClose[] = [];
    const listener = await transport.listen(
      { ...options, address: { address: "127.0.0.1", port: 0 }, identity: undefined },
      (connection) => new RawConnection(connection, answer, closes),
    );
    return new RawServer(listener, closes);
  }

  /** Free the port. */
  close(): Promise<void> {
    return this.#listener.close();
  }
}

class RawConnection implements ConnectionSink {
  readonly #connection: TransportConnection;
  readonly #answer: RawAnswer;
  readonly #closes: TransportClose[];
  readonly #answered = new Set<StreamId>();

  constructor(connection: TransportConnection, answer: RawAnswer, closes: TransportClose[]) {
    this.#connection = connection;
    this.#answer = answer;
    this.#closes = closes;
  }

  onData(stream: StreamId, bytes: Uint8Array, finished: boolean): void {
    if (!finished && bytes.length > 0) this.#connection.grant(stream, bytes.length);
    // Bit 1 tells a unidirectional stream (RFC 9000 §2.1).
    if ((stream & 2) !== 0 || this.#answered.has(stream)) return;
    this.#answered.add(stream);
    this.#write(stream);
  }

  onClosed(close: TransportClose): void {
    this.#closes.push(close);
  }

  onEstablished(): void {}
  onOpened(): void {}
  onReset(): void {}
  onStopped(): void {}
  onWritten(): void {}
  onExpired(): void {}
  onDelivered(): void {}
  onMessagesSent(): void {}
  onDatagram(): void {}
  onDatagramSent(): void {}

  #write(stream: StreamId): void {
    const { frames, cutBytes = 0, byteByByte = false, end = "fin" } = this.#answer;
    const writer = new Writer();
    for (const frame of frames) frame(writer);
    const bytes = writer.view().slice(0, writer.length - cutBytes);
    const stepBytes = byteByByte ? 1 : Math.max(1, bytes.length);
    for (let at = 0; at < bytes.length; at += stepBytes) {
      this.#connection.write(
        stream,
        bytes.subarray(at, at + stepBytes),
        end === "fin" && at + stepBytes >= bytes.length,
      );
    }
    if (bytes.length === 0 && end === "fin") this.#connection.write(stream, bytes, true);
    if (typeof end === "number") this.#connection.reset(stream, end);
  }
}
