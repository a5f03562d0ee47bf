/**
 * One unary call of the peer, on its way from a slot to its result.
 *
 * @module
 */

import type { Encoding } from "../protocol/encoding.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { RequestMessage } from "../protocol/message.ts";
import { type Metadata, type MetadataInit, toMetadata } from "../protocol/metadata.ts";
import type { Admitted } from "./admission.ts";
import { leavingError } from "./application_error.ts";
import { CallContext } from "./call_context.ts";
import { IncomingInterception } from "./incoming_interception.ts";
import type { InterceptorOf } from "./interceptor.ts";
import { finishResult, runHandler } from "./invocation.ts";
import { isThenable } from "./thenable.ts";
import type { Method } from "./router.ts";

/** What a call needs of whoever received it. */
export interface IncomingCallOwner<C> {
  /** What handlers get as their context. */
  readonly context: C;
  /** Microseconds now, on the clock of {@link IncomingCall.deadlineUs}. */
  readonly nowUs: () => number;
  /** Around every call. */
  readonly interceptors: readonly InterceptorOf<C>[];
  /** The method that a call of that name goes to. */
  methodFor(name: string): Method<C> | undefined;
  /** The handler goes on after its return: from now on it can be cancelled, or run out of time. */
  onSuspended(call: IncomingCall<C>): void;
  /** The handler has succeeded. */
  onResult(call: IncomingCall<C>, result: unknown): void;
  /** It has failed, or never ran. */
  onError(call: IncomingCall<C>, error: unknown): void;
  /** Its time is up. */
  onDeadline(call: IncomingCall<C>): void;
}

/** A unary call that arrived. */
export class IncomingCall<C> extends CallContext implements Admitted {
  readonly callId: number;
  readonly #owner: IncomingCallOwner<C>;
  readonly #encoding: Encoding;
  #payload: Uint8Array;
  #headers: Metadata | undefined;
  #suspended = false;

  /** The payload of `request` stays a view until {@link keepPayload}. */
  constructor(owner: IncomingCallOwner<C>, request: RequestMessage, deadlineUs: number) {
    super(request, deadlineUs, owner.nowUs);
    this.callId = request.callId;
    this.#owner = owner;
    this.#encoding = request.encoding as Encoding;
    this.#payload = request.payload;
  }

  override get answerMetadata(): Metadata | undefined {
    const trailers = super.answerMetadata;
    return this.#headers === undefined ? trailers : [...this.#headers, ...trailers ?? []];
  }

  sendHeaders(metadata: MetadataInit): void {
    if (this.#headers !== undefined || this.answered) {
      throw new TypeError(`"${this.method}" has sent its headers already`);
    }
    this.#headers = toMetadata(metadata);
  }

  /** Keep the payload beyond the callback it arrived in; `owned` when its buffer may be kept as it is. */
  keepPayload(owned: boolean): void {
    if (!owned) this.#payload = this.#payload.slice();
  }

  override expire(): void {
    this.#owner.onDeadline(this);
  }

  /** Run the handler; the owner hears of its end, during this call or later. */
  run(): void {
    this.meter?.run();
    const { interceptors } = this.#owner;
    const method = this.#owner.methodFor(this.method);
    if (method === undefined) {
      return this.#owner.onError(this, new EchoStreamError(ErrorCode.UNIMPLEMENTED, `No method "${this.method}"`));
    }
    let result: unknown;
    try {
      const payload = this.#payload;
      this.#payload = NOTHING;
      result = interceptors.length === 0
        ? runHandler(method, this.#owner.context, this, this.#encoding, payload)
        : this.#intercept(interceptors, method, payload);
    } catch (error) {
      return this.#fail(method, error);
    }
    if (isThenable(result)) this.#await(method, result, (value) => this.#finish(method, value));
    else this.#finish(method, result);
  }

  #intercept(interceptors: readonly InterceptorOf<C>[], method: Method<C>, payload: Uint8Array): unknown {
    const interception = new IncomingInterception(this, this.#owner.context, method, "unary");
    interception.decode(this.#encoding, payload);
    return interception.run(interceptors);
  }

  #finish(method: Method<C>, result: unknown): void {
    let finished: unknown;
    try {
      // The handler's own result has passed the output schema on its way through the interceptors.
      finished = finishResult(method, result, this.#owner.interceptors.length === 0 ? method.output : undefined);
    } catch (error) {
      return this.#fail(method, error);
    }
    if (isThenable(finished)) this.#await(method, finished, (value) => this.#owner.onResult(this, value));
    else this.#owner.onResult(this, finished);
  }

  #await(method: Method<C>, promise: PromiseLike<unknown>, onValue: (value: unknown) => void): void {
    this.#suspend();
    promise.then(onValue, (error) => this.#fail(method, error));
  }

  #fail(method: Method<C>, error: unknown): void {
    const leaving = leavingError(method, error);
    if (!isThenable(leaving)) return this.#owner.onError(this, leaving);
    this.#suspend();
    leaving.then((later) => this.#owner.onError(this, later));
  }

  #suspend(): void {
    if (this.#suspended) return;
    this.#suspended = true;
    this.#owner.onSuspended(this);
  }
}

const NOTHING = new Uint8Array(0);
