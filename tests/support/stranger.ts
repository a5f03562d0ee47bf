/**
 * Somebody who sends a server whatever a test has made, without speaking QUIC, and keeps what comes back.
 *
 * @module
 */

import type { Socket } from "node:dgram";
import type { SocketAddress } from "../../src/connection/transport.ts";
import { openSocket } from "./udp_proxy.ts";
import { waitUntil } from "./wait_until.ts";

/** A UDP socket in front of a server on 127.0.0.1. */
export class Stranger implements Disposable {
  /** What came back, in order. */
  readonly answers: Uint8Array[] = [];
  sentBytes = 0;
  readonly #socket: Socket;
  readonly #server: SocketAddress;

  private constructor(socket: Socket, server: SocketAddress) {
    this.#socket = socket;
    this.#server = server;
    socket.on("message", (bytes) => void this.answers.push(Uint8Array.from(bytes)));
  }

  /** On a port of its own. */
  static async open(server: SocketAddress): Promise<Stranger> {
    return new Stranger(await openSocket(), server);
  }

  /** Bytes that came back. */
  get receivedBytes(): number {
    return this.answers.reduce((sum, { length }) => sum + length, 0);
  }

  /** Send a packet and do not wait. */
  send(packet: Uint8Array): void {
    this.sendTo(this.#server, packet);
  }

  /** Send a packet to another server. */
  sendTo({ address, port }: SocketAddress, packet: Uint8Array): void {
    this.sentBytes += packet.length;
    this.#socket.send(packet, port, address);
  }

  /** Send a packet and wait for what comes back next. */
  async ask(packet: Uint8Array): Promise<Uint8Array> {
    const before = this.answers.length;
    this.send(packet);
    await waitUntil(() => this.answers.length > before);
    return this.answers[before]!;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
