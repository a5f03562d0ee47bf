/**
 * A call that arrived, on its way through interceptors to its handler and back. What the handler gets is validated behind them, and
 * what it answers before them.
 *
 * @module
 */

import type { Encoding } from "../protocol/encoding.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { CallContext } from "./call_context.ts";
import { ConvertedItems, single } from "./converted_items.ts";
import { type InterceptedOrigin, InterceptedView, viewOf } from "./intercepted_view.ts";
import { type CallKind, type InterceptedCallOf, type InterceptorOf, runInterceptors } from "./interceptor.ts";
import { finishItem, finishResult, inputItem, isAsyncIterable, refuseUnary } from "./invocation.ts";
import { decodePayload, decodeRawPayload, rawInput } from "./payload.ts";
import { type Method, UNKNOWN_HANDLER } from "./router.ts";
import { isThenable } from "./thenable.ts";

/** One incoming call that interceptors see. */
export class IncomingInterception<C> implements InterceptedOrigin<C> {
  readonly direction = "incoming";
  readonly kind: CallKind;
  readonly call: CallContext;
  readonly session: C;
  payload: unknown = undefined;
  items: AsyncIterable<unknown> | undefined;
  /** What the handler of a streaming call answers, once it has been called. */
  answers: ConvertedItems | undefined;
  readonly #method: Method<C>;
  #undecodable: { readonly error: unknown } | undefined;

  constructor(call: CallContext, session: C, method: Method<C>, kind: CallKind, items?: AsyncIterable<unknown>) {
    this.call = call;
    this.session = session;
    this.kind = kind;
    this.items = items;
    this.#method = method;
  }

  get idempotent(): boolean {
    return this.#method.idempotent;
  }

  get abortReason(): EchoStreamError | undefined {
    return this.call.abortReason;
  }

  /** The payload as it arrived; `bytes` are not kept. That it cannot be decoded is told to whoever goes on to the handler. */
  decode(encoding: Encoding, bytes: Uint8Array): void {
    if (this.#method.channel && this.#method.handler !== UNKNOWN_HANDLER) return;
    try {
      this.payload = this.#method.raw ? decodeRawPayload(encoding, bytes) : decodePayload(encoding, bytes);
    } catch (error) {
      this.#undecodable = { error };
    }
  }

  /**
   * What the first interceptor gives: a value, or a sequence of answers.
   * @throws what it throws.
   */
  run(interceptors: readonly InterceptorOf<C>[]): unknown {
    return runInterceptors(interceptors, new InterceptedView<C>(this), (call) => this.#handle(call), true);
  }

  #handle(given: InterceptedCallOf<C>): unknown {
    const view = viewOf(this, given);
    // While interceptors were at work the caller may have gone.
    this.call.throwIfAborted();
    const method = this.#method;
    if (method.handler === UNKNOWN_HANDLER) {
      throw new EchoStreamError(ErrorCode.UNIMPLEMENTED, `No method "${method.name}"`);
    }
    if (this.kind === "unary") refuseUnary(method);
    if (this.#undecodable !== undefined) throw this.#undecodable.error;
    const input = this.#input(view);
    if (!isThenable(input)) return this.#start(view, input);
    return input.then((later) => {
      this.call.throwIfAborted();
      return this.#start(view, later);
    });
  }

  #input(view: InterceptedView<C>): unknown {
    const method = this.#method;
    const convert = (item: unknown): unknown => method.raw ? rawInput(item) : inputItem(method, item);
    return method.channel ? new ConvertedItems(view.items!, convert) : convert(view.payload);
  }

  #start(view: InterceptedView<C>, input: unknown): unknown {
    const { call } = this;
    call.started = true;
    call.errors = this.#method.errors;
    const result = this.#method.handler(this.session, input, view);
    if (!isThenable(result)) return this.#finish(result);
    const onSettled = (): void => void (call.handled = undefined);
    call.handled = result.then(onSettled, onSettled);
    return result.then((value) => this.#finish(value));
  }

  #finish(result: unknown): unknown {
    const method = this.#method;
    if (this.kind === "unary") return finishResult(method, result, method.output);
    const hasNone = method.channel && result === undefined;
    const answers = isAsyncIterable(result) ? result : hasNone ? NOTHING : single(result);
    this.answers = new ConvertedItems(answers, (item) => finishItem(method, item, method.output));
    // Nobody reads them any more.
    if (this.call.aborted) this.answers.return().catch(() => {});
    return this.answers;
  }
}

const NOTHING: AsyncIterable<unknown> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ value: undefined, done: true }) }),
};
