/**
 * How a client comes back to its session: it has asked in SETTINGS, the server answers with RESUMED, and the client confirms
 * (docs/protocol.md, "Resume").
 *
 * @module
 */

import { ConnectionCode, EchoStreamError, ErrorCode, protocolViolation } from "../protocol/error.ts";
import type { Session } from "../session.ts";

/**
 * Whether `lost` goes on, with the connection of `fresh`. Otherwise `fresh` is a new session.
 * @throws {EchoStreamError} UNAVAILABLE when the connection ends before the server has answered, CANCELLED when the signal aborts.
 */
export function comeBack(fresh: Session, lost: Session, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => fresh.abandon(ConnectionCode.NO_ERROR, "Coming back to a session was given up");
    const cancelTimeout = fresh.after(ANSWER_TIMEOUT_MS, giveUp);
    const settle = (): void => {
      cancelTimeout();
      signal?.removeEventListener("abort", giveUp);
    };
    void fresh.connectionClosed.then((reason) => {
      settle();
      const { message } = reason.error;
      reject(new EchoStreamError(ErrorCode.UNAVAILABLE, message, { cause: reason.error, disposition: "notProcessed" }));
    });
    fresh.onResume = ({ resumed, eventSequence }) => {
      settle();
      fresh.onResume = undefined;
      if (!resumed) return resolve(false);
      const { first, last } = lost.resumableEvents;
      if (eventSequence < first || eventSequence > last) {
        throw protocolViolation(`Event ${eventSequence} was seen last, out of ${first} to ${last}`);
      }
      fresh.sendResumed(true, lost.lastEventSeen);
      lost.takeOver(fresh, eventSequence);
      resolve(true);
    };
    if (signal?.aborted) giveUp();
    else signal?.addEventListener("abort", giveUp);
  });
}

/** A round trip, and what a busy server adds. */
const ANSWER_TIMEOUT_MS = 10_000;
