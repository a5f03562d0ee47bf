/**
 * The transport port over memory: the same streams, messages, datagrams, credit, limits and endings as over QUIC, on a path with
 * seeded delay, jitter, datagram loss and bandwidth. With a virtual clock two runs with the same seed are the same.
 *
 * @module
 */

import { type Clock, systemClock, type Timer } from "../clock.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { formatAddress, ipVersionOf, isLoopback } from "./address.ts";
import { type EndpointStats, namedStats } from "./endpoint_stats.ts";
import { MemoryEndpoint } from "./memory_endpoint.ts";
import { Link, type PathOptions, Schedule, seededRandom } from "./memory_link.ts";
import {
  type ConnectionSink,
  type DialOptions,
  type ListenOptions,
  type SocketAddress,
  type Transport,
  type TransportConnection,
  type TransportListener,
} from "./transport.ts";

/** How a memory network behaves; every field has a default. */
export interface MemoryNetworkOptions {
  /** One way, in milliseconds. Default 0. */
  readonly delayMs?: number;
  /** Up to so much more, evenly distributed, each packet on its own. Default 0. */
  readonly jitterMs?: number;
  /** Share of the datagrams that never arrive, 0 to 1. Default 0. */
  readonly datagramLoss?: number;
  /** Of each direction of each connection. Default unlimited. */
  readonly bandwidthBytesPerS?: number;
  /** Decides jitter and loss. Default 1. */
  readonly seed?: number;
  /** Default the system clock. */
  readonly clock?: Clock;
  /** Addresses of host names. Default `localhost` only, as `127.0.0.1` and `::1`. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  /** IP addresses from which nothing ever comes back, not even a refusal. Default none. */
  readonly silentAddresses?: readonly string[];
}

/** A network in memory: everything that listens on it can be dialled on it. */
export interface MemoryNetwork {
  /** Serves both sides. */
  readonly transport: Transport;
  /**
   * Cut every path, or make them whole again. While cut, datagrams are lost and everything else waits, until the idle timeout ends
   * the connections.
   */
  setCut(cut: boolean): void;
}

/**
 * Make a network.
 * @throws {RangeError} when a number is out of its range.
 */
export function memoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
  const { delayMs = 0, jitterMs = 0, datagramLoss = 0, bandwidthBytesPerS = Infinity } = options;
  if (!(delayMs >= 0) || delayMs === Infinity) throw new RangeError(`delayMs is ${delayMs}, expected zero or more`);
  if (!(jitterMs >= 0) || jitterMs === Infinity) throw new RangeError(`jitterMs is ${jitterMs}, expected zero or more`);
  if (!(datagramLoss >= 0 && datagramLoss <= 1)) {
    throw new RangeError(`datagramLoss is ${datagramLoss}, expected 0 to 1`);
  }
  if (!(bandwidthBytesPerS > 0)) {
    throw new RangeError(`bandwidthBytesPerS is ${bandwidthBytesPerS}, expected more than zero`);
  }
  const network = new Network(options, { delayMs, jitterMs, datagramLoss, bandwidthBytesPerS });
  return { transport: network, setCut: (cut) => network.setCut(cut) };
}

class Network implements Transport {
  readonly #clock: Clock;
  readonly #path: PathOptions;
  readonly #random: () => number;
  readonly #schedule: Schedule;
  readonly #hosts: Readonly<Record<string, readonly string[]>>;
  readonly #silentAddresses: ReadonlySet<string>;
  readonly #listeners = new Map<string, Listener>();
  #nextPort = 49_152;
  #cut = false;
  #held: (() => void)[] = [];

  constructor(options: MemoryNetworkOptions, path: PathOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#path = path;
    this.#random = seededRandom(options.seed ?? 1);
    this.#schedule = new Schedule(this.#clock);
    this.#hosts = { localhost: ["127.0.0.1", "::1"], ...options.hosts };
    this.#silentAddresses = new Set(options.silentAddresses);
  }

  setCut(cut: boolean): void {
    this.#cut = cut;
    if (cut) return;
    const held = this.#held;
    this.#held = [];
    for (const send of held) send();
  }

  listen(options: ListenOptions, accept: Accept): Promise<TransportListener> {
    const port = options.address.port === 0 ? this.#nextPort++ : options.address.port;
    const address = { address: options.address.address, port };
    const key = formatAddress(address);
    if (this.#listenerAt(address) !== undefined) {
      return Promise.reject(new EchoStreamError(ErrorCode.UNAVAILABLE, `Address ${key} is in use`));
    }
    const listener = new Listener(options, address, accept, () => this.#listeners.delete(key));
    this.#listeners.set(key, listener);
    return Promise.resolve(listener);
  }

  dial(options: DialOptions, sink: ConnectionSink): TransportConnection {
    const remote = options.address;
    const local = {
      address: isLoopback(remote.address) ? remote.address : SOURCE_ADDRESS[ipVersionOf(remote.address) ?? 4],
      port: this.#nextPort++,
    };
    const client = this.#endpoint(true, local, remote, options);
    client.sink = sink;
    const handshakeMs = options.handshakeTimeoutMs;
    const timer = this.#clock.setTimer(
      () => {
        client.end({ by: "handshake", application: false, code: 0, reason: `No answer within ${handshakeMs} ms` });
      },
      handshakeMs,
      { referenced: true },
    );
    client.onGone = () => timer.cancel();
    this.#after(1, () => this.#onHello(client, options, timer));
    return client;
  }

  resolve(host: string): Promise<readonly string[]> {
    if (ipVersionOf(host) !== undefined) return Promise.resolve([host]);
    const addresses = Object.hasOwn(this.#hosts, host) ? this.#hosts[host]! : [];
    if (addresses.length > 0) return Promise.resolve(addresses);
    return Promise.reject(new EchoStreamError(ErrorCode.UNAVAILABLE, `Host name "${host}" has no address`));
  }

  setReferenced(referenced: boolean): void {
    this.#schedule.referenced = referenced;
  }

  nowUs(): number {
    return this.#clock.nowUs();
  }

  /** The first packet of a client reaches the address it was sent to. */
  #onHello(client: MemoryEndpoint, dial: DialOptions, handshakeTimer: Timer): void {
    if (client.closed || this.#silentAddresses.has(dial.address.address)) return;
    const listener = this.#listenerAt(dial.address);
    if (listener === undefined) {
      const reason = `Nobody listens on ${formatAddress(dial.address)}`;
      this.#after(1, () => client.end({ by: "handshake", application: false, code: 0, reason }));
      return;
    }
    const server = this.#endpoint(false, dial.address, client.local, listener.options);
    server.peer = client;
    client.peer = server;
    server.sink = listener.accept(server);
    server.onGone = listener.admit();
    this.#after(1, () => {
      handshakeTimer.cancel();
      client.establish();
    });
    this.#after(2, () => server.establish());
    this.#watchIdle(client);
    this.#watchIdle(server);
  }

  #endpoint(
    client: boolean,
    local: SocketAddress,
    remote: SocketAddress,
    options: DialOptions | ListenOptions,
  ): MemoryEndpoint {
    return new MemoryEndpoint(client, local, remote, options, {
      schedule: this.#schedule,
      link: new Link(this.#path, this.#random),
      roundTripTimeUs: this.#path.delayMs * 2000,
      deliver: (arrivalUs, run) => this.#deliver(arrivalUs, run),
      deliverUnreliably: (arrivalUs, run) => {
        if (!this.#cut) this.#schedule.at(arrivalUs, run);
      },
    });
  }

  /** End a connection that hears nothing; keep-alive is heard as long as the path is whole and the other end lives. */
  #watchIdle(endpoint: MemoryEndpoint): void {
    const { idleTimeoutMs, keepAliveIntervalMs } = endpoint.options;
    const limitMs = Math.min(idleTimeoutMs, endpoint.peer.options.idleTimeoutMs);
    const check = (): void => {
      if (endpoint.closed) return;
      const kept = !this.#cut && !endpoint.peer.closed &&
        (keepAliveIntervalMs > 0 || endpoint.peer.options.keepAliveIntervalMs > 0);
      if (kept) endpoint.heardUs = this.#clock.nowUs();
      const leftMs = limitMs - (this.#clock.nowUs() - endpoint.heardUs) / 1000;
      // What is left of a microsecond would be lost in rounding, and asked for again for ever.
      if (leftMs >= 0.001) timer = this.#clock.setTimer(check, Math.min(leftMs, Math.max(1, limitMs / 4)));
      else endpoint.end({ by: "timeout", application: false, code: 0, reason: `Nothing heard for ${limitMs} ms` });
    };
    let timer = this.#clock.setTimer(check, limitMs / 4);
    const onGone = endpoint.onGone;
    endpoint.onGone = () => {
      timer.cancel();
      onGone?.();
    };
  }

  #listenerAt(address: SocketAddress): Listener | undefined {
    const any = ipVersionOf(address.address) === 6 ? "::" : "0.0.0.0";
    return this.#listeners.get(formatAddress(address)) ??
      this.#listeners.get(formatAddress({ address: any, port: address.port }));
  }

  #after(trips: number, run: () => void): void {
    this.#deliver(this.#clock.nowUs() + trips * this.#path.delayMs * 1000, run);
  }

  #deliver(arrivalUs: number, run: () => void): void {
    if (!this.#cut) return this.#schedule.at(arrivalUs, run);
    // Not before what was under way when the path was cut, of which it may be the continuation.
    this.#held.push(() => {
      const nextUs = this.#clock.nowUs() + this.#path.delayMs * 1000;
      this.#schedule.at(Math.max(arrivalUs, nextUs), run);
    });
  }
}

class Listener implements TransportListener {
  readonly address: SocketAddress;
  readonly development: boolean;
  readonly options: ListenOptions;
  readonly accept: Accept;
  readonly #unbind: () => void;
  #connections = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: ListenOptions, address: SocketAddress, accept: Accept, unbind: () => void) {
    this.options = options;
    this.address = address;
    this.accept = accept;
    this.development = options.identity === undefined;
    this.#unbind = unbind;
  }

  /** Count a connection; to be called when it is gone. */
  admit(): () => void {
    this.#connections++;
    return () => {
      this.#connections--;
      if (this.#connections === 0) this.#onIdle?.();
    };
  }

  /** Nobody is asked who he is in memory. */
  setIdentity(): void {}

  stats(): EndpointStats {
    return { ...namedStats([]), connections: this.#connections };
  }

  close(): Promise<void> {
    this.#unbind();
    if (this.#connections === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const previous = this.#onIdle;
      this.#onIdle = () => {
        previous?.();
        resolve();
      };
    });
  }
}

type Accept = (connection: TransportConnection) => ConnectionSink;

/** Where a client seems to come from, when it does not dial this machine (documentation addresses, RFC 5737 and RFC 3849). */
const SOURCE_ADDRESS: Readonly<Record<4 | 6, string>> = { 4: "192.0.2.1", 6: "2001:db8::1" };
