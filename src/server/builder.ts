/**
 * The builder behind `RpcServer.builder()`. Names and addresses are checked by the call that gives them, certificates and options by `build`.
 *
 * @module
 */

import { parseAddress } from "../connection/address.ts";
import type { CloseReason } from "../connection/close_reason.ts";
import type { TlsServerOptions } from "../connection/tls.ts";
import type { ServerContext } from "../context.ts";
import type { Implementation } from "../plugin/implementation.ts";
import type { ServerPlugin } from "../plugin/plugin.ts";
import type { ServerBuilder } from "../plugin/server_builder.ts";
import { checkOwnName } from "../protocol/name.ts";
import type { ErrorData, ErrorDeclarations } from "../rpc/application_error.ts";
import type {
  Contract,
  ContractEntries,
  ContractEvents,
  ContractMethods,
  ContractPushes,
  ContractStreams,
} from "../rpc/contract.ts";
import type { Call } from "../rpc/handler.ts";
import { registerInterceptor, type UseOptions } from "../rpc/interceptor.ts";
import type { SubscriptionOptions } from "../rpc/listeners.ts";
import type { ItemStream } from "../rpc/item_queue.ts";
import type { EntriesFor, MethodsIn } from "../rpc/method_entry.ts";
import type { HandlerOptions, InputOptions, RawOptions } from "../rpc/method_options.ts";
import { registerListener, registerMethod, registerMethods } from "../rpc/registration.ts";
import type { SchemaInput, SchemaOutput, StandardSchemaV1 } from "../rpc/schema.ts";
import type {
  Bytes,
  ChannelMethod,
  ChannelOutput,
  ChannelResult,
  CheckedMethodOf,
  Event,
  MethodOf,
  None,
  PushEvent,
  RawMethodOf,
  RawResult,
  Result,
  Stream,
} from "../rpc/signature.ts";
import { mergeOptions } from "../session/endpoint_options.ts";
import type { Interceptor } from "../session/interception.ts";
import { implementContract } from "../session/implementation.ts";
import { declarePush } from "../session/push.ts";
import type { Session } from "../session.ts";
import type { IncomingStream } from "../stream/incoming_stream.ts";
import { ServerDefinition, type ServerOptions } from "./definition.ts";
import type { RpcServer } from "./server.ts";

/** Collects what a server consists of. Every method but {@link build} returns the same builder, with what was added in its type. */
export class RpcServerBuilder<Methods = None, Events = None, Pushes = None, Streams = None>
  implements ServerBuilder<Methods, Events, Pushes, Streams> {
  readonly #definition = new ServerDefinition();
  readonly #create: (definition: ServerDefinition) => unknown;
  #built = false;

  /** @internal Use `RpcServer.builder()`. */
  constructor(create: (definition: ServerDefinition) => unknown) {
    this.#create = create;
  }

  /**
   * Listen on `"host:port"`, `"[ipv6]:port"` or every address of a host name; port 0 lets the system choose. May be called several times.
   * @throws {TypeError | RangeError} when the address is not valid, naming it.
   */
  bind(address: string): this {
    this.#open().addresses.push(parseAddress(address));
    return this;
  }

  /**
   * Prove the server's identity by this certificate. Without one it uses a development certificate and serves loopback peers only.
   * A mistake in the PEM is named by {@link build}.
   */
  tls(options: TlsServerOptions): this {
    this.#open().tls = options;
    return this;
  }

  /** Change settings that have defaults; later calls win, limits, tuning and `accept` field by field. */
  options(options: ServerOptions): this {
    const definition = this.#open();
    const accept = { ...definition.options.accept, ...options.accept };
    definition.options = { ...mergeOptions(definition.options, options), accept };
    return this;
  }

  /** Keep a value in the server's context, there before the first hook runs. */
  set(name: string, value: unknown): this {
    this.#open().context.set(name, value);
    return this;
  }

  /**
   * Answer calls of `name`: with bytes for bytes, or with values where a schema, or options with schemas, stand before the handler.
   * @throws {TypeError} when the name is taken, or is not 1 to 128 bytes of text without control characters.
   */
  handler<N extends string, R extends RawResult>(
    name: N,
    handler: (session: Session<Pushes>, payload: Bytes, call: Call) => R,
  ): RpcServerBuilder<Methods & { [K in N]: RawMethodOf<R> }, Events, Pushes, Streams>;
  handler<N extends string, R extends RawResult, E extends ErrorDeclarations = None>(
    name: N,
    options: RawOptions<E>,
    handler: (session: Session<Pushes>, payload: Bytes, call: Call<E>) => R,
  ): RpcServerBuilder<Methods & { [K in N]: RawMethodOf<R, ErrorData<E>> }, Events, Pushes, Streams>;
  handler<N extends string, I extends StandardSchemaV1, R, E extends ErrorDeclarations = None>(
    name: N,
    input: I | InputOptions<I, E>,
    handler: (session: Session<Pushes>, payload: SchemaOutput<I>, call: Call<E>) => R,
  ): RpcServerBuilder<Methods & { [K in N]: MethodOf<SchemaInput<I>, R, ErrorData<E>> }, Events, Pushes, Streams>;
  handler<
    N extends string,
    I extends StandardSchemaV1,
    O extends StandardSchemaV1,
    R extends Result<SchemaInput<O>>,
    E extends ErrorDeclarations = None,
  >(
    name: N,
    options: HandlerOptions<I, O, E>,
    handler: (session: Session<Pushes>, payload: SchemaOutput<I>, call: Call<E>) => R,
  ): RpcServerBuilder<
    Methods & { [K in N]: CheckedMethodOf<SchemaInput<I>, SchemaOutput<O>, R, ErrorData<E>> },
    Events,
    Pushes,
    Streams
  >;
  handler(name: string, ...args: unknown[]): unknown {
    registerMethod(this.#open().router, name, args);
    return this;
  }

  /**
   * Answer calls of `name` that stream: the handler gets the caller's items as they come, to be read by `for await`, and returns one
   * answer or a sequence of them. Bytes both ways, or validated values where a schema, or options with schemas, stand before the handler.
   * @throws {TypeError} when the name is taken, or is not 1 to 128 bytes of text without control characters.
   */
  channel<N extends string, R extends ChannelResult<Bytes | string>>(
    name: N,
    handler: (session: Session<Pushes>, items: ItemStream<Bytes>, call: Call) => R,
  ): RpcServerBuilder<Methods & { [K in N]: ChannelMethod<Bytes | string, Bytes> }, Events, Pushes, Streams>;
  channel<N extends string, R extends ChannelResult<Bytes | string>, E extends ErrorDeclarations = None>(
    name: N,
    options: RawOptions<E>,
    handler: (session: Session<Pushes>, items: ItemStream<Bytes>, call: Call<E>) => R,
  ): RpcServerBuilder<
    Methods & { [K in N]: ChannelMethod<Bytes | string, Bytes, ErrorData<E>> },
    Events,
    Pushes,
    Streams
  >;
  channel<N extends string, I extends StandardSchemaV1, R, E extends ErrorDeclarations = None>(
    name: N,
    input: I | InputOptions<I, E>,
    handler: (session: Session<Pushes>, items: ItemStream<SchemaOutput<I>>, call: Call<E>) => R,
  ): RpcServerBuilder<
    Methods & { [K in N]: ChannelMethod<SchemaInput<I>, ChannelOutput<R>, ErrorData<E>> },
    Events,
    Pushes,
    Streams
  >;
  channel<
    N extends string,
    I extends StandardSchemaV1,
    O extends StandardSchemaV1,
    E extends ErrorDeclarations = None,
  >(
    name: N,
    options: HandlerOptions<I, O, E>,
    handler: (
      session: Session<Pushes>,
      items: ItemStream<SchemaOutput<I>>,
      call: Call<E>,
    ) => ChannelResult<SchemaInput<O>>,
  ): RpcServerBuilder<
    Methods & { [K in N]: ChannelMethod<SchemaInput<I>, SchemaOutput<O>, ErrorData<E>> },
    Events,
    Pushes,
    Streams
  >;
  channel(name: string, ...args: unknown[]): unknown {
    registerMethod(this.#open().router, name, args, true);
    return this;
  }

  /**
   * Answer calls of many methods at once, each under its name: a function of bytes as {@link handler} takes it, or what `handler(options, fn)`
   * and `channel(options, fn)` of this package make. Costs the compiler no more for the last than for the first of hundreds.
   * @throws {TypeError} when a name is taken, or is not 1 to 128 bytes of text without control characters; then none is added.
   */
  handlers<X extends EntriesFor<Session<Pushes>>>(
    handlers: X,
  ): RpcServerBuilder<Methods & MethodsIn<X>, Events, Pushes, Streams>;
  handlers(handlers: Record<string, unknown>): unknown {
    registerMethods(this.#open().router, handlers);
    return this;
  }

  /**
   * Offer what a contract says: one function for each of its methods, events and streams, under their names; its pushes are declared with it.
   * @throws {TypeError} when one is missing, or there is one the contract knows nothing of, naming it; or a name is taken.
   */
  implement<C extends ContractEntries>(
    contract: Contract<C>,
    handlers: Implementation<NoInfer<C>, Session<Pushes & ContractPushes<C>>>,
  ): RpcServerBuilder<
    Methods & ContractMethods<C>,
    Events & ContractEvents<C>,
    Pushes & ContractPushes<C>,
    Streams & ContractStreams<C>
  >;
  implement(contract: Contract, handlers: Record<string, unknown>): unknown {
    implementContract(this.#open(), contract, handlers);
    return this;
  }

  /**
   * Take events of `name`: as bytes, or as values where a schema stands before the listener. Several may share a name. `options` say what
   * happens to events that a listener, which returns promises, has not got to.
   * @throws {TypeError} when the name is not 1 to 128 bytes of text without control characters.
   */
  listener<N extends string>(
    name: N,
    listener: (session: Session<Pushes>, payload: Bytes) => unknown,
    options?: SubscriptionOptions<Session<Pushes>>,
  ): RpcServerBuilder<Methods, Events & { [K in N]: Event<Bytes | string> }, Pushes, Streams>;
  listener<N extends string, S extends StandardSchemaV1>(
    name: N,
    schema: S,
    listener: (session: Session<Pushes>, payload: SchemaOutput<S>) => unknown,
    options?: SubscriptionOptions<Session<Pushes>>,
  ): RpcServerBuilder<Methods, Events & { [K in N]: Event<SchemaInput<S>> }, Pushes, Streams>;
  listener(name: string, ...args: unknown[]): unknown {
    registerListener(this.#open().listeners, name, args, true);
    return this;
  }

  /**
   * Take streams that clients open under `name`.
   * @throws {TypeError} when the name is taken, or is not 1 to 128 bytes of text without control characters.
   */
  stream<N extends string>(
    name: N,
    handler: (session: Session<Pushes>, incoming: IncomingStream) => unknown,
  ): RpcServerBuilder<Methods, Events, Pushes, Streams & { [K in N]: Stream }> {
    checkOwnName("Stream", name);
    this.#open().streams.handle(name, handler);
    return this as unknown as RpcServerBuilder<Methods, Events, Pushes, Streams & { [K in N]: Stream }>;
  }

  /**
   * Declare the events this server pushes to clients: from here on `session.emit` takes these names only, and validates.
   * @throws {TypeError} when a name is declared twice, or is not 1 to 128 bytes of text without control characters.
   */
  pushes<X extends Record<string, StandardSchemaV1>>(
    schemas: X,
  ): RpcServerBuilder<
    Methods,
    Events,
    Pushes & { [K in keyof X]: PushEvent<SchemaInput<X[K]>, SchemaOutput<X[K]>> },
    Streams
  >;
  pushes(schemas: Record<string, StandardSchemaV1>): unknown {
    const { pushes } = this.#open();
    for (const [name, schema] of Object.entries(schemas)) declarePush(pushes, name, schema);
    return this;
  }

  /**
   * Put `interceptor` around every call that arrives, behind those added before: unary or streaming, also of methods nobody registered. With
   * `{ calls: "outgoing" }` it is around the calls made to clients instead, with `"both"` around both. Events and media streams pass none.
   * @throws {TypeError} when it is no function, or the options are none.
   */
  use(interceptor: Interceptor, options: UseOptions = {}): this {
    const { router, outgoing } = this.#open();
    registerInterceptor({ incoming: router.interceptors, outgoing }, interceptor, options, "incoming");
    return this;
  }

  /** Before the first connection is served. One that fails stops the start; shutdown hooks run and the port is released. */
  onStart(hook: (context: ServerContext) => unknown): this {
    this.#open().onStart.add(hook);
    return this;
  }

  /** After the last connection has ended. All of them run once `start` was called, even where another hook throws. */
  onShutdown(hook: (context: ServerContext) => unknown): this {
    this.#open().onShutdown.add(hook);
    return this;
  }

  /** Before anything of a new session is served. One that throws refuses the session; the client sees an EchoStreamError's reason. */
  onConnect(hook: (session: Session<Pushes>) => unknown): this {
    this.#open().onConnect.add(hook);
    return this;
  }

  /** After a session whose `onConnect` hooks began has ended. */
  onDisconnect(hook: (session: Session<Pushes>, reason: CloseReason) => unknown): this {
    this.#open().onDisconnect.add(hook);
    return this;
  }

  /**
   * Install a plugin now.
   * @throws {TypeError} when a plugin of that name was installed before.
   */
  plugin<M, E, P, S>(
    plugin: ServerPlugin<M, E, P, S>,
  ): RpcServerBuilder<Methods & M, Events & E, Pushes & P, Streams & S> {
    this.#open().plugins.install(plugin, this as unknown as ServerBuilder);
    return this as unknown as RpcServerBuilder<Methods & M, Events & E, Pushes & P, Streams & S>;
  }

  /**
   * The server, ready to be started. A builder builds once.
   * @throws {TypeError} when it was built before, there is no address, or the certificate or key cannot be used, saying why.
   * @throws {RangeError} when an option is out of range, naming it.
   */
  build(): RpcServer<Methods, Events, Pushes, Streams> {
    const definition = this.#open();
    if (definition.addresses.length === 0) {
      throw new TypeError('Server has no address to listen on; call bind("127.0.0.1:5000") before build()');
    }
    const server = this.#create(definition) as RpcServer<Methods, Events, Pushes, Streams>;
    this.#built = true;
    return server;
  }

  #open(): ServerDefinition {
    if (this.#built) {
      throw new TypeError("This builder has built its server already; make another with RpcServer.builder()");
    }
    return this.#definition;
  }
}
