/**
 * The shortest possible transport: what one side sends is handed to the other's sink in the next microtask, packed as QUIC would pack
 * it. What is measured over it is the cost of everything above the transport.
 *
 * @module
 */

import { Connection } from "../../src/connection/connection.ts";
import { transportOptions } from "../../src/connection/options.ts";
import type { ConnectionSink, StreamId, TransportConnection, TransportStats } from "../../src/connection/transport.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";

/** Two established connections joined in this process. */
export function loopbackPair(): readonly [Connection, Connection] {
  const options = { transport: transportOptions({}, StreamKind.MESSAGES) };
  const left = new LoopbackConnection(2);
  const right = new LoopbackConnection(3);
  const pair = [Connection.accept(left, options), Connection.accept(right, options)] as const;
  left.join(pair[0], right);
  right.join(pair[1], left);
  pair[0].onEstablished();
  pair[1].onEstablished();
  return pair;
}

class LoopbackConnection implements TransportConnection {
  readonly remote = { address: "127.0.0.1", port: 1 };
  readonly local = { address: "127.0.0.1", port: 2 };
  #own!: ConnectionSink;
  #peer!: LoopbackConnection;
  #packet = new Uint8Array(PACKET_BYTES);
  #packets: Uint8Array[] = [];
  #filled = 0;
  #messageBytes = 0;
  #scheduled = false;
  #nextStream: number;
  #nextHandle = -1;
  readonly #ids = new Map<StreamId, StreamId>();

  /** @param firstStream QUIC id of the first unidirectional stream of this side. */
  constructor(firstStream: number) {
    this.#nextStream = firstStream;
  }

  join(own: ConnectionSink, peer: LoopbackConnection): void {
    this.#own = own;
    this.#peer = peer;
  }

  open(): StreamId {
    const handle = this.#nextHandle--;
    this.#ids.set(handle, this.#takeStream());
    queueMicrotask(() => this.#own.onOpened(handle));
    return handle;
  }

  write(stream: StreamId, bytes: Uint8Array, finish: boolean): void {
    const copy = bytes.slice();
    const id = this.#ids.get(stream)!;
    setImmediate(() => {
      this.#peer.#own.onData(id, copy, finish, 0);
      this.#own.onWritten(stream, copy.length);
    });
  }

  reset(): void {}
  stop(): void {}
  grant(): void {}
  sendDatagram(): void {}
  close(): void {}

  sendMessage(bytes: Uint8Array): void {
    const length = bytes.length;
    if (this.#filled + length + 2 > PACKET_BYTES) this.#endPacket();
    const packet = this.#packet;
    let at = this.#filled;
    if (at === 0) packet[at++] = StreamKind.MESSAGES;
    if (length >= 0x40) packet[at++] = 0x40 | (length >> 8);
    packet[at++] = length;
    if (length <= 64) { for (let i = 0; i < length; i++) packet[at + i] = bytes[i]!; }
    else packet.set(bytes, at);
    this.#filled = at + length;
    this.#messageBytes += length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  stats(): TransportStats {
    throw new TypeError("A loopback has no statistics");
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#endPacket();
    const packets = this.#packets;
    this.#packets = [];
    this.#own.onMessagesSent(this.#messageBytes);
    this.#messageBytes = 0;
    for (const packet of packets) this.#peer.#own.onData(this.#takeStream(), packet, true, 0);
  };

  #endPacket(): void {
    if (this.#filled === 0) return;
    this.#packets.push(this.#packet.subarray(0, this.#filled));
    this.#packet = new Uint8Array(PACKET_BYTES);
    this.#filled = 0;
  }

  #takeStream(): number {
    const id = this.#nextStream;
    this.#nextStream += 4;
    return id;
  }
}

/** Room for messages in one QUIC packet on an Ethernet path. */
const PACKET_BYTES = 1_300;
