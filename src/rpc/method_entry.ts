/**
 * A method apart from its name: what `handler(...)` and `channel(...)` make, for `.handlers({...})`.
 *
 * @module
 */

import type { Call } from "./handler.ts";
import type { Bytes, RawMethodOf, RawResult } from "./signature.ts";

/** A handler with what stands before it. `C` is what it gets as its context, `M` what it offers. */
export class MethodEntry<in C, out M> {
  /** Never set; carries what it offers. */
  declare readonly "~method"?: M;
  /** Never set; carries what its handler takes. */
  declare readonly "~context"?: (context: C) => void;
  /** @internal A schema or options, and a function. */
  readonly args: readonly unknown[];
  /** @internal Whether the handler gets the items of a streaming call. */
  readonly channel: boolean;

  /** @internal Use `handler(...)` or `channel(...)`. */
  constructor(args: readonly unknown[], channel: boolean) {
    this.args = args;
    this.channel = channel;
  }
}

/** What may stand under a name in `.handlers({...})` of whoever hands its handlers a `C`. */
export type EntriesFor<C> = Readonly<
  Record<string, ((context: C, payload: Bytes, call: Call) => RawResult) | MethodEntry<C, unknown>>
>;

/** The methods that `.handlers({...})` adds. */
export type MethodsIn<X> = {
  [K in keyof X]: X[K] extends MethodEntry<never, infer M> ? M
    : X[K] extends (...args: never) => infer R ? RawMethodOf<R>
    : never;
};
