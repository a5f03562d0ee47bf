/**
 * One record for every call that ends, on the channel `echostream:call` of `node:diagnostics_channel` (docs/operations.md, "Every call,
 * with its times"). Nothing is measured while nobody subscribes to it.
 *
 * @module
 */

import { channel } from "node:diagnostics_channel";
import type { Clock } from "../clock.ts";
import { type Disposition, EchoStreamError, type EchoStreamErrorCode, ErrorCode } from "../protocol/error.ts";

/** A call that has ended, as subscribers of `echostream:call` see it. */
export interface CallRecord {
  /** Who made it: the peer, or this end. */
  readonly direction: "incoming" | "outgoing";
  /** One answer for one payload, a sequence of answers for one payload, or sequences both ways; as its caller made it, or its handler takes it. */
  readonly kind: "unary" | "stream" | "channel";
  /** Name of the method; empty when it could not be read. */
  readonly method: string;
  /** `id` of the session it was made on. */
  readonly sessionId: string;
  /** Id of a unary call on its connection and in its direction (docs/protocol.md, "Messages"); `undefined` for the other kinds. */
  readonly callId: number | undefined;
  /** Which attempt of a client's request it was, from 1; 1 also for all that is never tried again, and for incoming calls. */
  readonly attempt: number;
  /** When it began here, in microseconds of the local clock: of `performance.now() * 1000`, unless its server or client has a clock of its own. */
  readonly startedUs: number;
  /** How long it waited: for a free slot (incoming), or for room on its way (outgoing, unary). In milliseconds. */
  readonly queuedMs: number;
  /** How long its handler took, decoding and validation included, in milliseconds; 0 for outgoing calls, and those that never ran. */
  readonly handlerMs: number;
  /** From its beginning to its end: for its caller, even where a handler goes on. In milliseconds. */
  readonly totalMs: number;
  /** Bytes of payloads and items sent. */
  readonly bytesSent: number;
  /** Bytes of payloads and items received. */
  readonly bytesReceived: number;
  /** Payloads and items sent. */
  readonly itemsSent: number;
  /** Payloads and items received. */
  readonly itemsReceived: number;
  /** How it ended: `"OK"`, or the code of its error. */
  readonly code: "OK" | EchoStreamErrorCode;
  /** How far a call that failed got; `undefined` when nobody can say. */
  readonly disposition: Disposition | undefined;
}

/** Makes the records of one session. */
export class CallDiagnostics {
  readonly #sessionId: string;
  readonly #clock: Clock;

  constructor(sessionId: string, clock: Clock) {
    this.#sessionId = sessionId;
    this.#clock = clock;
  }

  /** A call begins; `undefined` while nobody subscribes. */
  begin(
    direction: CallRecord["direction"],
    kind: CallRecord["kind"],
    method: string,
    callId?: number,
    attempt = 1,
  ): CallMeter | undefined {
    if (!calls.hasSubscribers) return undefined;
    return new CallMeter({ direction, kind, method, sessionId: this.#sessionId, callId, attempt }, this.#clock);
  }

  /** A call of this end could not begin. Mistakes of the program are no calls. */
  notBegun(kind: CallRecord["kind"], method: string, error: unknown, attempt?: number): void {
    if (error instanceof EchoStreamError) this.begin("outgoing", kind, method, undefined, attempt)?.fail(error);
  }

  /** A call of the peer is refused before it is one. @param method Empty when it could not be read. */
  refused(kind: CallRecord["kind"], method: string, code: ErrorCode, callId?: number): void {
    this.begin("incoming", kind, method, callId)?.end(code, "notProcessed");
  }
}

/** What is measured of one call, until it has ended. */
export class CallMeter {
  bytesSent = 0;
  bytesReceived = 0;
  itemsSent = 0;
  itemsReceived = 0;
  readonly #call: Pick<CallRecord, "direction" | "kind" | "method" | "sessionId" | "callId" | "attempt">;
  readonly #clock: Clock;
  readonly #startedUs: number;
  #ranUs: number | undefined;
  #ended = false;

  /** It begins now. */
  constructor(
    call: Pick<CallRecord, "direction" | "kind" | "method" | "sessionId" | "callId" | "attempt">,
    clock: Clock,
  ) {
    this.#call = call;
    this.#clock = clock;
    this.#startedUs = clock.nowUs();
  }

  /** It waits no more: it leaves, or its handler runs. */
  run(): void {
    this.#ranUs = this.#clock.nowUs();
  }

  /** A payload, or an item, of so many bytes leaves. */
  sent(bytes: number): void {
    this.itemsSent++;
    this.bytesSent += bytes;
  }

  /** A payload, or an item, of so many bytes is here. */
  received(bytes: number): void {
    this.itemsReceived++;
    this.bytesReceived += bytes;
  }

  /** It has ended so; whatever follows does not count. */
  end(code: CallRecord["code"], disposition: Disposition | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    const nowUs = this.#clock.nowUs();
    const ranUs = this.#ranUs ?? nowUs;
    const isIncoming = this.#call.direction === "incoming";
    const record: CallRecord = {
      ...this.#call,
      startedUs: this.#startedUs,
      queuedMs: (ranUs - this.#startedUs) / 1000,
      handlerMs: isIncoming ? (nowUs - ranUs) / 1000 : 0,
      totalMs: (nowUs - this.#startedUs) / 1000,
      bytesSent: this.bytesSent,
      bytesReceived: this.bytesReceived,
      itemsSent: this.itemsSent,
      itemsReceived: this.itemsReceived,
      code,
      disposition,
    };
    calls.publish(record);
  }

  /** It has failed with `error`. */
  fail(error: unknown): void {
    if (error instanceof EchoStreamError) this.end(error.code, error.disposition);
    else this.end(ErrorCode.INTERNAL, undefined);
  }
}

/** Held here: a channel that nobody holds is forgotten, and with it whether it has subscribers. */
const calls = channel("echostream:call");
