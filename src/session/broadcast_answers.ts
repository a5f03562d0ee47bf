/**
 * What the sessions asked by a broadcast answer, in the order it comes in.
 *
 * @module
 */

import { Gate } from "../connection/gate.ts";
import type { Session } from "../session.ts";
import type { MemberAnswer } from "./room_store.ts";

/** One session's answer, or why there is none: exactly one of `answer` and `error` is there, unless its handler returned nothing. */
export interface BroadcastAnswer<R = unknown> {
  /** Whose it is. */
  readonly sessionId: string;
  /** The session, when it is in this process and has not ended. */
  readonly session: Session | undefined;
  /** What its handler returned. */
  readonly answer?: R;
  /** Why it did not: an `EchoStreamError`, DEADLINE_EXCEEDED when the session did not answer in time. */
  readonly error?: unknown;
}

/** Answers for one `for await`. Leaving the loop cancels what is still open. */
export class BroadcastAnswers<R> implements AsyncIterableIterator<BroadcastAnswer<R>> {
  readonly #find: (sessionId: string) => Session | undefined;
  readonly #controller = new AbortController();
  readonly #answers: BroadcastAnswer<R>[] = [];
  readonly #changed: Gate = new Gate();
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  /** @internal Aborts the requests. */
  readonly signal: AbortSignal;

  /** @internal Use `Broadcast.emitWithAck`. */
  constructor(find: (sessionId: string) => Session | undefined, signal: AbortSignal | undefined) {
    this.#find = find;
    this.signal = signal === undefined ? this.#controller.signal : AbortSignal.any([signal, this.#controller.signal]);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next answer. */
  async next(): Promise<IteratorResult<BroadcastAnswer<R>, undefined>> {
    for (;;) {
      const value = this.#answers.shift();
      if (value !== undefined) return { done: false, value };
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#ended) return DONE;
      await this.#changed.wait();
    }
  }

  /** Cancel what is still open. */
  return(): Promise<IteratorResult<BroadcastAnswer<R>, undefined>> {
    this.#answers.length = 0;
    this.finish();
    this.#controller.abort();
    return Promise.resolve(DONE);
  }

  /** @internal One session has answered or failed. */
  readonly onAnswer = (answer: MemberAnswer): void => {
    if (this.#ended) return;
    const { sessionId } = answer;
    const session = this.#find(sessionId);
    this.#answers.push(
      "error" in answer
        ? { sessionId, session, error: answer.error }
        : { sessionId, session, answer: answer.answer as R },
    );
    this.#changed.open();
  };

  /** @internal All have. */
  readonly finish = (): void => {
    this.#ended = true;
    this.#changed.open();
  };

  /** @internal The store has failed. */
  readonly fail = (error: unknown): void => {
    this.#failure = { error };
    this.#changed.open();
  };
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
