/**
 * A hostile network in one process: a UDP proxy between clients and a server that loses, corrupts, duplicates, reorders, truncates and
 * delays what passes, by a seeded random source, and keeps what it saw for replays.
 *
 * @module
 */

import { createSocket, type Socket } from "node:dgram";
import { seededRandom } from "../../src/connection/memory_link.ts";
import type { SocketAddress } from "../../src/connection/transport.ts";

/** Chances of what may happen to one datagram, each from 0 to 1 and judged on its own; none is 0. */
export interface Faults {
  /** It never arrives. */
  readonly drop?: number;
  /** One of its bits is another. */
  readonly corrupt?: number;
  /** It arrives twice. */
  readonly duplicate?: number;
  /** Those behind it overtake it, for {@link REORDER_MS}. */
  readonly reorder?: number;
  /** Its end is missing. */
  readonly truncate?: number;
  /** Every datagram takes this much longer, in milliseconds. */
  readonly delayMs?: number;
}

/** What {@link UdpProxy.open} may be told. */
export interface ProxyOptions {
  readonly faults?: Faults;
  /** Default 1. */
  readonly seed?: number;
  /** How many datagrams of clients are kept in {@link UdpProxy.captured}. Default 0. */
  readonly capture?: number;
}

/** How long a datagram is held back so that others overtake it. */
const REORDER_MS = 5;

/** Stands in front of a server on 127.0.0.1; clients connect to its {@link address}. */
export class UdpProxy {
  /** Where clients connect to. */
  readonly address: SocketAddress;
  /** What happens from now on. */
  faults: Faults;
  /** While true nothing passes, either way. */
  cut = false;
  /** The first datagrams of clients, as they came. */
  readonly captured: Uint8Array[] = [];
  /** What was done to datagrams so far. */
  readonly counts = { passed: 0, dropped: 0, corrupted: 0, duplicated: 0, reordered: 0, truncated: 0 };
  readonly #front: Socket;
  readonly #target: SocketAddress;
  readonly #random: () => number;
  readonly #capture: number;
  /** A socket towards the server for each client, by the client's port. */
  readonly #backs = new Map<number, Promise<Socket>>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #closed = false;

  private constructor(front: Socket, target: SocketAddress, { faults = {}, seed = 1, capture = 0 }: ProxyOptions) {
    this.#front = front;
    this.#target = target;
    this.#random = seededRandom(seed);
    this.#capture = capture;
    this.faults = faults;
    this.address = { address: "127.0.0.1", port: front.address().port };
    front.on("message", (bytes, { port }) => void this.#fromClient(bytes, port));
  }

  /** Stand in front of the server at `target`. */
  static async open(target: SocketAddress, options: ProxyOptions = {}): Promise<UdpProxy> {
    return new UdpProxy(await openSocket(), target, options);
  }

  /** Let nothing pass any more, and give the ports back. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of [this.#front, ...await Promise.all(this.#backs.values())]) socket.close();
  }

  async #fromClient(bytes: Uint8Array, client: number): Promise<void> {
    if (this.captured.length < this.#capture) this.captured.push(Uint8Array.from(bytes));
    const back = await this.#back(client);
    this.#pass(bytes, back, this.#target.port);
  }

  #back(client: number): Promise<Socket> {
    let back = this.#backs.get(client);
    if (back === undefined) {
      back = openSocket();
      this.#backs.set(client, back);
      void back.then((socket) => socket.on("message", (bytes) => this.#pass(bytes, this.#front, client)));
    }
    return back;
  }

  #pass(bytes: Uint8Array, socket: Socket, port: number): void {
    const { counts, faults } = this;
    if (this.cut || this.#happens(faults.drop)) return void counts.dropped++;
    let datagram = Uint8Array.from(bytes);
    if (this.#happens(faults.corrupt)) {
      counts.corrupted++;
      datagram[this.#below(datagram.length)]! ^= 1 << this.#below(8);
    }
    if (this.#happens(faults.truncate)) {
      counts.truncated++;
      datagram = datagram.subarray(0, 1 + this.#below(datagram.length));
    }
    let delayMs = faults.delayMs ?? 0;
    if (this.#happens(faults.reorder)) {
      counts.reordered++;
      delayMs += REORDER_MS;
    }
    counts.passed++;
    this.#send(datagram, socket, port, delayMs);
    if (!this.#happens(faults.duplicate)) return;
    counts.duplicated++;
    this.#send(datagram, socket, port, delayMs);
  }

  #send(datagram: Uint8Array, socket: Socket, port: number, delayMs: number): void {
    // A full send buffer loses the datagram, as networks do.
    const send = (): void => void (this.#closed || socket.send(datagram, port, "127.0.0.1", () => {}));
    if (delayMs === 0) return send();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      send();
    }, delayMs);
    this.#timers.add(timer);
  }

  #happens(chance = 0): boolean {
    return chance > 0 && this.#random() < chance;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

/** A UDP socket on a free port of 127.0.0.1. */
export function openSocket(): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: SOCKET_BUFFER_BYTES });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, "127.0.0.1", () => resolve(socket));
  });
}

/** What the kernel gives by default (212,992 bytes on Linux) holds a dozen of the packets of loopback only. */
const SOCKET_BUFFER_BYTES = 4 << 20;
