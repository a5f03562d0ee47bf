/**
 * A contract: what one end offers, described apart from the code that does it, so that both ends can share it.
 *
 * @module
 */

import { checkOwnName } from "../protocol/name.ts";
import { declareErrors, type ErrorData, type ErrorDeclarations } from "./application_error.ts";
import { isSchema, type SchemaInput, type SchemaOutput, type StandardSchemaV1 } from "./schema.ts";
import type { Bytes, ChannelMethod, Event, None, PushEvent, ServerStream, Stream, Unary } from "./signature.ts";

/** How a method of a contract answers: once, with a sequence, or item by item. */
export type MethodKind = "unary" | "serverStream" | "channel";

/** Kinds that an implementation has a function for: all but pushes. */
export type ContractHandled = MethodKind | "event" | "stream";

/** A method of values. */
export interface ContractMethod {
  /** How it answers. Default `"unary"`. */
  readonly kind?: MethodKind;
  /** Validates what arrives: the payload, or each item of a channel. */
  readonly input: StandardSchemaV1;
  /** Validates what leaves: the answer, or each item of several. */
  readonly output: StandardSchemaV1;
  /** Errors its handler may throw by `call.error`, with the schemas of their data. Default none. */
  readonly errors?: ErrorDeclarations;
  /** Whether a second execution does no harm. Default false. */
  readonly idempotent?: boolean;
}

/** A method of bytes. */
export interface ContractBytes {
  /** How it answers. Default `"unary"`. */
  readonly kind?: MethodKind;
  /** Bytes. */
  readonly input?: undefined;
  /** Bytes. */
  readonly output?: undefined;
  /** Errors its handler may throw by `call.error`, with the schemas of their data. Default none. */
  readonly errors?: ErrorDeclarations;
  /** Whether a second execution does no harm. Default false. */
  readonly idempotent?: boolean;
}

/** An event that whoever implements the contract takes. */
export interface ContractEvent {
  readonly kind: "event";
  /** Validates what arrives. Default: bytes. */
  readonly payload?: StandardSchemaV1;
}

/** An event that whoever implements the contract sends. */
export interface ContractPush {
  readonly kind: "push";
  /** Validates what is sent. */
  readonly payload: StandardSchemaV1;
}

/** A media stream that whoever implements the contract takes. */
export interface ContractStream {
  readonly kind: "stream";
}

/** What stands under a name of a contract. */
export type ContractEntry = ContractMethod | ContractBytes | ContractEvent | ContractPush | ContractStream;

/** What a contract says, by name. */
export type ContractEntries = Readonly<Record<string, ContractEntry>>;

/** What {@link contract} makes: `RpcClient.connect<typeof shop>` and `builder.implement(shop, {...})` take it. */
export interface Contract<C extends ContractEntries = ContractEntries> {
  /** What it says, by name; frozen. */
  readonly entries: C;
  /** Never set; carries the types to a client. */
  readonly "~api"?: {
    readonly methods: ContractMethods<C>;
    readonly events: ContractEvents<C>;
    readonly pushes: ContractPushes<C>;
    readonly streams: ContractStreams<C>;
  };
}

/** The methods of a contract, as a builder collects them. */
export type ContractMethods<C> = { [K in NamesOf<C, MethodKind>]: MethodIn<C[K]> };

/** The events its implementation takes. */
export type ContractEvents<C> = { [K in NamesOf<C, "event">]: Event<PayloadIn<C[K]>> };

/** The events its implementation sends. */
export type ContractPushes<C> = { [K in NamesOf<C, "push">]: PushIn<C[K]> };

/** The media streams its implementation takes. */
export type ContractStreams<C> = { [K in NamesOf<C, "stream">]: Stream };

/** Names of a contract under which something of these kinds stands. */
export type NamesOf<C, Kind> = { [K in keyof C]: KindOf<C[K]> extends Kind ? K : never }[keyof C];

/** What stands under a name. */
export type KindOf<D> = D extends { readonly kind: infer Kind extends string } ? Kind : "unary";

/**
 * Describe what a server, or a client, offers. A name stands for one thing: a method (`{ input, output, errors, idempotent }`, `{}` for one
 * of bytes, with `kind: "serverStream"` or `"channel"` where it streams), an event, a push, or a media stream.
 *
 * ```ts ignore
 * export const shop = contract({
 *   "shop.buy": { input: Order, output: Receipt, errors: { outOfStock: Stock } },
 *   "shop.prices": { kind: "serverStream", input: Filter, output: Price },
 *   "shop.closing": { kind: "push", payload: z.string() },
 * });
 * ```
 * @throws {TypeError} when a name is not 1 to 128 bytes of text without control characters, or something makes no sense, naming it.
 */
export function contract<const C extends ContractEntries>(entries: C): Contract<C> {
  if (typeof entries !== "object" || entries === null) throw new TypeError("A contract is an object of names");
  for (const [name, entry] of Object.entries(entries)) checkEntry(name, entry);
  return { entries: Object.freeze({ ...entries }) };
}

/** Names of the methods that a contract declares idempotent. */
export function idempotentIn({ entries }: { readonly entries: ContractEntries }): string[] {
  return Object.keys(entries).filter((name) => (entries[name] as Partial<ContractMethod>).idempotent === true);
}

function checkEntry(name: string, entry: ContractEntry): void {
  checkOwnName("Contract", name);
  if (typeof entry !== "object" || entry === null || isSchema(entry)) {
    throw new TypeError(`Contract "${name}" takes { kind, input, output, errors, idempotent } or { kind, payload }`);
  }
  const { kind = "unary" } = entry;
  const fields = FIELDS.get(kind);
  if (fields === undefined) throw new TypeError(`Contract "${name}" does not know the kind "${kind}"`);
  for (const [field, value] of Object.entries(entry)) {
    if (!fields.includes(field)) throw new TypeError(`Contract "${name}" does not know the field "${field}"`);
    if (SCHEMAS.includes(field) && value !== undefined && !isSchema(value)) {
      throw new TypeError(`The ${field} of contract "${name}" is not a Standard Schema`);
    }
  }
  const { input, output, errors, payload } = entry as Partial<
    Omit<ContractMethod, "kind"> & Omit<ContractPush, "kind">
  >;
  if ((input === undefined) !== (output === undefined)) {
    throw new TypeError(`Contract "${name}" takes both input and output, or neither where it is of bytes`);
  }
  declareErrors(name, errors);
  if (kind === "push" && payload === undefined) throw new TypeError(`Contract "${name}" has no payload`);
}

const METHOD_FIELDS = ["kind", "input", "output", "errors", "idempotent"];
const FIELDS: ReadonlyMap<string, readonly string[]> = new Map([
  ["unary", METHOD_FIELDS],
  ["serverStream", METHOD_FIELDS],
  ["channel", METHOD_FIELDS],
  ["event", ["kind", "payload"]],
  ["push", ["kind", "payload"]],
  ["stream", ["kind"]],
]);
const SCHEMAS = ["input", "output", "payload"];

/** What a handler of an entry gets: its payload, or an item. */
export type ReceivedIn<D> = D extends { readonly input: infer S extends StandardSchemaV1 } ? SchemaOutput<S>
  : D extends { readonly payload: infer S extends StandardSchemaV1 } ? SchemaOutput<S>
  : Bytes;

/** What a handler of an entry returns, or yields. */
export type SentIn<D> = D extends { readonly output: infer S extends StandardSchemaV1 } ? SchemaInput<S>
  : Bytes | string;

/** The declared errors of an entry. */
export type ErrorsIn<D> = D extends { readonly errors: infer E extends ErrorDeclarations } ? E : None;

type MethodIn<D> = KindOf<D> extends "channel" ? ChannelMethod<InputIn<D>, OutputIn<D>, ErrorData<ErrorsIn<D>>>
  : KindOf<D> extends "serverStream" ? ServerStream<InputIn<D>, OutputIn<D>, ErrorData<ErrorsIn<D>>>
  : Unary<InputIn<D>, OutputIn<D>, ErrorData<ErrorsIn<D>>>;
type InputIn<D> = D extends { readonly input: infer S extends StandardSchemaV1 } ? SchemaInput<S> : Bytes | string;
type OutputIn<D> = D extends { readonly output: infer S extends StandardSchemaV1 } ? SchemaOutput<S> : Bytes;
type PayloadIn<D> = D extends { readonly payload: infer S extends StandardSchemaV1 } ? SchemaInput<S> : Bytes | string;
type PushIn<D> = D extends { readonly payload: infer S extends StandardSchemaV1 }
  ? PushEvent<SchemaInput<S>, SchemaOutput<S>>
  : never;
