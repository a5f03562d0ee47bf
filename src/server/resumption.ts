/**
 * The sessions of one server that clients may come back to: who has which token, and the three steps of coming back
 * (docs/protocol.md, "Resume").
 *
 * @module
 */

import { ConnectionCode, protocolViolation } from "../protocol/error.ts";
import { Feature, type Settings } from "../protocol/settings.ts";
import { makeToken, type ResumePolicy, type SessionResume } from "../session/resume.ts";
import type { Session } from "../session.ts";

/** Hands out tokens and takes them back. */
export class Resumption {
  readonly #policy: ResumePolicy;
  readonly #sessions = new Map<string, Session>();
  readonly #tokens = new Map<Session, string[]>();
  // Sessions without a connection, the one that has waited longest first.
  readonly #waiting = new Set<Session>();
  // The connection that waits for its client's confirmation.
  readonly #returning = new Map<Session, Session>();

  constructor(policy: ResumePolicy) {
    this.#policy = policy;
  }

  /** Tokens that are valid. */
  get tokens(): number {
    return this.#sessions.size;
  }

  /** What a new session is made with, and the token it announces. */
  offer(): { readonly token: Uint8Array; readonly resume: SessionResume } {
    const token = makeToken();
    const announce = { features: Feature.RESUME, sessionToken: token };
    return { token, resume: { policy: this.#policy, timeoutMs: this.#policy.timeoutMs, announce } };
  }

  /**
   * Wait for what the client of `fresh` says: false when it comes back to another session, or is gone; true when `fresh` is a session of
   * its own, to which it may come back with `token`.
   */
  greet(fresh: Session, token: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      const arrived = cutUnless(fresh, "SETTINGS");
      void fresh.connectionClosed.then(() => {
        arrived();
        resolve(false);
      });
      fresh.onPeerSettings = (settings) => {
        arrived();
        if (settings.resumeToken !== undefined) {
          const session = this.#sessions.get(keyOf(settings.resumeToken));
          if (session !== undefined && this.#welcome(session, fresh, settings, token)) return resolve(false);
          fresh.sendResumed(false, 0);
        }
        if ((settings.features & Feature.RESUME) === 0) fresh.endWithConnection();
        else {
          this.#register(fresh, token);
          this.#watch(fresh);
          void fresh.closed.then(() => this.#forget(fresh));
        }
        resolve(true);
      };
    });
  }

  /** The client of `session` is back on `fresh`. False when it is another, events it has not seen are gone, or it has not begun. */
  #welcome(session: Session, fresh: Session, settings: Settings, token: Uint8Array): boolean {
    // Whoever found the token without the key has no claim to what another was admitted for.
    if (session.peerCertificate?.fingerprintSha256 !== fresh.peerCertificate?.fingerprintSha256) return false;
    const seen = settings.resumeEventSequence;
    const { first, last } = session.resumableEvents;
    if (seen > last) throw protocolViolation(`Event ${seen} was seen in a session, and ${last} were sent`);
    if (seen < first || !session.isOpen) {
      void session.close("Events that its client has not seen are gone", { graceMs: 0 });
      return false;
    }
    session.supersede();
    this.#returning.get(session)?.abandon(ConnectionCode.NO_ERROR, "The session goes on with another connection");
    this.#returning.set(session, fresh);
    // Until the client confirms nobody knows which of the two tokens it has; any other it has never learned of.
    const before = keyOf(settings.resumeToken!);
    for (const key of this.#tokens.get(session) ?? []) if (key !== before) this.#sessions.delete(key);
    this.#tokens.set(session, [before]);
    this.#register(session, token);
    const arrived = cutUnless(fresh, "RESUMED");
    void fresh.connectionClosed.then(() => {
      arrived();
      if (this.#returning.get(session) === fresh) this.#returning.delete(session);
    });
    fresh.onResume = ({ resumed }) => {
      if (!resumed) throw protocolViolation("A client refuses the session it has asked for");
      fresh.onResume = undefined;
      arrived();
      this.#returning.delete(session);
      // It has ended meanwhile: the client may begin anew.
      if (!session.isDetached) return fresh.abandon(ConnectionCode.GOING_AWAY, "The session has ended");
      this.#sessions.delete(before);
      this.#tokens.set(session, [keyOf(token)]);
      this.#waiting.delete(session);
      session.takeOver(fresh, seen);
      this.#watch(session);
    };
    fresh.sendResumed(true, session.lastEventSeen);
    return true;
  }

  /** Nobody comes back any more: connections whose clients have not confirmed yet are let go. */
  end(): void {
    for (const fresh of this.#returning.values()) fresh.abandon(ConnectionCode.GOING_AWAY, "Server is shutting down");
  }

  #register(session: Session, token: Uint8Array): void {
    const key = keyOf(token);
    this.#sessions.set(key, session);
    this.#tokens.set(session, [...this.#tokens.get(session) ?? [], key]);
  }

  /** When its connection breaks the session waits for its client, unless too many do. */
  #watch(session: Session): void {
    void session.connectionClosed.then(() => {
      if (!session.isDetached) return;
      this.#waiting.add(session);
      if (this.#waiting.size <= this.#policy.maxSessions) return;
      const [longest] = this.#waiting;
      this.#waiting.delete(longest!);
      void longest!.close("Too many sessions wait for their clients", { graceMs: 0 });
    });
  }

  #forget(session: Session): void {
    this.#waiting.delete(session);
    for (const key of this.#tokens.get(session) ?? []) this.#sessions.delete(key);
    this.#tokens.delete(session);
  }
}

/** A client whose frame does not arrive in time is cut; call what is returned when it has. */
function cutUnless(fresh: Session, frame: string): () => void {
  return fresh.after(ANSWER_TIMEOUT_MS, () => {
    fresh.abandon(ConnectionCode.PROTOCOL_VIOLATION, `${frame} did not arrive in time`);
  });
}

/** Tokens are long and random, so looking one up tells nothing about others. */
function keyOf(token: Uint8Array): string {
  return Array.from(token, (byte) => String.fromCharCode(byte)).join("");
}

/** As long as the header of a stream may take. */
const ANSWER_TIMEOUT_MS = 10_000;
