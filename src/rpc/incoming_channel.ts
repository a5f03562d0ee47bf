/**
 * One streaming call of the peer: from its headers over its handler and the items both ways to its trailer.
 *
 * @module
 */

import {
  decodeCallMessage,
  decodeEnd,
  encodeFailureTrailer,
  encodeResponseHeaders,
  encodeTrailer,
} from "../protocol/call_frames.ts";
import type { CallFields } from "../protocol/call_fields.ts";
import { type Encoding, isEncoding } from "../protocol/encoding.ts";
import { type Disposition, EchoStreamError, ErrorCode, StreamCode } from "../protocol/error.ts";
import { type Frame, FrameType, misplacedFrame } from "../protocol/frame.ts";
import { type Metadata, type MetadataInit, toMetadata } from "../protocol/metadata.ts";
import type { Admitted } from "./admission.ts";
import { leavingError } from "./application_error.ts";
import { CallContext } from "./call_context.ts";
import type { CallStream, CallStreamSink } from "./call_stream.ts";
import { withoutData } from "./failure.ts";
import { cancelledByCaller, checkAnswerMetadata, failureFor, outOfTime } from "./handler_failure.ts";
import { single } from "./converted_items.ts";
import { IncomingInterception } from "./incoming_interception.ts";
import type { InterceptorOf } from "./interceptor.ts";
import { finishItem, inputItem, isAsyncIterable, runHandler } from "./invocation.ts";
import { isThenable } from "./thenable.ts";
import { ItemQueue, type ItemQueueOwner } from "./item_queue.ts";
import type { PeerLimits } from "./limits.ts";
import { decodePayload, decodeRawPayload, encodePayload, encodingOf } from "./payload.ts";
import type { Method } from "./router.ts";

/** What a streaming call needs of whoever received it. */
export interface IncomingChannelOwner<C> {
  /** What handlers get as their context. */
  readonly context: C;
  /** Microseconds now, on the clock of `deadlineUs`. */
  readonly nowUs: () => number;
  /** What the peer accepts, kept up to date. */
  readonly peer: PeerLimits;
  /** Around every call. */
  readonly interceptors: readonly InterceptorOf<C>[];
  /** Everything its handler needs is here: it may run. */
  onReady(call: IncomingChannel<C>): void;
  /** The peer waits for nothing more. The handler may still run. */
  onAnswered(call: IncomingChannel<C>): void;
  /** Nobody waits for it any more, and its handler, if it runs, was told. */
  onAborted(call: IncomingChannel<C>): void;
  /** The handler failed, or was never run. */
  onFailure(call: IncomingChannel<C>, error: unknown): void;
  /** The handler has ended. */
  onEnded(call: IncomingChannel<C>): void;
}

/** A streaming call that arrived. */
export class IncomingChannel<C> extends CallContext implements Admitted, CallStreamSink, ItemQueueOwner<unknown> {
  readonly #owner: IncomingChannelOwner<C>;
  readonly #stream: CallStream;
  readonly #definition: Method<C>;
  readonly #items: ItemQueue<unknown>;
  // The one payload of a method that takes no items, until its handler runs.
  #payload: { readonly encoding: Encoding; readonly bytes: Uint8Array } | undefined;
  // Whether the caller's items go on, have ended with END, or are of no interest any more.
  #input: "open" | "ended" | "stopped" = "open";
  #headersSent = false;
  // Where interceptors are, what goes through them.
  #interception: IncomingInterception<C> | undefined;
  // The answer that is being sent, and who waits for room to go on with it.
  #answers: AsyncIterator<unknown> | undefined;
  #returned: Promise<unknown> | undefined;
  #goOn: (() => void) | undefined;

  constructor(
    owner: IncomingChannelOwner<C>,
    stream: CallStream,
    definition: Method<C>,
    fields: CallFields,
    deadlineUs: number,
  ) {
    super(fields, deadlineUs, owner.nowUs);
    this.#owner = owner;
    this.#stream = stream;
    this.#definition = definition;
    this.#items = new ItemQueue<unknown>(this);
  }

  sendHeaders(metadata: MetadataInit): void {
    if (this.#headersSent) throw new TypeError(`"${this.method}" has sent its headers already`);
    const entries = toMetadata(metadata);
    checkAnswerMetadata(entries, this.#owner.peer);
    this.#sendHeaders(entries);
  }

  /** Run the handler; the owner hears of its end, during this call or later. */
  run(): void {
    this.meter?.run();
    let result: unknown;
    try {
      result = this.#start();
    } catch (error) {
      return this.#failed(error);
    }
    if (isThenable(result)) result.then((value) => this.#answer(value), (error) => this.#failed(error));
    else this.#answer(result);
  }

  /** End the call towards the peer before its handler has ended. */
  refuse(error: unknown, disposition: Disposition): void {
    this.#fail(error, disposition);
  }

  override abort(reason: EchoStreamError): void {
    if (this.aborted) return;
    // What nobody was told yet, nobody waits for any more.
    if (!this.answered) {
      this.answered = true;
      this.meter?.end(reason.code, this.started ? "perhapsProcessed" : "notProcessed");
      this.#input = "stopped";
      this.#stream.cancel(StreamCode.CANCELLED);
      this.#owner.onAnswered(this);
    }
    super.abort(reason);
    this.#items.abort(reason);
    this.#goOn?.();
    const answers = this.#answers;
    // A generator that is suspended at a yield runs its `finally` now, one that awaits when it gets there.
    if (answers?.return !== undefined) this.#returned = swallow(() => answers.return!());
    // A handler's whose answers interceptors read does so even where they hold their own up.
    void this.#leaveHandler();
    this.#owner.onAborted(this);
  }

  override expire(): void {
    const error = outOfTime(this);
    if (!this.answered) this.#fail(error, this.started ? "perhapsProcessed" : "notProcessed");
    this.abort(error);
  }

  // What the handler does with the items (ItemQueueOwner).

  convert(item: unknown): unknown {
    return this.#interception === undefined ? inputItem(this.#definition, item) : item;
  }

  onTaken(): void {
    if (this.#input === "open") this.#stream.grant();
  }

  onLeft(): void {
    this.#stopInput();
  }

  // What arrives (CallStreamSink).

  get heldBytes(): number {
    return this.#items.heldBytes;
  }

  onFrame(frame: Frame): void {
    if (this.#input === "stopped") return;
    if (this.#input === "ended") misplacedFrame(frame, "follows END in a call");
    switch (frame.type) {
      case FrameType.MESSAGE:
        return this.#onMessage(frame);
      case FrameType.END:
        decodeEnd(frame.bytes, frame.start, frame.end);
        return this.#onEnd();
    }
    misplacedFrame(frame, "inside a call");
  }

  onFinished(): void {
    if (this.#input !== "open") return;
    this.#input = "stopped";
    this.#cut(
      new EchoStreamError(ErrorCode.DATA_LOSS, `Items of "${this.method}" ended without END`, { remote: true }),
    );
  }

  onCut(): void {
    this.#input = "stopped";
    this.#cancelled();
  }

  onStopped(): void {
    this.#cancelled();
  }

  onOversize(error: EchoStreamError): void {
    const message = `Item of "${this.method}" is too large: ${error.message}`;
    this.#cut(new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message));
  }

  onClosed(error: EchoStreamError): void {
    this.abort(error);
  }

  #onMessage({ bytes, start, end, owned }: Frame): void {
    const { encoding, payload } = decodeCallMessage(bytes, start, end);
    this.meter?.received(payload.length);
    if (!isEncoding(encoding)) return this.#refuseInput(ErrorCode.UNIMPLEMENTED, "has an encoding that is not known");
    if (this.#definition.channel) return this.#pushItem(encoding as Encoding, payload, end - start);
    if (this.#payload !== undefined) {
      return this.#refuseInput(ErrorCode.INVALID_ARGUMENT, "is one too many: it takes one");
    }
    this.#payload = { encoding: encoding as Encoding, bytes: owned ? payload : payload.slice() };
  }

  #pushItem(encoding: Encoding, payload: Uint8Array, bytes: number): void {
    let item: unknown;
    try {
      item = this.#definition.raw ? decodeRawPayload(encoding, payload) : decodePayload(encoding, payload);
    } catch (error) {
      return this.#cut(error as EchoStreamError);
    }
    this.#items.push(item, bytes);
  }

  #onEnd(): void {
    this.#input = "ended";
    this.#items.end();
    if (this.#definition.channel || this.answered) return;
    if (this.#payload === undefined) return this.#refuseInput(ErrorCode.INVALID_ARGUMENT, "is missing: it takes one");
    this.#owner.onReady(this);
  }

  /** The caller gave up, or its half was lost. */
  #cancelled(): void {
    this.abort(cancelledByCaller(this));
  }

  #refuseInput(code: ErrorCode, what: string): void {
    this.#cut(new EchoStreamError(code, `Item of "${this.method}" ${what}`));
  }

  /** What the peer sends cannot be used: the call ends, and its handler with it. */
  #cut(error: EchoStreamError): void {
    if (!this.answered) this.#fail(error, this.started ? "perhapsProcessed" : "notProcessed");
    this.abort(error);
  }

  #start(): unknown {
    const { context, interceptors } = this.#owner;
    if (interceptors.length > 0) return this.#intercept(interceptors);
    if (this.#definition.channel) {
      this.started = true;
      this.errors = this.#definition.errors;
      return this.#definition.handler(context, this.#items, this);
    }
    const { encoding, bytes } = this.#payload!;
    this.#payload = undefined;
    return runHandler(this.#definition, context, this, encoding, bytes);
  }

  #intercept(interceptors: readonly InterceptorOf<C>[]): unknown {
    const kind = this.#definition.channel ? "channel" : "stream";
    const items = kind === "channel" ? this.#items : undefined;
    this.#interception = new IncomingInterception(this, this.#owner.context, this.#definition, kind, items);
    if (this.#payload !== undefined) this.#interception.decode(this.#payload.encoding, this.#payload.bytes);
    this.#payload = undefined;
    return this.#interception.run(interceptors);
  }

  #answer(result: unknown): void {
    if (isAsyncIterable(result)) return void this.#sendAll(result[Symbol.asyncIterator]());
    // A channel may have nothing to say; any other method has one answer, even if that is undefined.
    if (this.#definition.channel && result === undefined) return this.#end();
    void this.#sendAll(single(result));
  }

  /** Send what `answers` yields, no faster than the peer and the network take it. */
  async #sendAll(answers: AsyncIterator<unknown>): Promise<void> {
    this.#answers = answers;
    // What the handler answers has passed the schema on its way through the interceptors.
    const output = this.#interception === undefined ? this.#definition.output : undefined;
    try {
      if (this.aborted) this.#returned = swallow(() => answers.return?.());
      for (let next = await answers.next(); !next.done && !this.answered; next = await answers.next()) {
        const item = finishItem(this.#definition, next.value, output);
        this.#sendItem(isThenable(item) ? await item : item);
        if (!this.#stream.writable) await this.#room();
      }
    } catch (error) {
      if (this.#returned === undefined) await swallow(() => answers.return?.());
      await this.#returned;
      return this.#failed(error);
    }
    await this.#returned;
    this.#end();
  }

  #sendItem(item: unknown): void {
    if (this.answered) return;
    const payload = encodePayload(item);
    const limitBytes = this.#owner.peer.maxMessageBytes;
    if (payload.length + 1 > limitBytes) {
      const message = `Item of "${this.method}" has ${payload.length + 1} bytes, the peer takes ${limitBytes}`;
      throw new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message);
    }
    if (!this.#headersSent) this.#sendHeaders();
    this.#stream.sendItem({ encoding: encodingOf(item), payload });
    this.meter?.sent(payload.length);
  }

  /** Resolves when the next item would be welcome, or nobody waits for one. */
  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve;
      this.#stream.ready().then(resolve, () => resolve());
    });
  }

  #sendHeaders(metadata?: Metadata): void {
    this.#headersSent = true;
    this.#stream.send((writer) => encodeResponseHeaders(writer, metadata));
  }

  /** The handler has thrown, and be it nothing: that is no success. */
  #failed(error: unknown): void {
    this.#end(error ?? new TypeError(`Handler of "${this.method}" threw ${error}`));
  }

  /** The handler has ended, with `error` or well. */
  #end(error?: unknown): void {
    const leaving = error === undefined ? undefined : leavingError(this.#definition, error);
    if (isThenable(leaving)) leaving.then((later) => this.#leave(later));
    else this.#leave(leaving);
  }

  #leave(error: unknown): void {
    if (error !== undefined) this.#owner.onFailure(this, error);
    if (!this.answered) {
      if (error === undefined) this.#succeed();
      else this.#fail(error, this.started ? "processed" : "notProcessed");
    }
    // An interceptor may have left the handler's answers where they were.
    this.handled ??= this.#leaveHandler();
    this.#owner.onEnded(this);
  }

  /** Leave what interceptors read of the handler; `undefined` when there is nothing left of it. */
  #leaveHandler(): Promise<void> | undefined {
    const answers = this.#interception?.answers;
    return answers === undefined || answers.ended ? undefined : swallow(() => answers.return());
  }

  #succeed(): void {
    try {
      const metadata = this.answerMetadata;
      checkAnswerMetadata(metadata, this.#owner.peer);
      this.#stream.send((writer) => encodeTrailer(writer, metadata), true);
    } catch (error) {
      this.#owner.onFailure(this, error);
      return this.#fail(error, "processed");
    }
    this.meter?.end("OK", "processed");
    this.#answered();
  }

  #fail(error: unknown, disposition: Disposition): void {
    const failure = failureFor(error, disposition, this.#owner.peer);
    const fits = (failure.data?.length ?? 0) < this.#owner.peer.maxMessageBytes / 2;
    const sent = fits ? failure : withoutData(failure);
    this.#stream.send((writer) => encodeFailureTrailer(writer, sent), true);
    this.meter?.end(failure.code, disposition);
    this.#answered();
  }

  #answered(): void {
    this.answered = true;
    this.#stopInput();
    this.#owner.onAnswered(this);
  }

  #stopInput(): void {
    if (this.#input === "open") this.#stream.stop(StreamCode.CANCELLED);
    this.#input = "stopped";
  }
}

/** Run what may fail while nobody wants its result any more. */
async function swallow(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch {
    // The handler was told why it ends; what it makes of that is its own.
  }
}
