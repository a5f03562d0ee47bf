/**
 * A server: from `start` over its sessions to the last shutdown hook.
 *
 * @module
 */

import { systemClock } from "../clock.ts";
import type { EndpointStats } from "../connection/endpoint_stats.ts";
import type { TlsServerOptions } from "../connection/tls.ts";
import type { SocketAddress } from "../connection/transport.ts";
import type { ServerContext } from "../context.ts";
import type { Api, HasApi } from "../plugin/api.ts";
import type { None } from "../rpc/signature.ts";
import { Broadcast } from "../session/broadcast.ts";
import type { Session } from "../session.ts";
import { checkedGraceMs } from "../session/grace.ts";
import { consoleLogger, type Logger } from "../trace.ts";
import { RpcServerBuilder } from "./builder.ts";
import type { ServerDefinition } from "./definition.ts";
import { Endpoint } from "./endpoint.ts";
import { registerIntrospection } from "./introspection.ts";
import { Sessions } from "./sessions.ts";
import { checkSignals, onShutdownSignal, type ShutdownSignal } from "./signals.ts";

/** How {@link RpcServer.shutdown} ends what is in flight. */
export interface ShutdownOptions {
  /** How long running calls may take, in milliseconds; 0 ends them at once. Default `limits.closeGraceMs`: 5,000. */
  readonly graceMs?: number;
}

/** How {@link RpcServer.run} comes to an end. */
export interface RunOptions extends ShutdownOptions {
  /**
   * Shut down when the process gets one of these, `["SIGINT", "SIGTERM"]` say; a second one ends the process at once, with exit code
   * 128 and the number of the signal. Default none: a signal does what it does by itself.
   */
  readonly signals?: readonly ShutdownSignal[];
}

/** Where a server is in its life. */
export type ServerState = "new" | "starting" | "serving" | "draining" | "stopped";

/** Where a started server listens. */
export interface StartedServer {
  /** One per socket, in the order of `bind`, with the ports the system chose. `RpcClient.connect` takes them as they are. */
  readonly addresses: readonly SocketAddress[];
}

/**
 * Serves sessions until it is shut down. It runs once: a new start takes a new server.
 *
 * ```ts
 * const server = RpcServer.builder().bind("127.0.0.1:5000").handler("echo", (_session, bytes) => bytes).build();
 * await server.run();
 * ```
 */
export class RpcServer<Methods = None, Events = None, Pushes = None, Streams = None>
  implements AsyncDisposable, HasApi<Api<Methods, Events, Pushes, Streams>> {
  /** Carries the types to `RpcClient.connect<typeof server>()`; never set. */
  declare readonly "~api"?: Api<Methods, Events, Pushes, Streams>;
  readonly #definition: ServerDefinition;
  readonly #endpoint: Endpoint;
  readonly #sessions: Sessions;
  readonly #log: Logger;
  #state: ServerState = "new";
  #starting: Promise<StartedServer> | undefined;
  #stopping: Promise<void> | undefined;
  readonly #stopped: Promise<void>;
  #resolveStopped: () => void = () => {};

  /** @internal Use {@link RpcServer.builder}. */
  constructor(definition: ServerDefinition) {
    this.#definition = definition;
    this.#stopped = new Promise((resolve) => this.#resolveStopped = resolve);
    this.#log = definition.options.log ?? consoleLogger;
    this.#sessions = new Sessions(definition, this.#log);
    const { members, options } = definition;
    if (options.rooms !== undefined) members.rooms = options.rooms;
    members.maxMessageBytes = options.limits?.maxMessageBytes ?? members.maxMessageBytes;
    registerIntrospection({
      ...definition,
      sessions: () => this.sessions,
      endpointStats: () => this.endpointStats,
      clock: options.clock ?? systemClock,
      // The state is looked at last: it may change while the program finds out.
      health: async () => (await options.health?.() ?? true) && this.#state !== "draining",
      mayInspect: options.introspection,
    });
    this.#endpoint = new Endpoint(definition, this.#sessions);
  }

  /** Begin to describe a server. */
  static builder(): RpcServerBuilder {
    return new RpcServerBuilder((definition) => new RpcServer(definition));
  }

  /**
   * Where it is in its life: `"serving"` once {@link start} has resolved, `"draining"` from {@link shutdown} on, `"stopped"` after the last
   * shutdown hook, or when the start has failed.
   */
  get state(): ServerState {
    return this.#state;
  }

  /** Where it listens, as {@link start} returns it; known from its start hooks on. */
  get addresses(): readonly SocketAddress[] {
    return this.#endpoint.addresses;
  }

  /** The store all sessions share; the argument of start and shutdown hooks. */
  get context(): ServerContext {
    return this.#definition.context;
  }

  /** The sessions that are served now. */
  get sessions(): ReadonlySet<Session<Pushes>> {
    return this.#sessions.open;
  }

  /** What its sockets counted so far, of all its addresses together: handshakes, Retry, what was refused and dropped. */
  get endpointStats(): EndpointStats {
    return this.#endpoint.stats;
  }

  /** All sessions, or those that its methods choose, to send to at once. */
  get broadcast(): Broadcast<Pushes> {
    return new Broadcast<Pushes>(this.#definition.members);
  }

  /** The sessions in any of these rooms. @throws {TypeError} when a room is no text, or empty. */
  to(...rooms: string[]): Broadcast<Pushes> {
    return this.broadcast.to(...rooms);
  }

  /**
   * Listen, run the start hooks and serve. Connections that arrive before the hooks have ended wait for them.
   * Where anything fails, everything that was begun is undone: shutdown hooks run and ports are released.
   * @throws {TypeError} when the server was started or shut down before.
   * @throws {EchoStreamError} when an address cannot be bound, naming it; or whatever a start hook threw.
   */
  start(): Promise<StartedServer> {
    if (this.#stopping !== undefined) {
      return Promise.reject(new TypeError("Server was shut down; build another to start again"));
    }
    if (this.#starting !== undefined) return Promise.reject(new TypeError("Server was started already"));
    this.#state = "starting";
    this.#starting = this.#start();
    return this.#starting;
  }

  /**
   * {@link start} and serve until {@link shutdown}, whose errors are its caller's; or until a signal, where `signals` are given.
   * @throws what `start` throws; after a signal, what `shutdown` throws.
   * @throws {TypeError} (as rejection) when a signal is none to shut down on; nothing is started.
   * @throws {RangeError} (as rejection) when the grace is not 0 or more milliseconds; nothing is started.
   */
  async run(options: RunOptions = {}): Promise<void> {
    const { signals = [], graceMs } = options;
    checkSignals(signals);
    if (graceMs !== undefined) checkedGraceMs(graceMs);
    let stopping: Promise<void> | undefined;
    const unlisten = onShutdownSignal(signals, (signal) => {
      this.#log({ level: "info", category: "server", message: `Shutting down on ${signal}` });
      stopping = this.shutdown(options);
      // Awaited below; a start that fails meanwhile tells its own error.
      stopping.catch(() => {});
    });
    try {
      await this.start();
      await this.#stopped;
      await stopping;
    } finally {
      unlisten();
    }
  }

  /**
   * Show another certificate, and ask other clients for theirs, from the next handshake on; sessions that live are not touched. All options
   * are given anew, as `tls` of the builder takes them. One that cannot be used changes nothing.
   * @throws {TypeError} when a PEM cannot be read, naming the mistake; when the server is not started, or runs on a development certificate.
   * @throws {EchoStreamError} INVALID_ARGUMENT when a certificate cannot be used, or a key is not its own.
   */
  reloadCertificate(tls: TlsServerOptions): void {
    this.#endpoint.reload(tls);
  }

  /**
   * Stop in order: no new connection, running calls within the grace, disconnect hooks, ports, then shutdown hooks. Calling it again
   * returns the same end. A server that was not started has nothing to stop and cannot be started any more.
   * @throws {AggregateError} when shutdown hooks failed, with what each threw; everything is stopped nevertheless.
   * @throws {RangeError} (as rejection) when the grace is not 0 or more milliseconds; nothing is stopped.
   */
  shutdown(options: ShutdownOptions = {}): Promise<void> {
    try {
      if (options.graceMs !== undefined) checkedGraceMs(options.graceMs);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#stopping === undefined) {
      if (this.#state !== "stopped") this.#state = "draining";
      this.#stopping = this.#stop(options);
    }
    return this.#stopping;
  }

  /** {@link shutdown} with the default grace. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #start(): Promise<StartedServer> {
    const hooks = this.#definition.onStart.runUntilFailure.bind(this.#definition.onStart, this.context);
    try {
      const addresses = await this.#endpoint.listen(hooks);
      if (this.#state === "starting") this.#state = "serving";
      return { addresses };
    } catch (error) {
      for (const failed of await this.#release({ graceMs: 0 })) this.#report("An onShutdown hook failed", failed);
      this.#state = "stopped";
      throw error;
    }
  }

  async #stop(options: ShutdownOptions): Promise<void> {
    if (this.#starting === undefined) {
      this.#state = "stopped";
      this.#resolveStopped();
      return;
    }
    const started = await this.#starting.then(() => true, () => false);
    // A failed start has released everything itself.
    const errors = started ? await this.#release(options) : [];
    this.#state = "stopped";
    this.#resolveStopped();
    if (errors.length === 0) return;
    for (const error of errors) this.#report("An onShutdown hook failed", error);
    throw new AggregateError(errors, `${errors.length} onShutdown hook${errors.length === 1 ? "" : "s"} failed`);
  }

  async #release(options: ShutdownOptions): Promise<unknown[]> {
    await Promise.all([this.#endpoint.close(), this.#sessions.closeAll("Server is shutting down", options.graceMs)]);
    return await this.#definition.onShutdown.runAll(this.context);
  }

  #report(message: string, error: unknown): void {
    this.#log({ level: "error", category: "server", message, error });
  }
}
