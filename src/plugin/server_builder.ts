/**
 * The builder of a server as plugins see it: everything that can be added to a server, nothing that opens, configures or starts it.
 * The type parameters are flat and grow by plain `&`, so that hundreds of methods stay cheap for the compiler.
 *
 * @module
 */

import type { ServerContext } from "../context.ts";
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
import type { SubscriptionOptions } from "../rpc/listeners.ts";
import type { UseOptions } from "../rpc/interceptor.ts";
import type { ItemStream } from "../rpc/item_queue.ts";
import type { EntriesFor, MethodsIn } from "../rpc/method_entry.ts";
import type { HandlerOptions, InputOptions, RawOptions } from "../rpc/method_options.ts";
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
import type { Session } from "../session.ts";
import type { Interceptor } from "../session/interception.ts";
import type { IncomingStream } from "../stream/incoming_stream.ts";
import type { Implementation } from "./implementation.ts";
import type { ServerPlugin } from "./plugin.ts";

/** How and why a session ended: what `session.closed` resolves to. */
export type SessionEnd = Awaited<Session["closed"]>;

/** Everything a plugin can add to a server. `RpcServer.builder()` adds addresses, certificates, options and `build`. */
export interface ServerBuilder<Methods = None, Events = None, Pushes = None, Streams = None> {
  /** Keep a value in the server's context, there before the first hook runs. */
  set(name: string, value: unknown): this;

  /**
   * Answer calls of `name` with bytes for bytes; text returned travels as UTF-8. Given a schema, or options with schemas, the payload is
   * a validated value instead.
   * @throws {TypeError} when the name is taken, or is not 1 to 128 bytes of text without control characters.
   */
  handler<N extends string, R extends RawResult>(
    name: N,
    handler: (session: Session<Pushes>, payload: Bytes, call: Call) => R,
  ): ServerBuilder<Methods & { [K in N]: RawMethodOf<R> }, Events, Pushes, Streams>;
  handler<N extends string, R extends RawResult, E extends ErrorDeclarations = None>(
    name: N,
    options: RawOptions<E>,
    handler: (session: Session<Pushes>, payload: Bytes, call: Call<E>) => R,
  ): ServerBuilder<Methods & { [K in N]: RawMethodOf<R, ErrorData<E>> }, Events, Pushes, Streams>;
  handler<N extends string, I extends StandardSchemaV1, R, E extends ErrorDeclarations = None>(
    name: N,
    input: I | InputOptions<I, E>,
    handler: (session: Session<Pushes>, payload: SchemaOutput<I>, call: Call<E>) => R,
  ): ServerBuilder<Methods & { [K in N]: MethodOf<SchemaInput<I>, R, ErrorData<E>> }, Events, Pushes, Streams>;
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
  ): ServerBuilder<
    Methods & { [K in N]: CheckedMethodOf<SchemaInput<I>, SchemaOutput<O>, R, ErrorData<E>> },
    Events,
    Pushes,
    Streams
  >;

  /**
   * Answer calls of `name` that stream: the handler gets the caller's items as they come, to be read by `for await`, and returns one
   * answer or a sequence of them. Bytes both ways, or validated values where a schema, or options with schemas, stand before the handler.
   * @throws {TypeError} when the name is taken, or is not 1 to 128 bytes of text without control characters.
   */
  channel<N extends string, R extends ChannelResult<Bytes | string>>(
    name: N,
    handler: (session: Session<Pushes>, items: ItemStream<Bytes>, call: Call) => R,
  ): ServerBuilder<Methods & { [K in N]: ChannelMethod<Bytes | string, Bytes> }, Events, Pushes, Streams>;
  channel<N extends string, R extends ChannelResult<Bytes | string>, E extends ErrorDeclarations = None>(
    name: N,
    options: RawOptions<E>,
    handler: (session: Session<Pushes>, items: ItemStream<Bytes>, call: Call<E>) => R,
  ): ServerBuilder<
    Methods & { [K in N]: ChannelMethod<Bytes | string, Bytes, ErrorData<E>> },
    Events,
    Pushes,
    Streams
  >;
  channel<N extends string, I extends StandardSchemaV1, R, E extends ErrorDeclarations = None>(
    name: N,
    input: I | InputOptions<I, E>,
    handler: (session: Session<Pushes>, items: ItemStream<SchemaOutput<I>>, call: Call<E>) => R,
  ): ServerBuilder<
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
  ): ServerBuilder<
    Methods & { [K in N]: ChannelMethod<SchemaInput<I>, SchemaOutput<O>, ErrorData<E>> },
    Events,
    Pushes,
    Streams
  >;

  /**
   * Answer calls of many methods at once, each under its name: a function of bytes as {@link handler} takes it, or what `handler(options, fn)`
   * and `channel(options, fn)` of this package make. Costs the compiler no more for the last than for the first of hundreds.
   * @throws {TypeError} when a name is taken, or is not 1 to 128 bytes of text without control characters; then none is added.
   */
  handlers<X extends EntriesFor<Session<Pushes>>>(
    handlers: X,
  ): ServerBuilder<Methods & MethodsIn<X>, Events, Pushes, Streams>;

  /**
   * Offer what a contract says: one function for each of its methods, events and streams, under their names; its pushes are declared with it.
   * @throws {TypeError} when one is missing, or there is one the contract knows nothing of, naming it; or a name is taken.
   */
  implement<C extends ContractEntries>(
    contract: Contract<C>,
    handlers: Implementation<NoInfer<C>, Session<Pushes & ContractPushes<C>>>,
  ): ServerBuilder<
    Methods & ContractMethods<C>,
    Events & ContractEvents<C>,
    Pushes & ContractPushes<C>,
    Streams & ContractStreams<C>
  >;

  /**
   * Take events of `name` as bytes, or validated by a schema. Several listeners may share a name; they are called in order.
   * @throws {TypeError} when the name is not 1 to 128 bytes of text without control characters.
   */
  listener<N extends string>(
    name: N,
    listener: (session: Session<Pushes>, payload: Bytes) => unknown,
    options?: SubscriptionOptions<Session<Pushes>>,
  ): ServerBuilder<Methods, Events & { [K in N]: Event<Bytes | string> }, Pushes, Streams>;
  listener<N extends string, S extends StandardSchemaV1>(
    name: N,
    schema: S,
    listener: (session: Session<Pushes>, payload: SchemaOutput<S>) => unknown,
    options?: SubscriptionOptions<Session<Pushes>>,
  ): ServerBuilder<Methods, Events & { [K in N]: Event<SchemaInput<S>> }, Pushes, Streams>;

  /**
   * Take streams that clients open under `name`.
   * @throws {TypeError} when the name is taken, or is not 1 to 128 bytes of text without control characters.
   */
  stream<N extends string>(
    name: N,
    handler: (session: Session<Pushes>, incoming: IncomingStream) => unknown,
  ): ServerBuilder<Methods, Events, Pushes, Streams & { [K in N]: Stream }>;

  /**
   * Declare the events this server pushes to clients: from here on `session.emit` takes these names only, and validates.
   * @throws {TypeError} when a name is declared twice, or is not 1 to 128 bytes of text without control characters.
   */
  pushes<X extends Record<string, StandardSchemaV1>>(
    schemas: X,
  ): ServerBuilder<
    Methods,
    Events,
    Pushes & { [K in keyof X]: PushEvent<SchemaInput<X[K]>, SchemaOutput<X[K]>> },
    Streams
  >;

  /**
   * Put `interceptor` around every call that arrives, behind those added before: unary or streaming, also of methods nobody registered. With
   * `{ calls: "outgoing" }` it is around the calls made to clients instead, with `"both"` around both. Events and media streams pass none.
   * @throws {TypeError} when it is no function, or the options are none.
   */
  use(interceptor: Interceptor, options?: UseOptions): this;

  /** Before the first connection is served. One that fails stops the start; shutdown hooks run and the port is released. */
  onStart(hook: (context: ServerContext) => unknown): this;
  /** After the last connection has ended. All of them run once `start` was called, even where another hook throws. */
  onShutdown(hook: (context: ServerContext) => unknown): this;
  /** Before anything of a new session is served. One that throws refuses the session; the client sees an EchoStreamError's reason. */
  onConnect(hook: (session: Session<Pushes>) => unknown): this;
  /** After a session whose `onConnect` hooks began has ended. */
  onDisconnect(hook: (session: Session<Pushes>, reason: SessionEnd) => unknown): this;

  /**
   * Install a plugin now.
   * @throws {TypeError} when a plugin of that name was installed before.
   */
  plugin<M, E, P, S>(
    plugin: ServerPlugin<M, E, P, S>,
  ): ServerBuilder<Methods & M, Events & E, Pushes & P, Streams & S>;
}
