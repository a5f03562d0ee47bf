/**
 * Type-level descriptions of what an API offers: methods, events and streams by name. Nothing here exists at run time.
 *
 * @module
 */

/** Bytes as they travel. A view given to a handler belongs to the handler. */
export type Bytes = Uint8Array;

/** A value or a promise of it. */
export type MaybePromise<T> = T | Promise<T>;

/** A method with one request and one response. `E` are the data of its declared errors, by name; so for the others. */
export interface Unary<I = unknown, O = unknown, E = None> extends Fails<E> {
  /** Tells it from the other shapes. */
  readonly kind: "unary";
  /** Never set; carries the types. */
  readonly "~io"?: [I, O];
}

/** A method whose response is a sequence of values. */
export interface ServerStream<I = unknown, O = unknown, E = None> extends Fails<E> {
  /** Tells it from the other shapes. */
  readonly kind: "serverStream";
  /** Never set; carries the types. */
  readonly "~io"?: [I, O];
}

/** A method with a sequence of values each way. */
export interface ChannelMethod<I = unknown, O = unknown, E = None> extends Fails<E> {
  /** Tells it from the other shapes. */
  readonly kind: "channel";
  /** Never set; carries the types. */
  readonly "~io"?: [I, O];
}

/** Carries the data of declared errors, by name. */
export interface Fails<E> {
  /** Never set; carries the types. */
  readonly "~errors"?: E;
}

/** An event with its payload. */
export interface Event<P = unknown> {
  /** Tells it from the other shapes. */
  readonly kind: "event";
  /** Never set; carries the type. */
  readonly "~p"?: P;
}

/** A push whose `session.emit` takes the schema's input and whose listener gets what a validation would yield. */
export interface PushEvent<I, O> extends Event<I> {
  readonly "~received"?: O;
}

/** A media stream that a peer may open by its name. */
export interface Stream {
  /** Tells it from the other shapes. */
  readonly kind: "stream";
}

/** No names at all: what a builder starts from. */
export type None = Record<never, never>;

/** What a handler with input `I` that returns `R` offers. */
export type MethodOf<I, R, E = None> = R extends AsyncIterable<infer Item> ? ServerStream<I, Item, E>
  : Unary<I, Awaited<R>, E>;

/** What a handler whose output has the type `O` may return: one value, or a sequence of them. */
export type Result<O> = MaybePromise<O> | AsyncIterable<O>;

/** What a method with the input `I` and the output `O` offers, whose handler returns `R`. */
export type CheckedMethodOf<I, O, R, E = None> = [R] extends [never] ? Unary<I, O, E>
  : [R] extends [AsyncIterable<unknown>] ? ServerStream<I, O, E>
  : Unary<I, O, E>;

/** What a channel's handler may return: a sequence of answers, one answer, or none. */
export type ChannelResult<O> = AsyncIterable<O> | MaybePromise<O | void>;

/** What the caller of a channel reads, whose handler returns `R`. */
export type ChannelOutput<R> = R extends AsyncIterable<infer Item> ? Item : Exclude<Awaited<R>, void>;

/** What a handler without a schema may return: bytes, or text that travels as UTF-8. */
export type RawResult = Result<Bytes | string>;

/** What the caller of a handler without a schema gets for `R`: always bytes. */
export type RawMethodOf<R, E = None> = R extends AsyncIterable<unknown> ? ServerStream<Bytes | string, Bytes, E>
  : Unary<Bytes | string, Bytes, E>;

/** Names that may be sent: those declared in `P`, or any while `P` is empty. */
export type EventName<P> = [keyof P] extends [never] ? string : keyof P & string;

/** What may be sent under the name `K`: bytes or text while `P` is empty. */
export type EventPayload<P, K> = [keyof P] extends [never] ? Bytes | string
  : K extends keyof P ? (P[K] extends Event<infer X> ? X : never)
  : never;
