/**
 * Interceptors of sessions: their types, and what leads the calls of a session through them.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { InterceptedCallOf, InterceptorOf } from "../rpc/interceptor.ts";
import { OutgoingInterceptors } from "../rpc/outgoing_interceptors.ts";
import type { Session } from "../session.ts";
import type { SessionBehavior } from "./session_options.ts";

/** A call on its way through interceptors, see {@link Interceptor}. */
export type InterceptedCall = InterceptedCallOf<Session>;

/**
 * Sees every call, unary and streaming, before and after the rest of its way, which begins with `next(call)`. What it returns, or promises, is the
 * answer: that of `next`, another one, or one without calling `next` at all. An `EchoStreamError` it throws reaches the caller as it is; anything
 * else as INTERNAL, with its cause in the log. Guide: docs/interceptors.md.
 *
 * ```ts ignore
 * .use(async (call, next) => {
 *   if (call.session.get("user") === undefined) throw new EchoStreamError("UNAUTHENTICATED", "Who are you");
 *   return await next(call);
 * })
 * ```
 */
export type Interceptor = InterceptorOf<Session>;

/** What makes the calls of `session` where interceptors want to see them; `undefined` where none does. */
export function interceptedCalls(
  session: Session,
  { outgoing = [], log }: SessionBehavior,
  { clock, timers }: Connection,
): OutgoingInterceptors<Session> | undefined {
  if (outgoing.length === 0) return undefined;
  return new OutgoingInterceptors<Session>({
    interceptors: outgoing,
    session,
    clock,
    timers,
    log,
    request: (method, payload, options) => session.direct.parts.requester.request(method, payload, options),
    open: (method, options, only) => session.direct.parts.streamRequester.open(method, options, only),
  });
}
