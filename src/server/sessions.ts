/**
 * The sessions of one server, each from its first hook to its last.
 *
 * @module
 */

import type { CloseReason } from "../connection/close_reason.ts";
import type { Hooks } from "../plugin/hooks.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { Session } from "../session.ts";
import type { Logger } from "../trace.ts";

/** What runs around every session. */
export interface SessionHooks {
  /** Before anything of the session is served. */
  readonly onConnect: Hooks<[session: Session]>;
  /** After the session has ended. */
  readonly onDisconnect: Hooks<[session: Session, reason: CloseReason]>;
}

/** Takes sessions in, runs their hooks and ends them all at shutdown. */
export class Sessions {
  readonly #hooks: SessionHooks;
  readonly #log: Logger;
  readonly #open = new Set<Session>();
  // Every session until its last hook has ended.
  readonly #serving = new Map<Session, Promise<void>>();

  constructor(hooks: SessionHooks, log: Logger) {
    this.#hooks = hooks;
    this.#log = log;
  }

  /** Sessions whose connect hooks have let them in and which have not ended. */
  get open(): ReadonlySet<Session> {
    return this.#open;
  }

  /**
   * Serve `session` once `ready` has resolved; if that rejects, turn it away.
   * @param isNew Whether it is a session at all, as opposed to a connection by which a client comes back to another.
   */
  admit(session: Session, ready: Promise<void>, isNew: Promise<boolean> = NEW): void {
    const served = this.#serve(session, ready, isNew).finally(() => this.#serving.delete(session));
    this.#serving.set(session, served);
  }

  /** Close every session and wait until the last hook of the last one has ended. Never rejects. */
  async closeAll(reason: string, graceMs: number | undefined): Promise<void> {
    // Again, until none is left: a handshake may complete while the others drain.
    while (this.#serving.size > 0) {
      const options = { mayReconnect: true, ...(graceMs === undefined ? {} : { graceMs }) };
      for (const session of this.#serving.keys()) void session.close(reason, options);
      await Promise.all(this.#serving.values());
    }
  }

  async #serve(session: Session, ready: Promise<void>, isNew: Promise<boolean>): Promise<void> {
    try {
      await ready;
    } catch (cause) {
      // No connect hook has begun, so no disconnect hook is owed.
      await session.refuse(new EchoStreamError(ErrorCode.UNAVAILABLE, "Server is not available", { cause }));
      return;
    }
    if (!await isNew) return;
    try {
      await this.#hooks.onConnect.runUntilFailure(session);
      session.open();
      this.#open.add(session);
    } catch (error) {
      void session.refuse(this.#refusal(session, error));
    }
    const reason = await session.closed;
    this.#open.delete(session);
    for (const error of await this.#hooks.onDisconnect.runAll(session, reason)) {
      this.#report("An onDisconnect hook failed", session, error);
    }
  }

  /** What the client is told. Only an error thrown on purpose shows its text (docs/security.md). */
  #refusal(session: Session, error: unknown): EchoStreamError {
    if (error instanceof EchoStreamError) return error;
    this.#report("An onConnect hook failed, the session is refused", session, error);
    return new EchoStreamError(ErrorCode.INTERNAL, "Server failed to accept the session", { cause: error });
  }

  #report(message: string, session: Session, error: unknown): void {
    this.#log({
      level: "error",
      category: "server",
      message,
      fields: { peer: session.peerAddr(), session: session.id },
      error,
    });
  }
}

const NEW: Promise<boolean> = Promise.resolve(true);
