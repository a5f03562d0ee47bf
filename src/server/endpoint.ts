/**
 * The sockets of one server: binding them, taking connections in, and letting go.
 *
 * @module
 */

import { type AcceptOptions, acceptOptions } from "../connection/accept_options.ts";
import { formatAddress, type HostPort } from "../connection/address.ts";
import type { Connection } from "../connection/connection.ts";
import { type EndpointStats, summedStats } from "../connection/endpoint_stats.ts";
import { type PortShare, portShare, threadCount } from "../connection/threads.ts";
import { refusalOf, type VerifyPeer } from "../connection/peer_certificate.ts";
import { serverIdentity, type TlsServerOptions } from "../connection/tls.ts";
import type {
  HandshakeRefusal,
  ListenOptions,
  ServerIdentity,
  SocketAddress,
  Transport,
  TransportListener,
} from "../connection/transport.ts";
import { ConnectionCode } from "../protocol/error.ts";
import { type EndpointSettings, endpointSettings } from "../session/endpoint_options.ts";
import { type Live, live } from "../session/loading.ts";
import { resumePolicy } from "../session/resume.ts";
import { peerText } from "../trace.ts";
import type { ServerDefinition } from "./definition.ts";
import { Resumption } from "./resumption.ts";
import type { Sessions } from "./sessions.ts";

/** Listens on every address of a server. */
export class Endpoint {
  readonly #definition: ServerDefinition;
  readonly #settings: EndpointSettings;
  readonly #accept: AcceptOptions;
  readonly #threads: number;
  readonly #reusePort: PortShare | undefined;
  #identity: ServerIdentity | undefined;
  #verify: VerifyPeer | undefined;
  readonly #sessions: Sessions;
  readonly #resumption: Resumption | undefined;
  readonly #listeners: TransportListener[] = [];
  readonly #connecting = new Set<Connection>();
  #closing = false;

  /** @throws {TypeError | RangeError} when the certificate cannot be used or an option is out of range. */
  constructor(definition: ServerDefinition, sessions: Sessions) {
    this.#definition = definition;
    this.#settings = endpointSettings(definition.options, definition);
    this.#accept = acceptOptions(definition.options.accept ?? {});
    this.#threads = threadCount(definition.options.threads);
    this.#reusePort = portShare(definition.options.reusePort, {
      threads: this.#threads,
      accept: this.#accept,
      earlyData: this.#settings.transportOptions.earlyData,
      ports: definition.addresses.map(({ port }) => port),
    });
    this.#identity = definition.tls === undefined ? undefined : serverIdentity(definition.tls);
    this.#verify = definition.tls?.verify;
    this.#sessions = sessions;
    const resume = resumePolicy(definition.options.resume ?? false);
    this.#resumption = resume && new Resumption(resume);
  }

  /** What is bound, in the order of binding. */
  get addresses(): readonly SocketAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** What its sockets counted so far, together. */
  get stats(): EndpointStats {
    return summedStats(this.#listeners.map((listener) => listener.stats()));
  }

  /**
   * Bind every address, then run `prepare`; sessions wait for it. On failure the sockets are left to {@link close}.
   * @returns The addresses bound.
   * @throws {EchoStreamError} when an address cannot be bound; or what `prepare` throws.
   */
  async listen(prepare: () => Promise<void>): Promise<readonly SocketAddress[]> {
    const loaded = await live();
    const transport = this.#definition.options.transport ?? await loaded.nativeTransport();
    let resolveReady!: () => void;
    let rejectReady!: (reason: unknown) => void;
    const ready = new Promise<void>((resolve, reject) => {
      resolveReady = resolve;
      rejectReady = reject;
    });
    // Sessions that wait for it are told; when there are none, nobody needs to be.
    ready.catch(() => {});
    try {
      for (const address of this.#definition.addresses) await this.#bind(loaded, transport, address, ready);
      if (this.#listeners.some((listener) => listener.development)) this.#sayDevelopment();
      await prepare();
      resolveReady();
    } catch (error) {
      rejectReady(error);
      throw error;
    }
    return this.addresses;
  }

  /**
   * Be somebody else from the next handshake on.
   * @throws {TypeError} when nothing is bound, or on a development certificate; or the options cannot be used, naming the mistake.
   * @throws {EchoStreamError} INVALID_ARGUMENT when a certificate or key cannot; then nothing has changed.
   */
  reload(tls: TlsServerOptions): void {
    const identity = serverIdentity(tls);
    if (this.#listeners.length === 0) throw new TypeError("Server is not started; give tls() to its builder");
    if (this.#identity === undefined) {
      throw new TypeError(
        "Server runs on a development certificate, which cannot be reloaded; give tls() to its builder",
      );
    }
    for (const listener of this.#listeners) listener.setIdentity(identity);
    this.#identity = identity;
    this.#verify = tls.verify;
  }

  /** Accept nothing more, and give up handshakes in progress. Resolves when the addresses can be bound again, once all sessions are gone. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const connection of this.#connecting) {
      void connection.close(ConnectionCode.GOING_AWAY, "Server is shutting down");
    }
    this.#resumption?.end();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  /** A name may stand for several addresses; those that cannot be bound (no IPv6, say) are passed over while one can. */
  async #bind(
    loaded: Live,
    transport: Transport,
    { host, port, ipVersion }: HostPort,
    ready: Promise<void>,
  ): Promise<void> {
    const hosts = ipVersion === undefined ? new Set(await transport.resolve(host)) : [host];
    const failures: unknown[] = [];
    let bound = 0;
    for (const address of hosts) {
      try {
        this.#listeners.push(await this.#listenOn(loaded, transport, { address, port }, ready));
        bound++;
      } catch (error) {
        failures.push(error);
      }
    }
    if (bound === 0) throw failures[0];
    for (const error of failures) {
      this.#settings.log({
        level: "warn",
        category: "server",
        message: `One address of "${host}" could not be bound`,
        error,
      });
    }
  }

  #listenOn(
    { Connection, Session }: Live,
    transport: Transport,
    address: SocketAddress,
    ready: Promise<void>,
  ): Promise<TransportListener> {
    const { transportOptions, limits, clock, timers, log, behavior } = this.#settings;
    const options: ListenOptions = {
      ...transportOptions,
      address,
      identity: this.#identity,
      accept: this.#accept,
      threads: this.#threads,
      reusePort: this.#reusePort,
      onRefused: (refusal) => this.#sayRefused(refusal),
    };
    const onEstablished = (established: Connection): void => {
      if (!this.#accepts(established)) return;
      const offer = this.#resumption?.offer();
      const session = new Session(established, behavior, this.#definition.context, offer?.resume);
      this.#sessions.admit(session, ready, offer && this.#resumption!.greet(session, offer.token));
    };
    const connectionOptions = { transport: transportOptions, limits, clock, timers, log, onEstablished };
    return transport.listen(options, (accepted) => {
      const connection = Connection.accept(accepted, connectionOptions);
      this.#connecting.add(connection);
      const settled = (): void => void this.#connecting.delete(connection);
      connection.established.then(settled, settled);
      if (this.#closing) void connection.close(ConnectionCode.GOING_AWAY, "Server is shutting down");
      return connection;
    });
  }

  /** Whether the program takes the client's certificate; one that is not taken is turned away here. */
  #accepts(connection: Connection): boolean {
    const refusal = refusalOf(this.#verify, connection);
    if (refusal === undefined) return true;
    this.#settings.log({
      level: "warn",
      category: "server",
      message: "A client is refused by verify",
      fields: { peer: formatAddress(connection.remote), reason: refusal.message },
      error: refusal.cause,
    });
    void connection.close(ConnectionCode.REFUSED, `${refusal.code}: ${refusal.message}`);
    return false;
  }

  #sayRefused({ remote, reason, count }: HandshakeRefusal): void {
    this.#settings.log({
      level: "warn",
      category: "server",
      message: "TLS with a client failed",
      fields: { peer: formatAddress(remote), reason: peerText(reason), count },
    });
  }

  #sayDevelopment(): void {
    this.#settings.log({
      level: "warn",
      category: "server",
      message:
        "Running on a development certificate: only programs on this machine can connect; give tls({ cert, key }) to serve others",
    });
  }
}
