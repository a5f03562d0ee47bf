/**
 * Keeps a client connected: one session after the other, with the hooks in between, until it is closed or nothing helps any more.
 *
 * @module
 */

import type { Timer } from "../clock.ts";
import { type CloseReason, closeReason } from "../connection/close_reason.ts";
import type { Hooks } from "../plugin/hooks.ts";
import type { ReconnectAttempt } from "../plugin/reconnect.ts";
import { ConnectionCode, EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { Session } from "../session.ts";
import type { CloseOptions } from "../session/session_options.ts";
import { checkedGraceMs } from "../session/grace.ts";
import type { Connector } from "./connector.ts";
import type { ClientDefinition } from "./definition.ts";
import { mayReconnect, ReconnectBackoff, type ReconnectPolicy, type WhileReconnecting } from "./reconnect_policy.ts";
import { WaitingLine, type WaitOptions } from "./waiting_line.ts";

/** Where a client is in its life. */
export type ClientState = "connecting" | "connected" | "reconnecting" | "closed";

/** The sessions of one client. */
export class SessionKeeper {
  /** Resolves with the reason once the client is closed and the disconnect hooks have run; never rejects. */
  readonly closed: Promise<CloseReason>;
  readonly #definition: ClientDefinition;
  readonly #connector: Connector;
  readonly #policy: ReconnectPolicy | undefined;
  readonly #backoff: ReconnectBackoff | undefined;
  readonly #random: () => number;
  readonly #line: WaitingLine;
  readonly #closing = new AbortController();
  #state: ClientState = "connecting";
  #session: Session | undefined;
  #closeText = "";
  #onEnding: (error: EchoStreamError) => void = () => {};
  #resolveClosed!: (reason: CloseReason) => void;

  /** @param policy `undefined`: the client ends with its first session. */
  constructor(definition: ClientDefinition, connector: Connector, policy: ReconnectPolicy | undefined) {
    this.#definition = definition;
    this.#connector = connector;
    this.#policy = policy;
    this.#backoff = policy && new ReconnectBackoff(policy);
    this.#random = definition.options.random ?? Math.random;
    this.#line = new WaitingLine(connector.settings.clock, policy?.maxWaiting ?? 0);
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The current session; while there is none, the last one. */
  get session(): Session {
    return this.#session!;
  }

  /** Called when nothing may begin any more: the client closes, or has ended. Calls that run may go on. */
  set onEnding(onEnding: (error: EchoStreamError) => void) {
    this.#onEnding = onEnding;
  }

  /** Whether something sent now has to wait for a connection, see {@link wait}. */
  get isWaiting(): boolean {
    return this.#state === "reconnecting";
  }

  /** What becomes of that by default. */
  get whileReconnecting(): WhileReconnecting {
    return this.#policy?.whileReconnecting ?? "fail";
  }

  /** Connect for the first time. @throws what dialling, or an `onConnect` hook, throws. */
  async start(): Promise<void> {
    const session = await this.#connector.connect(this.#definition.options.signal);
    this.#session = session;
    try {
      await this.#admit(session);
    } catch (error) {
      await this.#finish(await session.closed);
      throw error;
    }
    void this.#keep(session);
  }

  /**
   * Resolves when there is a connection again.
   * @param mode What to do instead of what the client's options say.
   * @throws {EchoStreamError} (as rejection) as {@link WaitingLine.wait}; UNAVAILABLE at once where nothing shall wait.
   */
  wait(what: string, options: WaitOptions = {}, mode?: WhileReconnecting): Promise<void> {
    try {
      this.checkMayWait(what, mode);
      return this.#line.wait(what, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** @throws {EchoStreamError} UNAVAILABLE where nothing shall wait for a connection; see {@link wait}. */
  checkMayWait(what: string, mode: WhileReconnecting = this.whileReconnecting): void {
    if (this.#closing.signal.aborted) throw this.#unavailable(`${what}: the client is closing`);
    if (mode === "fail") throw this.#unavailable(`${what}: the connection is lost, and not back yet`);
  }

  /** End everything in order. Calling it again returns the same end. @throws {RangeError} when the grace is none. */
  async close(reason: string, options: CloseOptions): Promise<void> {
    if (options.graceMs !== undefined) checkedGraceMs(options.graceMs);
    if (!this.#closing.signal.aborted) {
      this.#closeText = reason;
      this.#closing.abort();
      this.#refuseMore(this.#unavailable("The client is closing"));
    }
    const session = this.#session;
    // One that waits to be resumed is ended by whoever tries that, after its last hooks.
    if (session !== undefined && !session.isDetached) void session.close(reason, options);
    await this.closed;
  }

  /** From one session to the next, as long as there is one. */
  async #keep(first: Session): Promise<void> {
    let session = first;
    this.#serve(session);
    for (;;) {
      const lost = await session.connectionClosed;
      if (this.#closing.signal.aborted || this.#policy === undefined || !mayReconnect(lost)) {
        void session.close(this.#closeText);
        return await this.#finish(lost);
      }
      this.#state = "reconnecting";
      this.#backoff!.lost(this.#nowUs());
      if (!session.isDetached) await this.#run(this.#definition.onDisconnect, lost);
      const next = await this.#reconnect(session, lost);
      if (next === undefined) {
        const isOver = !session.isDetached;
        void session.close(this.#closeText);
        return await this.#finish(this.#closing.signal.aborted ? this.#closedHere() : lost, isOver);
      }
      const resumed = next === session;
      session = next;
      this.#serve(session);
      await this.#run(this.#definition.onReconnect, session, { resumed });
    }
  }

  /** Use `session` from now on. From the moment its server says that it goes away, what is new waits for the next one. */
  #serve(session: Session): void {
    this.#session = session;
    this.#state = "connected";
    if (this.#closing.signal.aborted) void session.close(this.#closeText, { graceMs: 0 });
    this.#backoff?.connected(this.#nowUs());
    if (this.#policy !== undefined) {
      session.onGoingAway = () => void (this.#state === "connected" && (this.#state = "reconnecting"));
    }
    this.#line.open();
  }

  /** The same session on another connection, the next session, or `undefined` when the client is closed or gives up. */
  async #reconnect(session: Session, lost: CloseReason): Promise<Session | undefined> {
    let error: unknown = lost.error;
    const { signal } = this.#closing;
    for (;;) {
      const delayMs = this.#backoff!.nextDelayMs(this.#random());
      if (delayMs === undefined || signal.aborted) {
        if (!signal.aborted) this.#log("warn", `Gave up reconnecting to ${this.#connector.target}`, error);
        return undefined;
      }
      const attempt: ReconnectAttempt = { attempt: this.#backoff!.attempts, delayMs, error };
      this.#log("info", `Reconnecting to ${this.#connector.target}`, error);
      await Promise.all([this.#sleep(delayMs), this.#run(this.#definition.onReconnecting, attempt)]);
      if (signal.aborted) continue;
      try {
        const next = await this.#connector.connect(signal, session.isDetached ? session : undefined);
        if (next === session) return next;
        if (session.isDetached) {
          void session.close("The server does not know the session any more");
          await this.#run(this.#definition.onDisconnect, lost);
        }
        await this.#admit(next);
        return next;
      } catch (failure) {
        error = failure;
      }
    }
  }

  /** Run the connect hooks, then let the server's calls and events in. What a hook throws ends the session. */
  async #admit(session: Session): Promise<void> {
    const { signal } = this.#closing;
    const give = (): void => void session.close("Client gave up", { graceMs: 0 });
    signal.addEventListener("abort", give);
    try {
      await this.#definition.onConnect.runUntilFailure(this.#definition.context, session);
      signal.throwIfAborted();
      session.open();
    } catch (error) {
      const reason = await session.close("Client gave up", { graceMs: 0 });
      // The disconnect hooks of a first session run when the client is closed, which is next.
      if (this.#state !== "connecting") await this.#run(this.#definition.onDisconnect, reason);
      throw error;
    } finally {
      signal.removeEventListener("abort", give);
    }
  }

  /** The client is closed. @param hooksRan Whether the disconnect hooks of the last session have run already. */
  async #finish(reason: CloseReason, hooksRan = false): Promise<void> {
    this.#state = "closed";
    this.#refuseMore(this.#unavailable(reason.error.message, reason.error));
    if (!hooksRan) await this.#run(this.#definition.onDisconnect, reason);
    this.#resolveClosed(reason);
  }

  /** What waits for a connection, or for another attempt, will have none. */
  #refuseMore(error: EchoStreamError): void {
    this.#line.fail(error);
    this.#onEnding(error);
  }

  async #run<A extends readonly unknown[]>(
    hooks: Hooks<[ClientDefinition["context"], ...A]>,
    ...args: A
  ): Promise<void> {
    for (const error of await hooks.runAll(this.#definition.context, ...args)) {
      this.#log("error", `An ${hooks.name} hook failed`, error);
    }
  }

  #sleep(delayMs: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      // A program that wants its connection back is not finished.
      const timer: Timer = this.#connector.settings.clock.setTimer(done, delayMs, { referenced: true });
      if (signal.aborted) done();
      else signal.addEventListener("abort", done);
    });
  }

  #closedHere(): CloseReason {
    const close = { by: "local", application: true, code: ConnectionCode.NO_ERROR, reason: this.#closeText } as const;
    return closeReason(close, this.#connector.target);
  }

  #unavailable(message: string, cause?: EchoStreamError): EchoStreamError {
    return new EchoStreamError(ErrorCode.UNAVAILABLE, message, { cause, disposition: "notProcessed" });
  }

  #nowUs(): number {
    return this.#connector.settings.clock.nowUs();
  }

  #log(level: "info" | "warn" | "error", message: string, error: unknown): void {
    this.#connector.settings.log({ level, category: "client", message, error });
  }
}
