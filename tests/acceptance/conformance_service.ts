/**
 * The service of the conformance suites: a request says what its answer is to be, an answer says what its server saw of the call. Modelled on the
 * reference server of Connect's conformance suites. Source: https://github.com/connectrpc/conformance/blob/main/docs/
 *
 * @module
 */

import { EchoStreamError, type ErrorCode } from "../../src/protocol/error.ts";
import type { Metadata } from "../../src/protocol/metadata.ts";
import type { Call } from "../../src/rpc/handler.ts";
import { cbor } from "../../src/rpc/schema.ts";
import type { RpcServerBuilder } from "../../src/server/builder.ts";
import type { Network } from "../support/networks.ts";
import { sleep } from "../support/sleep.ts";

/** What a call is to be answered with. Of a call with several requests, the first one's counts. */
export interface ResponseDefinition {
  /** Metadata ahead of the first answer. */
  readonly headers?: Metadata;
  /** Metadata with the end; that of the failure where there is one. */
  readonly trailers?: Metadata;
  /** Payloads of the answers; a method with one answer takes the first, or none. */
  readonly data?: readonly Uint8Array[];
  /** How long to wait before each answer. */
  readonly delayMs?: number;
  /** What the call ends with, after its answers where it streams them, in place of one where it does not. */
  readonly error?: ErrorDefinition;
}

/** A failure as it is asked for. */
export interface ErrorDefinition {
  readonly code: ErrorCode;
  readonly message?: string;
  readonly details?: unknown;
}

/** One request. */
export interface ConformanceRequest {
  readonly response?: ResponseDefinition;
  /** Whether `BidiStream` answers every request when it comes, and not all of them after the last. */
  readonly fullDuplex?: boolean;
  readonly data?: Uint8Array;
}

/** What the server saw of a call before it answered. */
export interface CallInfo {
  readonly metadata: Metadata;
  /** Bytes of the data of each request. */
  readonly requests: readonly number[];
  /** Whether there was a deadline, and what was left of it. */
  readonly deadlineMs: number | undefined;
}

/** One answer. */
export interface ConformanceResponse {
  readonly data: Uint8Array;
  /** With the first answer of a call, and with each one of a full-duplex call, about the requests since the one before. */
  readonly info?: CallInfo;
}

/** The service as its clients see it. */
export interface ConformanceService {
  readonly methods: {
    readonly Unary: (request: ConformanceRequest) => ConformanceResponse;
    readonly ServerStream: (request: ConformanceRequest) => AsyncIterable<ConformanceResponse>;
    readonly ClientStream: (requests: AsyncIterable<ConformanceRequest>) => AsyncIterable<ConformanceResponse>;
    readonly BidiStream: (requests: AsyncIterable<ConformanceRequest>) => AsyncIterable<ConformanceResponse>;
    readonly Unimplemented: (request: ConformanceRequest) => ConformanceResponse;
  };
}

/** How handlers ended, in order: `"ok"`, the code they threw, or `"aborted"` and the code of the reason. */
export type HandlerEnds = string[];

/** A server of {@link ConformanceService}, not yet built, that notes in `ends` how its handlers end. */
export function conformanceService(network: Network, ends: HandlerEnds): RpcServerBuilder {
  const builder = network.server();
  builder
    .handler("Unary", cbor<ConformanceRequest>(), (_session, request, call) =>
      noted(ends, call, async () => {
        const answer = await answerOne(network, call, request.response, [request]);
        return answer;
      }))
    .handler("ServerStream", cbor<ConformanceRequest>(), async function* (_session, request, call) {
      const info = callInfo(call, [request]);
      yield* notedStream(ends, call, answerAll(network, call, request.response, () => info));
    })
    .channel("ClientStream", cbor<ConformanceRequest>(), (_session, requests, call) =>
      noted(ends, call, async () => {
        const all: ConformanceRequest[] = [];
        for await (const request of requests) all.push(request);
        return await answerOne(network, call, all[0]?.response, all);
      }))
    .channel("BidiStream", cbor<ConformanceRequest>(), async function* (_session, requests, call) {
      yield* notedStream(ends, call, converse(network, call, requests));
    });
  return builder;
}

async function answerOne(
  network: Network,
  call: Call,
  definition: ResponseDefinition = {},
  requests: readonly ConformanceRequest[],
): Promise<ConformanceResponse> {
  const info = callInfo(call, requests);
  if (definition.headers !== undefined) call.sendHeaders(definition.headers);
  if (definition.trailers !== undefined) call.setMetadata(definition.trailers);
  if (definition.delayMs !== undefined) await sleep(network, definition.delayMs, call.signal);
  if (definition.error !== undefined) throw failure(definition, info);
  return { data: definition.data?.[0] ?? new Uint8Array(0), info };
}

/** Answers up to the failure or the end; `infoOf` is asked before each and may have nothing to tell. */
async function* answerAll(
  network: Network,
  call: Call,
  definition: ResponseDefinition = {},
  infoOf: () => CallInfo | undefined,
  from = 0,
): AsyncGenerator<ConformanceResponse> {
  if (from === 0) begin(call, definition);
  const { data = [], delayMs, error } = definition;
  let info = infoOf();
  const first = info;
  for (let n = from; n < data.length; n++) {
    if (delayMs !== undefined) await sleep(network, delayMs, call.signal);
    yield { data: data[n]!, ...(info === undefined ? {} : { info }) };
    info = undefined;
  }
  if (data.length === 0 && delayMs !== undefined) await sleep(network, delayMs, call.signal);
  if (error !== undefined) throw failure(definition, data.length === 0 ? first : undefined);
}

async function* converse(
  network: Network,
  call: Call,
  requests: AsyncIterable<ConformanceRequest>,
): AsyncGenerator<ConformanceResponse> {
  let definition: ResponseDefinition | undefined;
  let isFullDuplex = false;
  let answered = 0;
  const seen: ConformanceRequest[] = [];
  for await (const request of requests) {
    seen.push(request);
    if (definition === undefined) {
      definition = request.response ?? {};
      isFullDuplex = request.fullDuplex ?? false;
      if (isFullDuplex) begin(call, definition);
    }
    if (!isFullDuplex) continue;
    const data = definition.data?.[answered];
    // Whoever sends the next request waits for an answer to this one.
    if (data === undefined && definition.error !== undefined) break;
    if (data === undefined) continue;
    if (definition.delayMs !== undefined) await sleep(network, definition.delayMs, call.signal);
    yield { data, info: callInfo(call, seen.splice(0)) };
    answered++;
  }
  const infoOf = (): CallInfo | undefined => answered === 0 ? callInfo(call, seen) : undefined;
  yield* answerAll(network, call, definition, infoOf, isFullDuplex ? answered : 0);
}

function begin(call: Call, { headers, trailers }: ResponseDefinition): void {
  if (headers !== undefined) call.sendHeaders(headers);
  if (trailers !== undefined) call.setMetadata(trailers);
}

function callInfo(call: Call, requests: readonly ConformanceRequest[]): CallInfo {
  const { metadata, deadlineMs } = call;
  return { metadata, deadlineMs, requests: requests.map(({ data }) => data?.length ?? 0) };
}

function failure({ error, trailers }: ResponseDefinition, info: CallInfo | undefined): EchoStreamError {
  const { code, message = "", details } = error!;
  return new EchoStreamError(code, message, { data: { details, info }, metadata: trailers });
}

async function noted<T>(ends: HandlerEnds, call: Call, run: () => Promise<T>): Promise<T> {
  try {
    const result = await run();
    ends.push("ok");
    return result;
  } catch (error) {
    ends.push(endOf(call, error));
    throw error;
  }
}

async function* notedStream<T>(ends: HandlerEnds, call: Call, items: AsyncIterable<T>): AsyncGenerator<T> {
  let end: string | undefined;
  try {
    yield* items;
    end = "ok";
  } catch (error) {
    end = endOf(call, error);
    throw error;
  } finally {
    // Without an error and not at its end: it was left while it was suspended at a yield.
    ends.push(end ?? endOf(call, call.signal.reason));
  }
}

function endOf(call: Call, error: unknown): string {
  const { code } = error as EchoStreamError;
  return call.signal.aborted ? `aborted ${code}` : code;
}
