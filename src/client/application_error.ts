/**
 * Telling a declared error of a method from everything else that a call can fail with.
 *
 * @module
 */

import type { HasApi, MethodErrors, MethodName } from "../plugin/api.ts";
import { EchoStreamError } from "../protocol/error.ts";

/** A declared error that reached the caller: one of the names `N`, with its data. `Errors` are the data by name. */
export type ApplicationError<Errors, N extends keyof Errors = keyof Errors> = {
  [K in N & string]: EchoStreamError & { readonly errorName: K; readonly data: Errors[K] };
}[N & string];

/**
 * Whether `error` is the error of that name, or one of several, that `method` declares; then its `data` have the type of the declaration.
 * For whatever a `catch` is given: of a request, or of reading a stream or channel.
 *
 * ```ts ignore
 * try {
 *   await client.request("shop.buy", { item: "tea" });
 * } catch (error) {
 *   if (!isApplicationError(error, client, "shop.buy", "outOfStock")) throw error;
 *   console.log(error.data.left);
 * }
 * ```
 * @param api Who knows the types: a client, a server or a contract. Only its type is looked at.
 */
export function isApplicationError<A, M extends MethodName<HasApi<A>>, N extends keyof MethodErrors<HasApi<A>, M>>(
  error: unknown,
  _api: HasApi<A>,
  method: M,
  ...names: readonly [N, ...N[]]
): error is ApplicationError<MethodErrors<HasApi<A>, M>, N> {
  return error instanceof EchoStreamError && error.method === method && names.includes(error.errorName as N);
}
