/**
 * Whether one session has proved who it is: from its first token over fresh ones to the expiry of the last.
 *
 * @module
 */

import { ConnectionCode, EchoStreamError, ErrorCode, isStatus } from "../protocol/error.ts";
import type { Session } from "../session.ts";

/** What a token is worth. */
export interface Grant<I> {
  /** Who presented it. */
  readonly identity: I;
  /** Milliseconds from now until it is worth nothing. Default: as long as the session. */
  readonly expiresInMs?: number | undefined;
}

/** What decides about tokens, and how long is waited for them. */
export interface AdmittanceOptions<I> {
  readonly authenticate: (token: string, session: Session) => Grant<I> | undefined | PromiseLike<Grant<I> | undefined>;
  /** How long the first token may take, in milliseconds; `undefined`: there need not be any. */
  readonly timeoutMs: number | undefined;
  /** How long a session may go on without a token that is valid, in milliseconds. */
  readonly expiredGraceMs: number;
}

/** The proofs of one session. While it has none that is valid, its events and streams wait. */
export class Admittance<I> {
  readonly #session: Session;
  readonly #options: AdmittanceOptions<I>;
  readonly #admitted: Promise<void>;
  #admit!: () => void;
  #refuse!: (error: EchoStreamError) => void;
  #grant: Grant<I> | undefined;
  #isAdmitted = false;
  #isExpired = false;
  // Tokens in the order in which they came: how many did, and which one counts.
  #presented = 0;
  #accepted = 0;
  #cancelTimer: () => void = () => {};

  constructor(session: Session, options: AdmittanceOptions<I>) {
    this.#session = session;
    this.#options = options;
    this.#admitted = new Promise((resolve, reject) => {
      this.#admit = resolve;
      this.#refuse = reject;
    });
    this.#admitted.catch(() => {});
  }

  /** Who it is; `undefined` while there is no valid proof. */
  get identity(): I | undefined {
    return this.#grant?.identity;
  }

  /** Whether there is a valid proof. */
  get isAuthenticated(): boolean {
    return this.#grant !== undefined;
  }

  /** What a call is told that needs a proof. */
  get refusal(): EchoStreamError {
    return unauthenticated(this.#isExpired ? "The token has expired" : "No token has come");
  }

  /**
   * For a connect hook: let calls in, for whoever sees them to refuse, until a token has come that is worth something.
   * @throws {EchoStreamError} (as rejection) what was said about the first token; UNAUTHENTICATED when none came in time.
   */
  async wait(): Promise<void> {
    const { timeoutMs } = this.#options;
    const session = this.#session;
    if (timeoutMs !== undefined) {
      this.#cancelTimer = session.after(timeoutMs, () => this.#refuse(unauthenticated("No token came in time")));
    }
    void session.closed.then(({ error }) => this.#refuse(error));
    session.direct.parts.slots.open();
    try {
      await this.#admitted;
    } finally {
      // Behind this hook there may be others, which calls wait for.
      session.direct.parts.slots.shut();
    }
  }

  /**
   * Judge a token. At the beginning one that is refused ends the session; later the one before stays.
   * @returns Milliseconds until it expires, if it does.
   * @throws {EchoStreamError} (as rejection) UNAUTHENTICATED when it is worth nothing, INVALID_ARGUMENT when it is none.
   * @throws (as rejection) what `authenticate` throws.
   */
  async present(token: unknown): Promise<number | undefined> {
    const turn = ++this.#presented;
    try {
      if (typeof token !== "string") throw new EchoStreamError(ErrorCode.INVALID_ARGUMENT, "A token is text");
      const grant = await this.#options.authenticate(token, this.#session);
      if (grant === undefined) throw unauthenticated("The token was refused");
      checkExpiry(grant.expiresInMs);
      // One that came later and was judged sooner has the say.
      if (turn > this.#accepted) this.#accept(grant, turn);
      return grant.expiresInMs;
    } catch (error) {
      if (!this.#isAdmitted) this.#refuse(told(error));
      throw error;
    }
  }

  #accept(grant: Grant<I>, turn: number): void {
    this.#accepted = turn;
    this.#cancelTimer();
    this.#grant = grant;
    const { expiresInMs } = grant;
    if (expiresInMs !== undefined) this.#cancelTimer = this.#session.after(expiresInMs, () => this.#expire());
    if (this.#isExpired) {
      this.#isExpired = false;
      this.#session.direct.parts.open();
    }
    this.#isAdmitted = true;
    this.#admit();
  }

  #expire(): void {
    const session = this.#session;
    this.#grant = undefined;
    this.#isExpired = true;
    session.direct.parts.shut(this.refusal);
    const end = (): void => {
      const reason = `${ErrorCode.UNAUTHENTICATED}: The token has expired`;
      if (this.#isExpired) void session.close(reason, { code: ConnectionCode.REFUSED, graceMs: 0 });
    };
    this.#cancelTimer = session.after(this.#options.expiredGraceMs, end);
    // Whoever comes back to it would find it open: that one is to begin anew.
    void session.connectionClosed.then(end);
  }
}

/** @throws {RangeError} when a grant ends at no time that can be told. */
function checkExpiry(expiresInMs: number | undefined): void {
  if (expiresInMs === undefined || expiresInMs > 0) return;
  throw new RangeError(`expiresInMs is ${expiresInMs}, expected a number above 0`);
}

/** What the end of a session says of an error, whose text may be no business of the peer. */
function told(error: unknown): EchoStreamError {
  if (error instanceof EchoStreamError && isStatus(error.code)) return error;
  return new EchoStreamError(ErrorCode.INTERNAL, "The token could not be judged", { cause: error });
}

/** Nothing was done for somebody who is not known. */
export function unauthenticated(message: string): EchoStreamError {
  return new EchoStreamError(ErrorCode.UNAUTHENTICATED, message, { disposition: "notProcessed" });
}
