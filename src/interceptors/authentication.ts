/**
 * Sessions that prove who they are by a token: once when they begin, and again before it expires, never with every call.
 *
 * @module
 */

import type { ServerPlugin } from "../plugin/plugin.ts";
import type { ServerBuilder } from "../plugin/server_builder.ts";
import type { None } from "../rpc/signature.ts";
import type { Interceptor } from "../session/interception.ts";
import type { Session } from "../session.ts";
import { Admittance, type Grant, unauthenticated } from "./admittance.ts";

/** How a server judges tokens. */
export interface AuthenticationOptions<I> {
  /**
   * Who presents this token; `undefined` for one that is worth nothing. An `EchoStreamError` it throws is told to the client as it is; anything else
   * as INTERNAL, with its cause in the log.
   */
  readonly authenticate: (token: string, session: Session) => Grant<I> | undefined | Promise<Grant<I> | undefined>;
  /** Methods that are open to all. Where there are any, a session may go on without a token. Default none. */
  readonly open?: readonly string[];
  /** How long the first token may take before the session is refused, in milliseconds, unless `open` names methods. Default 10,000. */
  readonly timeoutMs?: number;
  /** How long after the expiry of its token a session ends unless a fresh one comes, in milliseconds. Default 30,000. */
  readonly expiredGraceMs?: number;
}

/** A plugin for servers, and who their sessions are. */
export interface Authentication<I> extends ServerPlugin<None, None, None, None> {
  /** Who that session is: what `authenticate` said of its last token. `undefined` while it has none that is valid. */
  identity(session: Session): I | undefined;
}

/**
 * Sessions present a token before anything of theirs is served; the plugin {@link credentials} does so at a client. A token that is refused
 * ends the session with UNAUTHENTICATED before any handler, listener or stream ran. Connect hooks added behind it run with an identity.
 *
 * ```ts ignore
 * const auth = authentication({ authenticate: async (token) => ({ identity: await users.find(token), expiresInMs: 900_000 }) });
 * RpcServer.builder().plugin(auth).handler("whoami", (session) => auth.identity(session)!.name)
 * ```
 * Once a token has expired, calls are UNAUTHENTICATED, "not processed", events wait and streams are cut, until a fresh one comes. Guide:
 * docs/authentication.md.
 */
export function authentication<I>(options: AuthenticationOptions<I>): Authentication<I> {
  const { authenticate, open = [], timeoutMs = 10_000, expiredGraceMs = 30_000 } = options;
  for (const [name, value] of Object.entries({ timeoutMs, expiredGraceMs })) {
    if (!(value >= 0)) throw new RangeError(`${name} is ${value}, expected a number from 0`);
  }
  const openMethods = new Set(open);
  const settings = { authenticate, timeoutMs: openMethods.size > 0 ? undefined : timeoutMs, expiredGraceMs };
  const admittances = new WeakMap<Session, Admittance<I>>();
  const judge: Interceptor = async (call) => {
    // Hooks that ran before it may have made calls, the client none: its session was shut.
    const expiresInMs = await admittances.get(call.session)?.present(call.payload);
    return expiresInMs === undefined ? {} : { expiresInMs };
  };
  return {
    name: "authentication",
    identity: (session) => admittances.get(session)?.identity,
    install: (builder: ServerBuilder) =>
      builder
        .onConnect((session) => {
          const admittance = new Admittance<I>(session, settings);
          admittances.set(session, admittance);
          return admittance.wait();
        })
        .use((call, next) => {
          if (call.method === AUTHENTICATE && call.kind === "unary") return judge(call, next);
          if (openMethods.has(call.method)) return next(call);
          const admittance = admittances.get(call.session);
          if (admittance?.isAuthenticated) return next(call);
          throw admittance?.refusal ?? unauthenticated("No token has come");
        }),
  };
}

/** The method by which a client presents its token; the answer is `{ expiresInMs }`, empty for a token that does not expire. */
export const AUTHENTICATE = "$authenticate";
