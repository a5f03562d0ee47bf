/**
 * A client: its connection to a server, made again when it is lost, from the first handshake to the last disconnect hook.
 *
 * @module
 */

import type { HostPort } from "../connection/address.ts";
import type { CloseReason } from "../connection/close_reason.ts";
import type { SocketAddress } from "../connection/transport.ts";
import type { ClientContext } from "../context.ts";
import type {
  ApiOf,
  ChannelInput,
  ChannelName,
  ChannelOutputOf,
  EmittedBy,
  HasApi,
  MethodInput,
  MethodName,
  MethodOutput,
  Push,
  PushName,
  SentEvent,
  SentEventName,
  StreamingInput,
  StreamingOutput,
  StreamName,
  Untyped,
} from "../plugin/api.ts";
import type { EmitOptions } from "../rpc/emit_options.ts";
import type { EventIterator } from "../rpc/event_iterator.ts";
import type { SubscriptionOptions } from "../rpc/listeners.ts";
import type { Channel, ResponseStream } from "../rpc/outgoing_channel.ts";
import type { SchemaOutput, StandardSchemaV1 } from "../rpc/schema.ts";
import type { Session } from "../session.ts";
import type { SessionClock } from "../session/session_clock.ts";
import type { MediaSender } from "../stream/media_sender.ts";
import type { StreamOptions } from "../stream/stream_options.ts";
import { RpcClientBuilder } from "./builder.ts";
import { ClientEvents } from "./client_events.ts";
import { ClientRequests } from "./client_requests.ts";
import { Connector } from "./connector.ts";
import type { ClientDefinition, ClientOptions } from "./definition.ts";
import { reconnectPolicy } from "./reconnect_policy.ts";
import type { RequestOptions, StreamingCallOptions } from "./request_options.ts";
import { type ClientState, SessionKeeper } from "./session_keeper.ts";
import { type Subscription, Subscriptions } from "./subscriptions.ts";

/** How {@link RpcClient.close} ends what is in flight. */
export interface ClientCloseOptions {
  /** How long calls in flight may take, in milliseconds; 0 ends them at once. Default `limits.closeGraceMs`: 5,000. */
  readonly graceMs?: number;
  /** Told to the server. Default none. */
  readonly reason?: string;
}

/**
 * A connected client. `S` says what the server offers: `typeof server`, an `interface Api`, or nothing; then every name is allowed,
 * bytes or text go out and bytes come back.
 *
 * ```ts
 * await using client = await RpcClient.connect<typeof server>("127.0.0.1:5000");
 * const sum = await client.request("add", { a: 1, b: 2 });
 * ```
 */
export class RpcClient<S = Untyped> implements AsyncDisposable, HasApi<ApiOf<S>> {
  /** Never set; carries the types. */
  declare readonly "~api"?: ApiOf<S>;
  readonly #definition: ClientDefinition;
  readonly #keeper: SessionKeeper;
  readonly #requests: ClientRequests;
  readonly #events: ClientEvents;
  readonly #subscriptions: Subscriptions;

  private constructor(definition: ClientDefinition, connector: Connector) {
    const { options } = definition;
    this.#definition = definition;
    this.#keeper = new SessionKeeper(definition, connector, reconnectPolicy(options.reconnect));
    this.#requests = new ClientRequests(this.#keeper, definition, connector.settings);
    this.#events = new ClientEvents(this.#keeper);
    this.#subscriptions = new Subscriptions(definition, connector.settings.log);
    this.#keeper.onEnding = (error) => this.#requests.end(error);
    void this.#keeper.closed.then((reason) => this.#subscriptions.end(reason));
  }

  /**
   * Connect to `"host:port"`, `"[ipv6]:port"`, `"echostream://host:port"` or an address a server started on.
   * @throws {TypeError | RangeError} (as rejection) when the address is not valid or an option is out of range.
   * @throws {EchoStreamError} (as rejection) UNAVAILABLE when nobody answers in time, naming the addresses tried; UNAUTHENTICATED when TLS refuses.
   */
  static async connect<S = Untyped>(
    address: string | SocketAddress,
    options: ClientOptions = {},
  ): Promise<RpcClient<S>> {
    return await RpcClient.builder<S>().connect(address).options(options).build();
  }

  /** Begin to describe a client with handlers, listeners, hooks or plugins of its own. */
  static builder<S = Untyped>(): RpcClientBuilder<S> {
    return new RpcClientBuilder<S>((definition, address) => RpcClient.#open(definition, address));
  }

  /** The store shared with the hooks. */
  get context(): ClientContext {
    return this.#definition.context;
  }

  /** Whether there is a connection, one is made again, or there will be none. While a server goes away it is `"reconnecting"` already. */
  get state(): ClientState {
    return this.#keeper.state;
  }

  /** The session with the server: its id, counters and store. After a reconnect it may be another one; while there is none, the last. */
  get session(): Session<EmittedBy<S>> {
    return this.#keeper.session;
  }

  /** The server's clock, measured from the connection's start on. After a reconnect it is another one. */
  get clock(): SessionClock {
    return this.#keeper.session.clock;
  }

  /** Resolves with the reason once the client has ended for good and the disconnect hooks have run; never rejects. */
  get closed(): Promise<CloseReason> {
    return this.#keeper.closed;
  }

  /**
   * Call a method of the server. `payload` is read before this returns. A failure of the network that cannot have run the handler, or
   * may run it twice because the call is `idempotent`, is tried again within the deadline, see {@link ClientOptions.retry}.
   * @throws {EchoStreamError} (as rejection) what the server answered; CANCELLED, DEADLINE_EXCEEDED; INVALID_ARGUMENT or RESOURCE_EXHAUSTED for what
   * exceeds a limit; UNAVAILABLE when the connection has ended. Its `disposition` tells whether the handler may have run.
   */
  request<N extends MethodName<S>>(
    method: N,
    payload: MethodInput<S, N>,
    options: RequestOptions = NO_OPTIONS,
  ): Promise<MethodOutput<S, N>> {
    return this.#requests.request(method, payload, options) as Promise<MethodOutput<S, N>>;
  }

  /**
   * Call a method of the server whose answer is a sequence: read it by `for await`; leaving the loop stops the server's handler.
   * Never throws: reading tells why a call cannot begin, or failed. It is made once; while there is no connection it waits for one.
   */
  requestStream<N extends MethodName<S>>(
    method: N,
    payload: StreamingInput<S, N>,
    options?: StreamingCallOptions,
  ): ResponseStream<StreamingOutput<S, N>> {
    return this.#requests.open(method, options, { item: payload }) as ResponseStream<StreamingOutput<S, N>>;
  }

  /** Call a method of the server with a sequence of items, and read those it answers. Never throws, as {@link requestStream}. */
  requestChannel<N extends string>(
    method: ChannelName<S, N>,
    options?: StreamingCallOptions,
  ): Channel<ChannelInput<S, N>, ChannelOutputOf<S, N>> {
    return this.#requests.open(method, options) as Channel<ChannelInput<S, N>, ChannelOutputOf<S, N>>;
  }

  /**
   * Send an event; events arrive in order, but for those with `delivery: "datagram"`. Resolves when flow control has accepted it, which is not yet its arrival.
   * @throws {EchoStreamError} (as rejection) RESOURCE_EXHAUSTED when it is too large, UNAVAILABLE when the connection has ended.
   */
  emit<N extends SentEventName<S>>(name: N, payload: SentEvent<S, N>, options?: EmitOptions): Promise<void> {
    return this.#events.emit(name, payload, options);
  }

  /**
   * Take events the server pushes, until the subscription is closed or disposed. Without a schema the payload arrives as it was sent, typed by the
   * server's `pushes`; with one it is validated here. A listener that returns a promise gets its next event when that has settled; `options`
   * say how many may wait and what happens to more.
   * @throws {TypeError} when the name is not 1 to 128 bytes of text without control characters, or an option is none.
   * @throws {RangeError} when the capacity is not a whole number from 1 on.
   */
  on<N extends PushName<S>>(
    name: N,
    listener: (payload: Push<S, N>) => unknown,
    options?: SubscriptionOptions<Session>,
  ): Subscription;
  on<I extends StandardSchemaV1>(
    name: string,
    schema: I,
    listener: (payload: SchemaOutput<I>) => unknown,
    options?: SubscriptionOptions<Session>,
  ): Subscription;
  on(name: string, ...args: unknown[]): Subscription {
    return this.#subscriptions.on(name, args);
  }

  /**
   * The events of one name from now on, for one `for await`: they wait until they are asked for, as `options` say. Leaving the loop ends it;
   * when the client has ended, what waits is handed out, then the loop ends, or throws why the connection was lost.
   * @throws {TypeError | RangeError} as {@link on}.
   */
  events<N extends PushName<S>>(name: N, options?: SubscriptionOptions<Session>): EventIterator<Push<S, N>>;
  events<I extends StandardSchemaV1>(
    name: string,
    schema: I,
    options?: SubscriptionOptions<Session>,
  ): EventIterator<SchemaOutput<I>>;
  events(name: string, ...args: unknown[]): EventIterator<unknown> {
    return this.#subscriptions.events(name, args);
  }

  /** Open a media stream to the server's handler of that name. Resolves when it may be written to. */
  createStream<N extends StreamName<S>>(name: N, options?: StreamOptions): Promise<MediaSender> {
    const keeper = this.#keeper;
    if (!keeper.isWaiting) return keeper.session.createStream(name, options);
    return keeper.wait(`Stream "${name}"`).then(() => keeper.session.createStream(name, options));
  }

  /**
   * Move the connection to a fresh socket of this machine, over whatever network is there now (connection migration, RFC 9000 §9): calls,
   * events and streams in progress go on, the session is the same. A connection whose address changes by itself goes on without this.
   * Resolves when the new path is validated and in use; while there is no connection, when there is one again.
   * @throws {EchoStreamError} (as rejection) UNAVAILABLE when the server does not allow it, no answer comes on the new path, or the connection has
   * ended; otherwise it goes on where it was.
   */
  async migrate(): Promise<void> {
    if (this.#keeper.isWaiting) return await this.#keeper.wait("Migration");
    await this.#keeper.session.migrate();
  }

  /**
   * End the connection in order, and do not make another: calls in flight, of both sides, may finish within the grace, new ones fail at
   * once with UNAVAILABLE, "not processed". Resolves when the disconnect hooks have run. Calling it again returns the same end.
   * @throws {RangeError} (as rejection) when the grace is not 0 or more milliseconds.
   */
  close(options: ClientCloseOptions = {}): Promise<void> {
    const { graceMs, reason = "" } = options;
    return this.#keeper.close(reason, graceMs === undefined ? {} : { graceMs });
  }

  /** {@link close} with the default grace. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  static async #open(definition: ClientDefinition, address: HostPort): Promise<RpcClient> {
    const client = new RpcClient(definition, new Connector(definition, address));
    await client.#keeper.start();
    return client;
  }
}

const NO_OPTIONS: RequestOptions = {};
