/**
 * What a typed client knows about the peer it talks to: taken from `typeof server`, from an `interface Api` written by hand, or nothing.
 * Nothing here exists at run time.
 *
 * @module
 */

import type { Bytes, ChannelMethod, Event, Fails, None, ServerStream, Unary } from "../rpc/signature.ts";

/** Methods, events, pushes and streams of one server, as its builder collected them. */
export interface Api<Methods = None, Events = None, Pushes = None, Streams = None> {
  readonly methods: Methods;
  readonly events: Events;
  readonly pushes: Pushes;
  readonly streams: Streams;
}

/** Carries an {@link Api} from a server's type to a client's. Never set. */
export interface HasApi<A> {
  readonly "~api"?: A;
}

/** A client that was told nothing: every name is allowed, bytes or text go out, bytes come back. */
export interface Untyped {
  /** Never set; tells this type from an empty interface. */
  readonly "~untyped": true;
}

/** The {@link Api} in `S`: of `typeof server`, or of an interface with `methods`, `events`, `pushes` and `streams`, all optional. */
export type ApiOf<S> = "~api" extends keyof S ? (S extends HasApi<infer A> ? A : never) : S;

/** One part of the API in `S`; a part that is not there is empty. */
export type PartOf<S, Part extends keyof Api> = ApiOf<S> extends { readonly [K in Part]?: infer X }
  ? (unknown extends X ? None : X)
  : None;

/** Method names `request` accepts. */
export type MethodName<S> = S extends Untyped ? string : keyof PartOf<S, "methods"> & string;

/** What `request` sends for method `N`. A method is a {@link Unary}, or a function type in an `interface Api`. */
export type MethodInput<S, N> = S extends Untyped ? Bytes | string
  : N extends keyof PartOf<S, "methods"> ? InputOf<PartOf<S, "methods">[N]>
  : never;

/** What `request` resolves to for method `N`. */
export type MethodOutput<S, N> = S extends Untyped ? Bytes
  : N extends keyof PartOf<S, "methods"> ? OutputOf<PartOf<S, "methods">[N]>
  : never;

/** Names `requestStream` accepts: of methods that answer with a sequence. */
export type StreamingName<S> = S extends Untyped ? string : NamesOf<PartOf<S, "methods">, "streaming">;

/** What `requestStream` sends for method `N`. */
export type StreamingInput<S, N> = S extends Untyped ? Bytes | string
  : N extends keyof PartOf<S, "methods"> ? StreamingOf<PartOf<S, "methods">[N]>[0]
  : never;

/** An item of what `requestStream` reads for method `N`. */
export type StreamingOutput<S, N> = S extends Untyped ? Bytes
  : N extends keyof PartOf<S, "methods"> ? StreamingOf<PartOf<S, "methods">[N]>[1]
  : never;

/** Names `requestChannel` accepts. */
export type ChannelName<S> = S extends Untyped ? string : NamesOf<PartOf<S, "methods">, "channel">;

/** An item that is sent on a channel of method `N`. */
export type ChannelInput<S, N> = S extends Untyped ? Bytes | string
  : N extends keyof PartOf<S, "methods"> ? ChannelOf<PartOf<S, "methods">[N]>[0]
  : never;

/** An item that is read from a channel of method `N`. */
export type ChannelOutputOf<S, N> = S extends Untyped ? Bytes
  : N extends keyof PartOf<S, "methods"> ? ChannelOf<PartOf<S, "methods">[N]>[1]
  : never;

/** The data of the errors that method `N` declares, by name. */
export type MethodErrors<S, N> = S extends Untyped ? None
  : N extends keyof PartOf<S, "methods"> ? (PartOf<S, "methods">[N] extends Fails<infer E> ? E : None)
  : None;

/** Event names `emit` accepts. */
export type SentEventName<S> = S extends Untyped ? string : keyof PartOf<S, "events"> & string;

/** What `emit` sends under the name `N`. */
export type SentEvent<S, N> = S extends Untyped ? Bytes | string
  : N extends keyof PartOf<S, "events"> ? PayloadOf<PartOf<S, "events">[N]>
  : never;

/** Names of events the server pushes. */
export type PushName<S> = S extends Untyped ? string : keyof PartOf<S, "pushes"> & string;

/** What arrives with the push `N`. An untyped client gets it as it was sent: bytes as bytes, anything else as its value. */
export type Push<S, N> = S extends Untyped ? unknown
  : N extends keyof PartOf<S, "pushes"> ? PayloadOf<PartOf<S, "pushes">[N]>
  : never;

/** Stream names `createStream` accepts. */
export type StreamName<S> = S extends Untyped ? string : keyof PartOf<S, "streams"> & string;

/** What the sessions of a client may emit, in the form `Session` takes. */
export type EmittedBy<S> = S extends Untyped ? None : PartOf<S, "events">;

/** A push whose `session.emit` takes the schema's input and whose listener gets what a validation would yield. */
export interface PushEvent<I, O> extends Event<I> {
  readonly "~received"?: O;
}

// Input and item types of a method that streams; never for any other.
type StreamingOf<M> = M extends ServerStream<infer I, infer O> ? [I, O]
  : M extends (input: infer I) => AsyncIterable<infer O> ? [I, O]
  : never;
type ChannelOf<M> = M extends ChannelMethod<infer I, infer O> ? [I, O]
  : M extends (items: AsyncIterable<infer I>) => AsyncIterable<infer O> ? [I, O]
  : never;
type NamesOf<Methods, Shape> = {
  [K in keyof Methods & string]: [Shape extends "channel" ? ChannelOf<Methods[K]> : StreamingOf<Methods[K]>] extends
    [never] ? never
    : K;
}[keyof Methods & string];
type InputOf<M> = M extends Unary<infer I, unknown> ? I : M extends (input: infer I) => unknown ? I : never;
type OutputOf<M> = M extends Unary<infer _I, infer O> ? O : M extends (input: never) => infer O ? Awaited<O> : never;
type PayloadOf<E> = "~received" extends keyof E ? (E extends PushEvent<unknown, infer O> ? O : never)
  : E extends Event<infer P> ? P
  : E;
