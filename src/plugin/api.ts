/**
 * What a typed client knows about the peer it talks to: taken from `typeof server`, from an `interface Api` written by hand, or nothing.
 * Nothing here exists at run time.
 *
 * @module
 */

import type { Bytes, ChannelMethod, Event, Fails, None, PushEvent, ServerStream, Unary } from "../rpc/signature.ts";

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

/** Names of methods, however they answer. */
export type MethodName<S> = S extends Untyped ? string : keyof PartOf<S, "methods"> & string;

/**
 * What `request` sends for method `N`; text that says what to call instead, which nothing can be passed as, where it answers otherwise.
 * A method is a {@link Unary}, or a function type in an `interface Api`.
 */
export type MethodInput<S, N> = S extends Untyped ? Bytes | string
  : N extends keyof PartOf<S, "methods"> ? Sent<"unary", N, PartOf<S, "methods">[N]>
  : never;

/** What `request` resolves to for method `N`. */
export type MethodOutput<S, N> = S extends Untyped ? Bytes
  : N extends keyof PartOf<S, "methods"> ? UnaryOf<PartOf<S, "methods">[N]>[1]
  : never;

/** What `requestStream` sends for method `N`; text as for {@link MethodInput}. */
export type StreamingInput<S, N> = S extends Untyped ? Bytes | string
  : N extends keyof PartOf<S, "methods"> ? Sent<"serverStream", N, PartOf<S, "methods">[N]>
  : never;

/** An item of what `requestStream` reads for method `N`. */
export type StreamingOutput<S, N> = S extends Untyped ? Bytes
  : N extends keyof PartOf<S, "methods"> ? StreamingOf<PartOf<S, "methods">[N]>[1]
  : never;

/** `N` where `requestChannel` accepts it; text that says what to call instead where it is another method, all names where it is none. */
export type ChannelName<S, N> = S extends Untyped ? string
  : N extends keyof PartOf<S, "methods">
    ? (ShapeOf<PartOf<S, "methods">[N]> extends "channel" ? N : Misused<N, PartOf<S, "methods">[N]>)
  : MethodName<S>;

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

// Input and output types of a method of each shape; never for those of another.
type UnaryOf<M> = ShapeOf<M> extends "unary"
  ? (M extends Unary<infer I, infer O> ? [I, O] : M extends (input: infer I) => infer O ? [I, Awaited<O>] : never)
  : never;
type StreamingOf<M> = M extends ServerStream<infer I, infer O> ? [I, O]
  : M extends (input: infer I) => AsyncIterable<infer O> ? [I, O]
  : never;
type ChannelOf<M> = M extends ChannelMethod<infer I, infer O> ? [I, O]
  : M extends (items: AsyncIterable<infer I>) => AsyncIterable<infer O> ? [I, O]
  : never;

type ShapeOf<M> = M extends { readonly kind: infer Kind } ? Kind
  : M extends (input: infer I) => AsyncIterable<unknown> ? (unknown extends I ? "serverStream" : StreamingShape<I>)
  : "unary";
type StreamingShape<I> = I extends AsyncIterable<unknown> ? "channel" : "serverStream";

type Sent<Shape, N, M> = ShapeOf<M> extends Shape ? (Shape extends "unary" ? UnaryOf<M>[0] : StreamingOf<M>[0])
  : Misused<N, M>;

// Compilers print it where the wrong call is made.
type Misused<N, M> = ShapeOf<M> extends "channel" ? `${N & string} is a channel: call it by requestChannel`
  : ShapeOf<M> extends "serverStream" ? `${N & string} answers with a sequence: call it by requestStream`
  : `${N & string} has one answer: call it by request`;
type PayloadOf<E> = "~received" extends keyof E ? (E extends PushEvent<unknown, infer O> ? O : never)
  : E extends Event<infer P> ? P
  : E;
