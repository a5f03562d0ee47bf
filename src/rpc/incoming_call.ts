/**
 * One call of the peer: what its handler is told, and its way from a slot to its result.
 *
 * @module
 */

import type { Encoding } from "../protocol/encoding.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { RequestMessage } from "../protocol/message.ts";
import { type Metadata, type MetadataInit, toMetadata } from "../protocol/metadata.ts";
import { Deadline } from "../timer_queue.ts";
import type { Admitted } from "./admission.ts";
import type { Call } from "./handler.ts";
import { finishResult, isThenable, runHandler } from "./invocation.ts";
import type { Method } from "./router.ts";

/** What a call needs of whoever received it. */
export interface IncomingCallOwner<C> {
  /** What handlers get as their context. */
  readonly context: C;
  /** Microseconds now, on the clock of {@link IncomingCall.deadlineUs}. */
  nowUs(): number;
  /** The method of that name. */
  find(method: string): Method<C> | undefined;
  /** The handler goes on after its return: from now on it can be cancelled, or run out of time. */
  onSuspended(call: IncomingCall<C>): void;
  /** The handler has succeeded. */
  onResult(call: IncomingCall<C>, result: unknown): void;
  /** It has failed, or never ran. */
  onError(call: IncomingCall<C>, error: unknown): void;
  /** Its time is up. */
  onDeadline(call: IncomingCall<C>): void;
}

/** A call that arrived. */
export class IncomingCall<C> extends Deadline implements Call, Admitted {
  readonly callId: number;
  readonly method: string;
  readonly traceparent: string | undefined;
  /** When its time is up, in microseconds; 0 for never. */
  readonly deadlineUs: number;
  /** True from the first statement of the handler. */
  started = false;
  /** True when the peer has its answer, or waits for none. */
  answered = false;
  readonly #owner: IncomingCallOwner<C>;
  readonly #requestMetadata: Metadata | undefined;
  readonly #encoding: Encoding;
  #payload: Uint8Array;
  #answerMetadata: Metadata | undefined;
  #controller: AbortController | undefined;
  #abortReason: EchoStreamError | undefined;
  #suspended = false;

  /** The payload of `request` stays a view until {@link keepPayload}. */
  constructor(owner: IncomingCallOwner<C>, request: RequestMessage, deadlineUs: number) {
    super();
    this.callId = request.callId;
    // Ids stand for names handed out in SETTINGS; none are handed out, so an id finds no method.
    this.method = typeof request.method === "string" ? request.method : `\u0000${request.method}`;
    this.traceparent = request.traceparent;
    this.deadlineUs = deadlineUs;
    this.#owner = owner;
    this.#requestMetadata = request.metadata;
    this.#encoding = request.encoding as Encoding;
    this.#payload = request.payload;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get deadlineMs(): number | undefined {
    return this.deadlineUs === 0 ? undefined : Math.max(0, (this.deadlineUs - this.#owner.nowUs()) / 1000);
  }

  get metadata(): Metadata {
    return this.#requestMetadata ?? NO_METADATA;
  }

  /** What {@link setMetadata} was given. */
  get answerMetadata(): Metadata | undefined {
    return this.#answerMetadata;
  }

  setMetadata(metadata: MetadataInit): void {
    this.#answerMetadata = toMetadata(metadata);
  }

  /** Keep the payload beyond the callback it arrived in; `owned` when its buffer may be kept as it is. */
  keepPayload(owned: boolean): void {
    if (!owned) this.#payload = this.#payload.slice();
  }

  /** Whether {@link abort} was called. */
  get aborted(): boolean {
    return this.#abortReason !== undefined;
  }

  /** Tell the handler that nobody waits for its result. It keeps its slot until it has ended. */
  abort(reason: EchoStreamError): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** @throws {EchoStreamError} the reason of {@link abort}. */
  throwIfAborted(): void {
    if (this.#abortReason !== undefined) throw this.#abortReason;
  }

  override expire(): void {
    this.#owner.onDeadline(this);
  }

  /** Run the handler; the owner hears of its end, during this call or later. */
  run(): void {
    const method = this.#owner.find(this.method);
    if (method === undefined) {
      return this.#owner.onError(this, new EchoStreamError(ErrorCode.UNIMPLEMENTED, `No method "${this.method}"`));
    }
    let result: unknown;
    try {
      const payload = this.#payload;
      this.#payload = NOTHING;
      result = runHandler(method, this.#owner.context, this, this.#encoding, payload);
    } catch (error) {
      return this.#owner.onError(this, error);
    }
    if (isThenable(result)) this.#await(result, (value) => this.#finish(method, value));
    else this.#finish(method, result);
  }

  #finish(method: Method<C>, result: unknown): void {
    let finished: unknown;
    try {
      finished = finishResult(method, result);
    } catch (error) {
      return this.#owner.onError(this, error);
    }
    if (isThenable(finished)) this.#await(finished, (value) => this.#owner.onResult(this, value));
    else this.#owner.onResult(this, finished);
  }

  #await(promise: PromiseLike<unknown>, onValue: (value: unknown) => void): void {
    if (!this.#suspended) {
      this.#suspended = true;
      this.#owner.onSuspended(this);
    }
    promise.then(onValue, (error) => this.#owner.onError(this, error));
  }
}

const NOTHING = new Uint8Array(0);
const NO_METADATA: Metadata = [];
