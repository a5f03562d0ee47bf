/**
 * Tokens of a client: presented when a session begins, and again before they expire, on the session as it is.
 *
 * @module
 */

import type { ClientBuilder } from "../plugin/client_builder.ts";
import type { ClientPlugin } from "../plugin/plugin.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { Next } from "../rpc/interceptor.ts";
import { isThenable } from "../rpc/thenable.ts";
import type { InterceptedCall } from "../session/interception.ts";
import type { Session } from "../session.ts";
import { consoleLogger, type Logger } from "../trace.ts";
import { AUTHENTICATE } from "./authentication.ts";
import { SecondAttempt } from "./second_attempt.ts";

/** Where a client's tokens come from. */
export interface CredentialsOptions {
  /** A token that is valid now; asked for one at the beginning of every session, and before the last one expires. */
  readonly token: () => string | Promise<string>;
  /** How long before its expiry a token is replaced, in milliseconds; half-way, where it does not last twice as long. Default 30,000. */
  readonly refreshBeforeMs?: number;
  /** Where a refresh that failed is reported, without the token. Default: warnings to the console. */
  readonly log?: Logger;
}

/**
 * Presents a token to a server with the plugin {@link authentication}, before the connect hooks behind it and before any call. Before it expires, a
 * fresh one is presented on the same session; when a call is UNAUTHENTICATED and was not processed, too, and then the call is made once more.
 * A new session after a reconnect is authenticated as the first one was.
 *
 * ```ts ignore
 * await RpcClient.builder<typeof server>().connect(address).plugin(credentials({ token: () => login.accessToken() })).build()
 * ```
 * A first token that is refused, or cannot be had, fails `build` with UNAUTHENTICATED. A later one is tried again while the session lasts.
 * @throws {RangeError} when the time before the expiry is not 0 or more.
 */
export function credentials(options: CredentialsOptions): ClientPlugin {
  const { refreshBeforeMs = 30_000 } = options;
  if (!(refreshBeforeMs >= 0)) throw new RangeError(`refreshBeforeMs is ${refreshBeforeMs}, expected a number from 0`);
  return {
    name: "credentials",
    install: (builder) => new Credentials({ ...options, refreshBeforeMs }).install(builder),
  };
}

/** The tokens of one client. */
class Credentials {
  readonly #options: CredentialsOptions & { readonly refreshBeforeMs: number };
  // The token that is on its way, and the session it is for.
  #presenting: { readonly session: Session; readonly done: Promise<void> } | undefined;
  #cancelRefresh: () => void = () => {};

  constructor(options: CredentialsOptions & { readonly refreshBeforeMs: number }) {
    this.#options = options;
  }

  // deno-lint-ignore no-explicit-any -- a plugin works for clients of every server
  install(builder: ClientBuilder<any>): ClientBuilder<any> {
    return builder
      .onConnect((_context, session) => this.#present(session))
      .onDisconnect(() => this.#cancelRefresh())
      .use((call, next) => this.#intercept(call, next));
  }

  /** Present a token; whoever asks meanwhile waits for the same one. */
  #present(session: Session): Promise<void> {
    if (this.#presenting?.session === session) return this.#presenting.done;
    const done = this.#presentNow(session).finally(() => {
      if (this.#presenting?.done === done) this.#presenting = undefined;
    });
    this.#presenting = { session, done };
    return done;
  }

  async #presentNow(session: Session): Promise<void> {
    let token: string;
    try {
      token = await this.#options.token();
    } catch (cause) {
      throw new EchoStreamError(ErrorCode.UNAUTHENTICATED, "There is no token", { cause, disposition: "notProcessed" });
    }
    // Past the interceptors: nobody else is to see it.
    const answer = await session.direct.parts.requester.request(AUTHENTICATE, token, { timeoutMs: ANSWER_TIMEOUT_MS });
    const { expiresInMs } = answer as { readonly expiresInMs?: number };
    if (typeof expiresInMs === "number" && expiresInMs > 0) this.#refreshBefore(session, expiresInMs);
  }

  #refreshBefore(session: Session, expiresInMs: number): void {
    const { refreshBeforeMs } = this.#options;
    const lastsLonger = expiresInMs > 2 * refreshBeforeMs;
    this.#refreshIn(session, Math.max(LEAST_MS, lastsLonger ? expiresInMs - refreshBeforeMs : expiresInMs / 2));
  }

  #refreshIn(session: Session, delayMs: number): void {
    this.#cancelRefresh();
    this.#cancelRefresh = session.after(delayMs, () => {
      this.#present(session).catch((error) => this.#onFailure(session, error));
    });
  }

  #onFailure(session: Session, error: unknown): void {
    const message = "A fresh token could not be presented";
    const { log = consoleLogger } = this.#options;
    log({ level: "warn", category: "authentication", message, fields: { session: session.id }, error });
    this.#refreshIn(session, RETRY_MS);
  }

  #intercept(call: InterceptedCall, next: Next<Session>): unknown {
    // The items of a channel are gone with the first attempt.
    if (call.direction === "incoming" || call.kind === "channel") return next(call);
    const again = async (error: unknown): Promise<unknown> => {
      if (!isUnknownHere(error)) throw error;
      const isRefreshed = await this.#present(call.session).then(() => true, () => false);
      if (!isRefreshed) throw error;
      return await next(call);
    };
    const first = next(call);
    if (call.kind === "stream") {
      return new SecondAttempt(first, async (error) => await again(error) as AsyncIterable<unknown>);
    }
    return isThenable(first) ? first.then(undefined, again) : first;
  }
}

/** Whether the server said so, before anything was done. */
function isUnknownHere(error: unknown): boolean {
  if (!(error instanceof EchoStreamError) || !error.remote) return false;
  return error.code === ErrorCode.UNAUTHENTICATED && error.disposition === "notProcessed";
}

/** How long the server may take to judge a token. */
const ANSWER_TIMEOUT_MS = 10_000;
/** However soon a server lets tokens expire, they are not asked for more often. */
const LEAST_MS = 100;
/** How long after a refresh that failed another is tried. */
const RETRY_MS = 5_000;
