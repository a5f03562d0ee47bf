/**
 * Watching calls without changing them: one callback at the end, whatever the shape of the call and however it ends.
 *
 * @module
 */

import { EchoStreamError, type EchoStreamErrorCode, ErrorCode, isStatus } from "../protocol/error.ts";
import { InterceptedView } from "./intercepted_view.ts";
import type { InterceptedCallOf, Next } from "./interceptor.ts";
import { isAsyncIterable } from "./invocation.ts";
import { isThenable } from "./thenable.ts";

/** How a call ended. */
export interface CallOutcome {
  /** `"OK"`, or what its caller was told: INTERNAL for an incoming call whose handler threw something of its own. */
  readonly code: "OK" | EchoStreamErrorCode;
  /** What was thrown, or why nobody waits any more; `undefined` when it went well, or its caller had read enough. */
  readonly error: unknown;
  /** Answers given: 0 or 1 for a unary call, any number for others. */
  readonly answers: number;
}

/**
 * For interceptors: go on with `call`, and learn how it ends. `onEnd` is called once: with the answer of a unary call, with the end of the answers of
 * another one, when it fails, and when its caller leaves. It must not throw.
 *
 * ```ts ignore
 * .use((call, next) => observeCall(call, next, ({ code }) => console.log(call.method, code)))
 * ```
 * @returns What `next` gave; answers are passed on one by one.
 */
export function observeCall<C>(
  call: InterceptedCallOf<C>,
  next: Next<C>,
  onEnd: (outcome: CallOutcome) => void,
): unknown {
  const onResult = (result: unknown): unknown => {
    if (call.kind !== "unary" && isAsyncIterable(result)) return new ObservedAnswers(result, call, onEnd);
    onEnd(outcomeOf(call, undefined, 1));
    return result;
  };
  const onFailure = (error: unknown): never => {
    onEnd(outcomeOf(call, { error }, 0));
    throw error;
  };
  let result: unknown;
  try {
    result = next(call);
  } catch (error) {
    return onFailure(error);
  }
  return isThenable(result) ? result.then(onResult, onFailure) : onResult(result);
}

function outcomeOf<C>(
  call: InterceptedCallOf<C>,
  failure: { readonly error: unknown } | undefined,
  answers: number,
): CallOutcome {
  // Whatever a handler makes of it, its caller has gone for this reason.
  const reason = call.direction === "incoming" ? abortReasonOf(call) : undefined;
  if (reason !== undefined) return { code: codeOf(reason), error: reason, answers };
  if (failure === undefined) return { code: "OK", error: undefined, answers };
  const code = codeOf(failure.error);
  return {
    code: call.direction === "incoming" && !isStatus(code) ? ErrorCode.INTERNAL : code,
    error: failure.error,
    answers,
  };
}

/** Without making a signal, as most calls are never aborted. */
function abortReasonOf<C>(call: InterceptedCallOf<C>): unknown {
  if (call instanceof InterceptedView) return call.origin.abortReason;
  return call.signal.aborted ? call.signal.reason : undefined;
}

function codeOf(error: unknown): EchoStreamErrorCode {
  return error instanceof EchoStreamError ? error.code : ErrorCode.INTERNAL;
}

/** Passes answers on and counts them. */
class ObservedAnswers<C> implements AsyncIterableIterator<unknown> {
  readonly #answers: AsyncIterator<unknown>;
  readonly #call: InterceptedCallOf<C>;
  readonly #onEnd: (outcome: CallOutcome) => void;
  #count = 0;
  #ended = false;

  constructor(answers: AsyncIterable<unknown>, call: InterceptedCallOf<C>, onEnd: (outcome: CallOutcome) => void) {
    this.#answers = answers[Symbol.asyncIterator]();
    this.#call = call;
    this.#onEnd = onEnd;
  }

  async next(): Promise<IteratorResult<unknown>> {
    try {
      const result = await this.#answers.next();
      if (result.done) this.#end(undefined);
      else this.#count++;
      return result;
    } catch (error) {
      this.#end({ error });
      throw error;
    }
  }

  async return(): Promise<IteratorResult<unknown>> {
    if (!this.#ended) {
      this.#ended = true;
      // Left by its reader, unless it is left because nobody waits any more.
      const reason = abortReasonOf(this.#call);
      const code = reason === undefined ? ErrorCode.CANCELLED : codeOf(reason);
      this.#onEnd({ code, error: reason, answers: this.#count });
    }
    await this.#answers.return?.();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(failure: { readonly error: unknown } | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(outcomeOf(this.#call, failure, this.#count));
  }
}
