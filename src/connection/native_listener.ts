/**
 * A server's socket of the native transport, as JavaScript keeps it.
 *
 * @module
 */

import { ENDPOINT_COUNTERS, type EndpointStats, namedStats } from "./endpoint_stats.ts";
import type { Bound } from "./native_addon.ts";
import type {
  ConnectionSink,
  HandshakeRefusal,
  ListenOptions,
  ServerIdentity,
  SocketAddress,
  TransportConnection,
  TransportListener,
} from "./transport.ts";

/** What a listener asks of the addon. */
export interface ListenerCommands {
  setIdentity(identity: ServerIdentity): void;
  /** Copy its counters, while it is open. */
  readCounters(target: Float64Array): void;
  close(): void;
}

/** One listener, from being bound until its socket is free. */
export class NativeListener implements TransportListener {
  readonly address: SocketAddress;
  readonly development: boolean;
  readonly accept: (connection: TransportConnection) => ConnectionSink;
  readonly congestionControl: ListenOptions["congestionControl"];
  readonly onRefused: ListenOptions["onRefused"];
  readonly #commands: ListenerCommands;
  readonly #counters = new Float64Array(ENDPOINT_COUNTERS);
  readonly #closed: Promise<void>;
  /** Threads whose socket is open. */
  #open: number;
  #resolveClosed!: () => void;
  #closing = false;

  constructor(
    bound: Bound,
    options: ListenOptions,
    accept: (connection: TransportConnection) => ConnectionSink,
    commands: ListenerCommands,
  ) {
    this.address = { address: bound.address, port: bound.port };
    this.development = options.identity === undefined;
    this.accept = accept;
    this.congestionControl = options.congestionControl;
    this.onRefused = options.onRefused;
    this.#commands = commands;
    this.#open = options.threads ?? 1;
    this.#closed = new Promise((resolve) => this.#resolveClosed = resolve);
  }

  setIdentity(identity: ServerIdentity): void {
    this.#commands.setIdentity(identity);
  }

  stats(): EndpointStats {
    this.#readCounters();
    return namedStats(this.#counters);
  }

  /** The socket of a thread is free again. */
  onClosed(): void {
    if (--this.#open === 0) this.#resolveClosed();
  }

  close(): Promise<void> {
    if (!this.#closing) {
      this.#readCounters();
      this.#closing = true;
      this.#commands.close();
    }
    return this.#closed;
  }

  /** While it is open: what it counted last stays. */
  #readCounters(): void {
    if (!this.#closing) this.#commands.readCounters(this.#counters);
  }
}

/** From `remote address, port, code, reason`, of which only the last may hold spaces. */
export function handshakeRefusal(text: string, count: number): HandshakeRefusal {
  const [address = "", port, code, ...reason] = text.split(" ");
  return { remote: { address, port: Number(port) }, code: Number(code), reason: reason.join(" "), count };
}
