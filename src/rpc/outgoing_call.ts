/**
 * One request on its way: the fields it is sent with, the promise its caller waits for, and its place among the deadlines.
 *
 * @module
 */

import type { SendStream } from "../connection/send_stream.ts";
import { Encoding } from "../protocol/encoding.ts";
import type { Metadata } from "../protocol/metadata.ts";
import { Deadline } from "../timer_queue.ts";
import { ByteKeeper } from "./byte_keeper.ts";
import type { CallMeter } from "./call_diagnostics.ts";
import type { CallOptions } from "./call_options.ts";
import { EncodedValue } from "./payload.ts";

/** Who is told that a call is over before its answer came. */
export interface OutgoingCallOwner {
  /** The deadline has passed. */
  onDeadline(call: OutgoingCall): void;
  /** The caller's signal has aborted, for `reason`. */
  onAbort(call: OutgoingCall, reason: unknown): void;
}

/** A request that failed, for whoever may make it again. */
export interface FailedRequest {
  readonly method: string;
  readonly payload: unknown;
  readonly options: CallOptions;
  /** When it was made, in microseconds of the connection's clock. Default: now. */
  readonly startedUs?: number | undefined;
}

/** Stands by requests, to make them again where they fail. */
export interface Recovery {
  /** A request has its answer. */
  succeeded(): void;
  /** `request` failed with `error`: what its caller gets in the end. */
  recover(request: FailedRequest, error: unknown): Promise<unknown>;
}

/** A request without an answer yet. Its fields are those of REQUEST, so that it is encoded as it is. */
export class OutgoingCall extends Deadline {
  readonly callId: number;
  readonly method: string;
  /** Milliseconds left of its time when it is encoded; 0 for no deadline. */
  timeoutMs: number;
  readonly metadata: Metadata | undefined;
  readonly traceparent: string | undefined;
  readonly idempotent: boolean;
  encoding: Encoding = Encoding.RAW;
  /** Empty once it was sent. */
  payload: Uint8Array = NOTHING;
  /** Settles with the answer. */
  readonly promise: Promise<unknown>;
  /** Stream of a large request, which can be reset half-way. */
  sent: SendStream | undefined = undefined;
  /** Measures it, when somebody wants to know. */
  meter: CallMeter | undefined = undefined;
  readonly #owner: OutgoingCallOwner;
  readonly #recovery: Recovery | undefined;
  readonly #options: CallOptions;
  // What was sent, for as long as it may have to be sent again: `#keptBytes` of a chunk.
  #chunk: Uint8Array | undefined = undefined;
  #keptFrom = 0;
  #keptBytes = 0;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    owner: OutgoingCallOwner,
    callId: number,
    method: string,
    options: CallOptions,
    metadata: Metadata | undefined,
    recovery: Recovery | undefined,
  ) {
    super();
    this.callId = callId;
    this.method = method;
    this.timeoutMs = options.timeoutMs ?? 0;
    this.metadata = metadata;
    this.traceparent = options.traceparent;
    this.idempotent = options.idempotent ?? false;
    this.#owner = owner;
    this.#recovery = recovery;
    this.#options = options;
    // One executor for all: a closure each would cost more than the rest of this object.
    this.promise = new Promise(captureSettlers);
    this.#resolve = capturedResolve;
    this.#reject = capturedReject;
    options.signal?.addEventListener("abort", this);
  }

  /** What {@link CallOptions.onMetadata} asked for. */
  get onMetadata(): ((metadata: Metadata) => void) | undefined {
    return this.#options.onMetadata;
  }

  /** Send `payload`. It is kept where somebody stands by the request. */
  prepare(encoding: Encoding, payload: Uint8Array): void {
    this.encoding = encoding;
    this.payload = payload;
    if (this.#recovery === undefined) return;
    this.#chunk = keeper.keep(payload);
    this.#keptFrom = keeper.offset;
    this.#keptBytes = payload.length;
  }

  /** The answer is here. */
  resolve(value: unknown): void {
    this.#options.signal?.removeEventListener("abort", this);
    this.meter?.end("OK", "processed");
    this.#recovery?.succeeded();
    this.#resolve(value);
  }

  /** It failed. */
  reject(error: unknown): void {
    this.#options.signal?.removeEventListener("abort", this);
    this.meter?.fail(error);
    if (this.#recovery === undefined) this.#reject(error);
    else this.#resolve(this.#recovery.recover(this.#failed(), error));
  }

  override expire(): void {
    this.#owner.onDeadline(this);
  }

  /** For the signal: an `EventListener` object needs no closure. */
  handleEvent(): void {
    this.#owner.onAbort(this, this.#options.signal?.reason);
  }

  #failed(): FailedRequest {
    const options = this.#options;
    const bytes = this.#chunk!.slice(this.#keptFrom, this.#keptFrom + this.#keptBytes);
    return {
      method: this.method,
      payload: this.encoding === Encoding.RAW ? bytes : new EncodedValue(bytes),
      options,
      startedUs: options.timeoutMs && this.dueUs - options.timeoutMs * 1000,
    };
  }
}

const keeper = new ByteKeeper();

type Settler = (value: unknown) => void;
let capturedResolve: Settler;
let capturedReject: Settler;
const captureSettlers = (resolve: Settler, reject: Settler): void => {
  capturedResolve = resolve;
  capturedReject = reject;
};

const NOTHING = new Uint8Array(0);
