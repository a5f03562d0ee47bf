/**
 * Tokens that go with every call, as `authorization: Bearer ...` among its metadata (RFC 6750 §2.1): for calls on behalf of others, such as
 * a gateway makes.
 *
 * @module
 */

import type { Call } from "../rpc/handler.ts";
import { isThenable } from "../rpc/thenable.ts";
import type { InterceptedCall, Interceptor } from "../session/interception.ts";
import { unauthenticated } from "./admittance.ts";

/** Where the tokens of calls come from. */
export interface BearerOptions {
  /** The token for a call; `undefined`: it goes without. */
  readonly token: (call: InterceptedCall) => string | undefined | Promise<string | undefined>;
}

/** How the tokens of calls are judged. */
export interface BearerAuthenticationOptions<I> {
  /** Who presents this token; `undefined` for one that is worth nothing. What it throws is told as what a handler throws. */
  readonly authenticate: (token: string, call: InterceptedCall) => I | undefined | Promise<I | undefined>;
  /** Methods that are open to all. Default none. */
  readonly open?: readonly string[];
}

/** An interceptor for `use`, and who makes the calls it has let through. */
export interface BearerAuthentication<I> extends Interceptor {
  /** Who makes that call; `undefined` for one that is open to all. */
  identity(call: Call): I | undefined;
}

/**
 * For clients: sends a token with every call, in place of an `authorization` it has already.
 *
 * ```ts ignore
 * RpcClient.builder<typeof server>().use(bearer({ token: () => login.accessToken() }))
 * ```
 */
export function bearer({ token }: BearerOptions): Interceptor {
  return (call, next) => {
    const goOn = (value: string | undefined): unknown => {
      if (value === undefined) return next(call);
      const others = call.metadata.filter(([name]) => name !== AUTHORIZATION);
      return next(call.with({ metadata: [...others, [AUTHORIZATION, SCHEME + value]] }));
    };
    const value = token(call);
    return isThenable(value) ? value.then(goOn) : goOn(value);
  };
}

/**
 * For servers: judges the token that came with a call before its handler runs. Without one that is valid the call is UNAUTHENTICATED, "not processed".
 *
 * ```ts ignore
 * const callers = bearerAuthentication({ authenticate: (token) => users.find(token) });
 * RpcServer.builder().use(callers).handler("whoami", (_session, _bytes, call) => callers.identity(call)!.name)
 * ```
 */
export function bearerAuthentication<I>(options: BearerAuthenticationOptions<I>): BearerAuthentication<I> {
  const { authenticate, open = [] } = options;
  const openMethods = new Set(open);
  // By what all views of a call have in common.
  const identities = new WeakMap<object, I>();
  const interceptor: Interceptor = (call, next) => {
    if (openMethods.has(call.method)) return next(call);
    const token = tokenOf(call);
    if (token === undefined) throw unauthenticated("No token came with the call");
    const goOn = (identity: I | undefined): unknown => {
      if (identity === undefined) throw unauthenticated("The token was refused");
      identities.set(call.context, identity);
      return next(call);
    };
    const identity = authenticate(token, call);
    return isThenable(identity) ? identity.then(goOn) : goOn(identity);
  };
  return Object.assign(interceptor, { identity: (call: Call): I | undefined => identities.get(call.context) });
}

function tokenOf({ metadata }: InterceptedCall): string | undefined {
  const [, value] = metadata.find(([name]) => name === AUTHORIZATION) ?? [];
  // The scheme is not case-sensitive (RFC 7235 §2.1).
  if (typeof value !== "string" || value.slice(0, SCHEME.length).toLowerCase() !== SCHEME.toLowerCase()) {
    return undefined;
  }
  return value.slice(SCHEME.length);
}

const AUTHORIZATION = "authorization";
const SCHEME = "Bearer ";
