/**
 * One request on its way: the fields it is sent with, the promise its caller waits for, and its place among the deadlines.
 *
 * @module
 */

import type { SendStream } from "../connection/send_stream.ts";
import { Encoding } from "../protocol/encoding.ts";
import type { Metadata } from "../protocol/metadata.ts";
import { Deadline } from "../timer_queue.ts";
import type { CallMeter } from "./call_diagnostics.ts";
import type { CallOptions } from "./call_options.ts";

/** Who is told that a call is over before its answer came. */
export interface OutgoingCallOwner {
  /** The deadline has passed. */
  onDeadline(call: OutgoingCall): void;
  /** The caller's signal has aborted, for `reason`. */
  onAbort(call: OutgoingCall, reason: unknown): void;
}

/** Stands by a request, to have it made again where it fails. */
export interface Recovery {
  /** It has its answer. */
  succeeded(): void;
  /** It failed with `error`: what its caller gets in the end. */
  recover(error: unknown): Promise<unknown>;
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
  /** What {@link CallOptions.onMetadata} asked for. */
  readonly onMetadata: ((metadata: Metadata) => void) | undefined;
  /** Stream of a large request, which can be reset half-way. */
  sent: SendStream | undefined = undefined;
  /** Measures it, when somebody wants to know. */
  meter: CallMeter | undefined = undefined;
  readonly #owner: OutgoingCallOwner;
  readonly #recovery: Recovery | undefined;
  readonly #signal: AbortSignal | undefined;
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
    this.onMetadata = options.onMetadata;
    this.#owner = owner;
    this.#recovery = recovery;
    this.#signal = options.signal;
    // One executor for all: a closure each would cost more than the rest of this object.
    this.promise = new Promise(captureSettlers);
    this.#resolve = capturedResolve;
    this.#reject = capturedReject;
    options.signal?.addEventListener("abort", this);
  }

  /** The answer is here. */
  resolve(value: unknown): void {
    this.#signal?.removeEventListener("abort", this);
    this.meter?.end("OK", "processed");
    this.#recovery?.succeeded();
    this.#resolve(value);
  }

  /** It failed. */
  reject(error: unknown): void {
    this.#signal?.removeEventListener("abort", this);
    this.meter?.fail(error);
    if (this.#recovery === undefined) this.#reject(error);
    else this.#resolve(this.#recovery.recover(error));
  }

  override expire(): void {
    this.#owner.onDeadline(this);
  }

  /** For the signal: an `EventListener` object needs no closure. */
  handleEvent(): void {
    this.#owner.onAbort(this, this.#signal?.reason);
  }
}

type Settler = (value: unknown) => void;
let capturedResolve: Settler;
let capturedReject: Settler;
const captureSettlers = (resolve: Settler, reject: Settler): void => {
  capturedResolve = resolve;
  capturedReject = reject;
};

const NOTHING = new Uint8Array(0);
