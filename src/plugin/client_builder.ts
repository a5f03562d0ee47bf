/**
 * The builder of a client as plugins see it: everything that can be added to a client, nothing that configures or connects it.
 *
 * @module
 */

import type { ClientContext } from "../context.ts";
import type { ErrorDeclarations } from "../rpc/application_error.ts";
import type { Contract, ContractEntries } from "../rpc/contract.ts";
import type { Call } from "../rpc/handler.ts";
import type { SubscriptionOptions } from "../rpc/listeners.ts";
import type { UseOptions } from "../rpc/interceptor.ts";
import type { ItemStream } from "../rpc/item_queue.ts";
import type { EntriesFor } from "../rpc/method_entry.ts";
import type { HandlerOptions, InputOptions, RawOptions } from "../rpc/method_options.ts";
import type { SchemaInput, SchemaOutput, StandardSchemaV1 } from "../rpc/schema.ts";
import type { Bytes, ChannelResult, None, RawResult, Result } from "../rpc/signature.ts";
import type { Session } from "../session.ts";
import type { Interceptor } from "../session/interception.ts";
import type { IncomingStream } from "../stream/incoming_stream.ts";
import type { EmittedBy, Push, PushName, Untyped } from "./api.ts";
import type { Implementation } from "./implementation.ts";
import type { ClientPlugin } from "./plugin.ts";
import type { ReconnectAttempt, ReconnectOutcome } from "./reconnect.ts";
import type { SessionEnd } from "./server_builder.ts";

/** Everything a plugin can add to a client of a server with the API `S`. `RpcClient.builder()` adds address, certificates, options and `build`. */
export interface ClientBuilder<S = Untyped> {
  /** Keep a value in the client's context, there before the first hook runs. */
  set(name: string, value: unknown): this;

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

  /**
   * Answer calls of many methods at once; as `handlers` of a server.
   * @throws {TypeError} when a name is taken, or is not 1 to 128 bytes of text without control characters; then none is added.
   */
  handlers(handlers: EntriesFor<Session<EmittedBy<S>>>): this;

  /**
   * Offer to the server what a contract says; as `implement` of a server. A client declares no pushes, so the contract has none.
   * @throws {TypeError} when one is missing, or there is one the contract knows nothing of, naming it; or a name is taken.
   */
  implement<C extends ContractEntries>(
    contract: Contract<C>,
    handlers: Implementation<NoInfer<C>, Session<EmittedBy<S>>>,
  ): this;

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

  /**
   * Take streams the server opens under `name`.
   * @throws {TypeError} when the name is taken, or is not 1 to 128 bytes of text without control characters.
   */
  stream(name: string, handler: (session: Session<EmittedBy<S>>, incoming: IncomingStream) => unknown): this;

  /**
   * Put `interceptor` around every call this client makes, behind those added before, once for all attempts of a call. With
   * `{ calls: "incoming" }` it is around the calls of the server instead, with `"both"` around both.
   * @throws {TypeError} when it is no function, or the options are none.
   */
  use(interceptor: Interceptor, options?: UseOptions): this;

  /**
   * Once a session begins, before anything the server sends is served; may make requests. One that throws ends the connection: the first
   * time it fails `build`, later it counts as a failed attempt to reconnect.
   */
  onConnect(hook: (context: ClientContext, session: Session<EmittedBy<S>>) => unknown): this;
  /** After a session whose `onConnect` hooks began has ended, whether another follows or not. */
  onDisconnect(hook: (context: ClientContext, reason: SessionEnd) => unknown): this;
  /** Before each attempt to get a lost connection back. */
  onReconnecting(hook: (context: ClientContext, attempt: ReconnectAttempt) => unknown): this;
  /** After a lost connection is back; requests go through again. Where it is a new session, after its `onConnect` hooks. */
  onReconnect(
    hook: (context: ClientContext, session: Session<EmittedBy<S>>, outcome: ReconnectOutcome) => unknown,
  ): this;

  /**
   * Install a plugin now.
   * @throws {TypeError} when a plugin of that name was installed before.
   */
  plugin(plugin: ClientPlugin): this;
}
