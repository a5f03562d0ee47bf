/**
 * `handler(...)` and `channel(...)`: methods for `.handlers({...})`, with the same arguments as on a builder but for the name.
 *
 * @module
 */

import type { ErrorData, ErrorDeclarations } from "../rpc/application_error.ts";
import type { Call } from "../rpc/handler.ts";
import type { ItemStream } from "../rpc/item_queue.ts";
import { MethodEntry } from "../rpc/method_entry.ts";
import type { HandlerOptions, InputOptions, RawOptions } from "../rpc/method_options.ts";
import type { SchemaInput, SchemaOutput, StandardSchemaV1 } from "../rpc/schema.ts";
import type {
  Bytes,
  ChannelMethod,
  ChannelOutput,
  ChannelResult,
  CheckedMethodOf,
  MethodOf,
  None,
  RawMethodOf,
  RawResult,
  Result,
} from "../rpc/signature.ts";
import type { Session } from "../session.ts";

/**
 * A method for `.handlers({...})`: a schema or options, and a handler, as `builder.handler` takes them behind the name. Inside `handlers` the
 * session knows the pushes of its builder.
 *
 * ```ts ignore
 * builder.handlers({
 *   echo: (session, bytes) => bytes,
 *   half: handler(cbor<number>(), (session, n) => n / 2),
 * });
 * ```
 */
export function handler<R extends RawResult, E extends ErrorDeclarations = None, P = AnyPushes>(
  options: RawOptions<E>,
  handler: (session: Session<P>, payload: Bytes, call: Call<E>) => R,
): MethodEntry<Session<P>, RawMethodOf<R, ErrorData<E>>>;
export function handler<I extends StandardSchemaV1, R, E extends ErrorDeclarations = None, P = AnyPushes>(
  input: I | InputOptions<I, E>,
  handler: (session: Session<P>, payload: SchemaOutput<I>, call: Call<E>) => R,
): MethodEntry<Session<P>, MethodOf<SchemaInput<I>, R, ErrorData<E>>>;
export function handler<
  I extends StandardSchemaV1,
  O extends StandardSchemaV1,
  R extends Result<SchemaInput<O>>,
  E extends ErrorDeclarations = None,
  P = AnyPushes,
>(
  options: HandlerOptions<I, O, E>,
  handler: (session: Session<P>, payload: SchemaOutput<I>, call: Call<E>) => R,
): MethodEntry<Session<P>, CheckedMethodOf<SchemaInput<I>, SchemaOutput<O>, R, ErrorData<E>>>;
export function handler(...args: unknown[]): unknown {
  return new MethodEntry(args, false);
}

/** A method for `.handlers({...})` whose handler gets the caller's items, as `builder.channel` takes it behind the name. */
export function channel<R extends ChannelResult<Bytes | string>, P = AnyPushes>(
  handler: (session: Session<P>, items: ItemStream<Bytes>, call: Call) => R,
): MethodEntry<Session<P>, ChannelMethod<Bytes | string, Bytes>>;
export function channel<R extends ChannelResult<Bytes | string>, E extends ErrorDeclarations = None, P = AnyPushes>(
  options: RawOptions<E>,
  handler: (session: Session<P>, items: ItemStream<Bytes>, call: Call<E>) => R,
): MethodEntry<Session<P>, ChannelMethod<Bytes | string, Bytes, ErrorData<E>>>;
export function channel<I extends StandardSchemaV1, R, E extends ErrorDeclarations = None, P = AnyPushes>(
  input: I | InputOptions<I, E>,
  handler: (session: Session<P>, items: ItemStream<SchemaOutput<I>>, call: Call<E>) => R,
): MethodEntry<Session<P>, ChannelMethod<SchemaInput<I>, ChannelOutput<R>, ErrorData<E>>>;
export function channel<
  I extends StandardSchemaV1,
  O extends StandardSchemaV1,
  E extends ErrorDeclarations = None,
  P = AnyPushes,
>(
  options: HandlerOptions<I, O, E>,
  handler: (session: Session<P>, items: ItemStream<SchemaOutput<I>>, call: Call<E>) => ChannelResult<SchemaInput<O>>,
): MethodEntry<Session<P>, ChannelMethod<SchemaInput<I>, SchemaOutput<O>, ErrorData<E>>>;
export function channel(...args: unknown[]): unknown {
  return new MethodEntry(args, true);
}

// deno-lint-ignore no-explicit-any -- outside of a builder a handler may send any event
type AnyPushes = any;
