/**
 * The sessions of one server, each from its first hook to its last.
 *
 * @module
 */

import type { CloseReason } from "../connection/close_reason.ts";
import { Gate } from "../connection/gate.ts";
import type { Hooks } from "../plugin/hooks.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { Session } from "../session.ts";
import type { CloseOptions } from "../session/session_options.ts";
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
  readonly #serving = new Set<Session>();
  // Opens when the last of them has.
  readonly #gone = new Gate();
  // How those are closed that still come, while all are.
  #closing: (CloseOptions & { readonly reason: string }) | undefined;

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
    this.#serving.add(session);
    if (this.#closing !== undefined) void session.close(this.#closing.reason, this.#closing);
    void this.#begin(session, ready, isNew).then((begun) => {
      // No function waits meanwhile: most of the time a session is idle.
      if (begun) void session.closed.then((reason) => this.#end(session, reason));
      else this.#forget(session);
    });
  }

  /** Close every session and wait until the last hook of the last one has ended. Never rejects. */
  async closeAll(reason: string, graceMs: number | undefined): Promise<void> {
    const closing = this.#closing = { reason, mayReconnect: true, ...(graceMs === undefined ? {} : { graceMs }) };
    for (const session of this.#serving) void session.close(reason, closing);
    while (this.#serving.size > 0) await this.#gone.wait();
    this.#closing = undefined;
  }

  /** Let `session` in, or turn it away: then it has a last hook to come. False for what is none, or ends without. */
  async #begin(session: Session, ready: Promise<void>, isNew: Promise<boolean>): Promise<boolean> {
    try {
      await ready;
    } catch (cause) {
      // No connect hook has begun, so no disconnect hook is owed.
      await session.refuse(new EchoStreamError(ErrorCode.UNAVAILABLE, "Server is not available", { cause }));
      return false;
    }
    if (!await isNew) return false;
    try {
      await this.#hooks.onConnect.runUntilFailure(session);
      session.open();
      this.#open.add(session);
    } catch (error) {
      void session.refuse(this.#refusal(session, error));
    }
    return true;
  }

  async #end(session: Session, reason: CloseReason): Promise<void> {
    this.#open.delete(session);
    for (const error of await this.#hooks.onDisconnect.runAll(session, reason)) {
      this.#report("An onDisconnect hook failed", session, error);
    }
    this.#forget(session);
  }

  #forget(session: Session): void {
    this.#serving.delete(session);
    if (this.#serving.size === 0) this.#gone.open();
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
