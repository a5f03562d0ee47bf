/**
 * The builder behind `RpcClient.builder()`. Names and the address are checked by the call that gives them, certificates and options by `build`.
 *
 * @module
 */

import { formatAddress, type HostPort, parseAddress } from "../connection/address.ts";
import type { CloseReason } from "../connection/close_reason.ts";
import type { TlsClientOptions } from "../connection/tls.ts";
import type { SocketAddress } from "../connection/transport.ts";
import type { ClientContext } from "../context.ts";
import type { EmittedBy, Push, PushName, Untyped } from "../plugin/api.ts";
import type { ClientBuilder } from "../plugin/client_builder.ts";
import type { Implementation } from "../plugin/implementation.ts";
import type { ClientPlugin } from "../plugin/plugin.ts";
import type { ReconnectAttempt, ReconnectOutcome } from "../plugin/reconnect.ts";
import { checkOwnName } from "../protocol/name.ts";
import type { ErrorDeclarations } from "../rpc/application_error.ts";
import type { Contract, ContractEntries } from "../rpc/contract.ts";
import type { Call } from "../rpc/handler.ts";
import { registerInterceptor, type UseOptions } from "../rpc/interceptor.ts";
import type { SubscriptionOptions } from "../rpc/listeners.ts";
import type { ItemStream } from "../rpc/item_queue.ts";
import type { EntriesFor } from "../rpc/method_entry.ts";
import type { HandlerOptions, InputOptions, RawOptions } from "../rpc/method_options.ts";
import { registerListener, registerMethod, registerMethods } from "../rpc/registration.ts";
import type { SchemaInput, SchemaOutput, StandardSchemaV1 } from "../rpc/schema.ts";
import type { Bytes, ChannelResult, None, RawResult, Result } from "../rpc/signature.ts";
import { mergeOptions } from "../session/endpoint_options.ts";
import type { Interceptor } from "../session/interception.ts";
import { implementContract } from "../session/implementation.ts";
import type { Session } from "../session.ts";
import type { IncomingStream } from "../stream/incoming_stream.ts";
import type { RpcClient } from "./client.ts";
import { ClientDefinition, type ClientOptions } from "./definition.ts";

/** Collects what a client consists of; every method but {@link build} returns the same builder. */
export class RpcClientBuilder<S = Untyped> implements ClientBuilder<S> {
  readonly #definition = new ClientDefinition();
  readonly #create: Create;
  #built = false;

  /** @internal Use `RpcClient.builder()`. */
  constructor(create: Create) {
    this.#create = create;
  }

  /**
   * The server: `"host:port"`, `"[ipv6]:port"`, `"echostream://host:port"`, or an address a server started on.
   * @throws {TypeError | RangeError} when the address is not valid, naming it.
   */
  connect(address: string | SocketAddress): this {
    const definition = this.#open();
    const text = typeof address === "object" && address !== null ? formatAddress(address) : address;
    definition.address = parseAddress(text, 1);
    return this;
  }

  /** How the server's certificate is judged. A mistake in the PEM is named by {@link build}. */
  tls(options: TlsClientOptions): this {
    return this.options({ tls: options });
  }

  /** Change settings that have defaults; later calls win, limits and tuning field by field. */
  options(options: ClientOptions): this {
    const definition = this.#open();
    definition.options = mergeOptions(definition.options, options);
    return this;
  }

  /** Keep a value in the client's context, there before the first hook runs. */
  set(name: string, value: unknown): this {
    this.#open().context.set(name, value);
    return this;
  }

  /**
   * Answer calls the server makes; as `handler` of a server.
   * @throws {TypeError} when the name is taken, or is not 1 to 128 bytes of text without control characters.
   */
  handler(
    name: string,
    handler: (session: Session<EmittedBy<S>>, payload: Bytes, call: Call) => RawResult,
  ): this;
  handler<E extends ErrorDeclarations = None>(
    name: string,
    options: RawOptions<E>,
    handler: (session: Session<EmittedBy<S>>, payload: Bytes, call: Call<E>) => RawResult,
  ): this;
  handler<I extends StandardSchemaV1, E extends ErrorDeclarations = None>(
    name: string,
    input: I | InputOptions<I, E>,
    handler: (session: Session<EmittedBy<S>>, payload: SchemaOutput<I>, call: Call<E>) => unknown,
  ): this;
  handler<I extends StandardSchemaV1, O extends StandardSchemaV1, E extends ErrorDeclarations = None>(
    name: string,
    options: HandlerOptions<I, O, E>,
    handler: (session: Session<EmittedBy<S>>, payload: SchemaOutput<I>, call: Call<E>) => Result<SchemaInput<O>>,
  ): this;
  handler(name: string, ...args: unknown[]): this {
    registerMethod(this.#open().router, name, args);
    return this;
  }

  /**
   * Answer calls of the server that stream; as `channel` of a server.
   * @throws {TypeError} when the name is taken, or is not 1 to 128 bytes of text without control characters.
   */
  channel(
    name: string,
    handler: (session: Session<EmittedBy<S>>, items: ItemStream<Bytes>, call: Call) => ChannelResult<Bytes | string>,
  ): this;
  channel<E extends ErrorDeclarations = None>(
    name: string,
    options: RawOptions<E>,
    handler: (
      session: Session<EmittedBy<S>>,
      items: ItemStream<Bytes>,
      call: Call<E>,
    ) => ChannelResult<Bytes | string>,
  ): this;
  channel<I extends StandardSchemaV1, E extends ErrorDeclarations = None>(
    name: string,
    input: I | InputOptions<I, E>,
    handler: (session: Session<EmittedBy<S>>, items: ItemStream<SchemaOutput<I>>, call: Call<E>) => unknown,
  ): this;
  channel<I extends StandardSchemaV1, O extends StandardSchemaV1, E extends ErrorDeclarations = None>(
    name: string,
    options: HandlerOptions<I, O, E>,
    handler: (
      session: Session<EmittedBy<S>>,
      items: ItemStream<SchemaOutput<I>>,
      call: Call<E>,
    ) => ChannelResult<SchemaInput<O>>,
  ): this;
  channel(name: string, ...args: unknown[]): this {
    registerMethod(this.#open().router, name, args, true);
    return this;
  }

  /**
   * Answer calls of many methods at once; as `handlers` of a server.
   * @throws {TypeError} when a name is taken, or is not 1 to 128 bytes of text without control characters; then none is added.
   */
  handlers(handlers: EntriesFor<Session<EmittedBy<S>>>): this {
    registerMethods(this.#open().router, handlers);
    return this;
  }

  /**
   * Offer to the server what a contract says; as `implement` of a server. A client declares no pushes, so the contract has none.
   * @throws {TypeError} when one is missing, or there is one the contract knows nothing of, naming it; or a name is taken.
   */
  implement<C extends ContractEntries>(
    contract: Contract<C>,
    handlers: Implementation<NoInfer<C>, Session<EmittedBy<S>>>,
  ): this {
    const { router, listeners, streams } = this.#open();
    implementContract({ router, listeners, streams }, contract, handlers);
    return this;
  }

  /**
   * Take events the server pushes: as the API `S` declares them, as they were sent where it is not known, or validated by a schema.
   * @throws {TypeError} when the name is not 1 to 128 bytes of text without control characters.
   */
  listener<N extends PushName<S>>(
    name: N,
    listener: (session: Session<EmittedBy<S>>, payload: Push<S, N>) => unknown,
    options?: SubscriptionOptions<Session<EmittedBy<S>>>,
  ): this;
  listener<I extends StandardSchemaV1>(
    name: string,
    schema: I,
    listener: (session: Session<EmittedBy<S>>, payload: SchemaOutput<I>) => unknown,
    options?: SubscriptionOptions<Session<EmittedBy<S>>>,
  ): this;
  listener(name: string, ...args: unknown[]): this {
    registerListener(this.#open().listeners, name, args, false);
    return this;
  }

  /**
   * Take streams the server opens under `name`.
   * @throws {TypeError} when the name is taken, or is not 1 to 128 bytes of text without control characters.
   */
  stream(name: string, handler: (session: Session<EmittedBy<S>>, incoming: IncomingStream) => unknown): this {
    checkOwnName("Stream", name);
    this.#open().streams.handle(name, handler);
    return this;
  }

  /**
   * Put `interceptor` around every call this client makes, behind those added before, once for all attempts of a call. With
   * `{ calls: "incoming" }` it is around the calls of the server instead, with `"both"` around both.
   * @throws {TypeError} when it is no function, or the options are none.
   */
  use(interceptor: Interceptor, options: UseOptions = {}): this {
    const { router, outgoing } = this.#open();
    registerInterceptor({ incoming: router.interceptors, outgoing }, interceptor, options, "outgoing");
    return this;
  }

  /**
   * Once a session begins, before anything the server sends is served; may make requests. One that throws ends the connection: the first
   * time it fails `build`, later it counts as a failed attempt to reconnect.
   */
  onConnect(hook: (context: ClientContext, session: Session<EmittedBy<S>>) => unknown): this {
    this.#open().onConnect.add(hook);
    return this;
  }

  /** After a session whose `onConnect` hooks began has ended, whether another follows or not. */
  onDisconnect(hook: (context: ClientContext, reason: CloseReason) => unknown): this {
    this.#open().onDisconnect.add(hook);
    return this;
  }

  /** Before each attempt to get a lost connection back. */
  onReconnecting(hook: (context: ClientContext, attempt: ReconnectAttempt) => unknown): this {
    this.#open().onReconnecting.add(hook);
    return this;
  }

  /** After a lost connection is back; requests go through again. Where it is a new session, after its `onConnect` hooks. */
  onReconnect(
    hook: (context: ClientContext, session: Session<EmittedBy<S>>, outcome: ReconnectOutcome) => unknown,
  ): this {
    this.#open().onReconnect.add(hook);
    return this;
  }

  /**
   * Install a plugin now.
   * @throws {TypeError} when a plugin of that name was installed before.
   */
  plugin(plugin: ClientPlugin): this {
    this.#open().plugins.install(plugin, this as ClientBuilder<S>);
    return this;
  }

  /**
   * Connect. A builder builds once.
   * @throws {TypeError | RangeError} (as rejection) when it was built before, there is no address, or an option is out of range.
   * @throws {EchoStreamError} (as rejection) UNAVAILABLE when nobody answers in time, naming the addresses tried; UNAUTHENTICATED when TLS refuses.
   */
  async build(): Promise<RpcClient<S>> {
    const definition = this.#open();
    const { address } = definition;
    if (address === undefined) {
      throw new TypeError('Client has no address to connect to; call connect("127.0.0.1:5000") before build()');
    }
    this.#built = true;
    return await this.#create(definition, address) as RpcClient<S>;
  }

  #open(): ClientDefinition {
    if (this.#built) {
      throw new TypeError("This builder has built its client already; make another with RpcClient.builder()");
    }
    return this.#definition;
  }
}

type Create = (definition: ClientDefinition, address: HostPort) => Promise<unknown>;
