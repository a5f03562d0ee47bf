/**
 * A hostile network in one process: a UDP proxy between clients and a server that does to what passes what an {@link Impairment} says,
 * the same for all clients, and keeps what it saw for replays.
 *
 * @module
 */

import { createSocket, type Socket } from "node:dgram";
import process from "node:process";
import type { SocketAddress } from "../../src/connection/transport.ts";
import { DelayLine } from "./delay_line.ts";
import { type Faults, Impairment } from "./impairment.ts";

/** What {@link UdpProxy.open} may be told. */
export interface ProxyOptions {
  /** Of both directions. */
  readonly faults?: Faults;
  /** Default 1. */
  readonly seed?: number;
  /** How many datagrams of clients are kept in {@link UdpProxy.captured}. Default 0. */
  readonly capture?: number;
}

/** Stands in front of a server on 127.0.0.1; clients connect to its {@link address}. */
export class UdpProxy {
  /** Where clients connect to. */
  readonly address: SocketAddress;
  /** What happens to what clients send. */
  readonly there: Impairment;
  /** What happens to what the server sends. */
  readonly back: Impairment;
  /** The first datagrams of clients, as they came. */
  readonly captured: Uint8Array[] = [];
  /** While false, what comes from a client at an address that is new is lost. */
  admitsStrangers = true;
  readonly #front: Socket;
  #target: SocketAddress;
  readonly #capture: number;
  /** A socket towards the server for each client, by the client's port. */
  readonly #backs = new Map<number, Promise<Socket>>();
  /** Sockets the server saw clients at before {@link rebind}. */
  readonly #forgotten: Socket[] = [];
  /** Where the sockets towards the server are bound. */
  #host = HOST;
  #isClosed = false;
  readonly #thereLine = new DelayLine<Departure>(depart);
  readonly #backLine = new DelayLine<Departure>(depart);

  private constructor(front: Socket, target: SocketAddress, { faults, seed = 1, capture = 0 }: ProxyOptions) {
    this.#front = front;
    this.#target = target;
    this.#capture = capture;
    this.there = new Impairment(seed, faults);
    this.back = new Impairment(seed ^ BACK_SEED, faults);
    this.address = { address: HOST, port: front.address().port };
    front.on("message", (bytes, { port }) => void this.#fromClient(bytes, port));
  }

  /** Stand in front of the server at `target`. */
  static async open(target: SocketAddress, options: ProxyOptions = {}): Promise<UdpProxy> {
    return new UdpProxy(await openSocket(), target, options);
  }

  /** What happens from now on, both ways. */
  set faults(faults: Faults) {
    this.there.faults = this.back.faults = faults;
  }

  /** While true nothing passes, either way. */
  set cut(cut: boolean) {
    this.there.cut = this.back.cut = cut;
  }

  /** Stand in front of another server from now on: what the former one still sends is lost. */
  set target(target: SocketAddress) {
    this.#target = target;
  }

  /** What was done to datagrams so far, both ways together. */
  get counts(): Impairment["counts"] {
    const counts = { ...this.there.counts };
    for (const [what, count] of Object.entries(this.back.counts)) counts[what as keyof typeof counts] += count;
    return counts;
  }

  /**
   * From now on the server sees every client at another port, as when a NAT has forgotten it; what comes to the old one is lost.
   * @param host And at this address of loopback, of which Linux has 127.0.0.0/8. Default: the one before.
   */
  async rebind(host: string = this.#host): Promise<void> {
    this.#host = host;
    const before = await Promise.all(this.#backs.values());
    this.#backs.clear();
    for (const socket of before) socket.removeAllListeners("message");
    this.#forgotten.push(...before);
  }

  /** Let nothing pass any more, and give the ports back; once is enough. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = this.cut = true;
    const backs = await Promise.all(this.#backs.values());
    for (const socket of [this.#front, ...backs, ...this.#forgotten]) socket.close();
    this.#thereLine.clear();
    this.#backLine.clear();
  }

  async #fromClient(bytes: Uint8Array, client: number): Promise<void> {
    if (this.captured.length < this.#capture) this.captured.push(Uint8Array.from(bytes));
    if (!this.admitsStrangers && !this.#backs.has(client)) return;
    const socket = await this.#back(client);
    pass(bytes, this.there, this.#thereLine, socket, this.#target.port);
  }

  #back(client: number): Promise<Socket> {
    let back = this.#backs.get(client);
    if (back === undefined) {
      back = openSocket(this.#host);
      this.#backs.set(client, back);
      void back.then((socket) => {
        socket.on("message", (bytes, { port }) => {
          if (port === this.#target.port) pass(bytes, this.back, this.#backLine, this.#front, client);
        });
      });
    }
    return back;
  }
}

/** A UDP socket on a free port of `host`, by default 127.0.0.1. */
export function openSocket(host: string = HOST): Promise<Socket> {
  const socket = createSocket({ type: "udp4", ...RECEIVE_BUFFER });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, host, () => resolve(socket));
  });
}

interface Departure {
  readonly bytes: Uint8Array;
  readonly socket: Socket;
  readonly port: number;
}

function pass(packet: Uint8Array, by: Impairment, line: DelayLine<Departure>, socket: Socket, port: number): void {
  for (const { dueMs, bytes } of by.pass(packet, performance.now())) line.add(dueMs, { bytes, socket, port });
}

function depart({ bytes, socket, port }: Departure): void {
  // A full send buffer loses the datagram, as networks do.
  socket.send(bytes, port, HOST, () => {});
}

const HOST = "127.0.0.1";
/** Each direction has its own luck. */
const BACK_SEED = 0x5bd1_e995;
/**
 * What the kernel gives by default (212,992 bytes on Linux) holds a dozen of the packets of loopback only. Deno does not tell the kernel,
 * but clears that many bytes of memory for every datagram: 4 MiB take it a millisecond, in which nobody is served.
 */
const RECEIVE_BUFFER = "deno" in process.versions ? {} : { recvBufferSize: 4 << 20 };
