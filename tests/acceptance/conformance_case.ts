/**
 * One case of a conformance suite, and the client that runs it: what it sends, what it must get, and what the server must have seen.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RpcClient } from "../../src/client/client.ts";
import type { EchoStreamError, ErrorCode } from "../../src/protocol/error.ts";
import type { Metadata } from "../../src/protocol/metadata.ts";
import type { Channel, ResponseStream } from "../../src/rpc/outgoing_channel.ts";
import type { EndpointOptions } from "../../src/session/endpoint_options.ts";
import type { Network } from "../support/networks.ts";
import {
  type CallInfo,
  type ConformanceRequest,
  type ConformanceResponse,
  type ConformanceService,
  conformanceService,
  type HandlerEnds,
} from "./conformance_service.ts";

/** The shape of the call: which method, and for `BidiStream` whether requests and answers alternate. */
export type Shape = "unary" | "server-stream" | "client-stream" | "bidi-stream/half-duplex" | "bidi-stream/full-duplex";

/** Every {@link Shape}. */
export const SHAPES: readonly Shape[] = [
  "unary",
  "server-stream",
  "client-stream",
  "bidi-stream/half-duplex",
  "bidi-stream/full-duplex",
];

/** When the client cancels: before it has ended its requests, right after, or when it has read so many answers. */
export type CancelAt = "before-close-send" | "after-close-send" | number;

/** One case. */
export interface ConformanceCase {
  /** Unique in its suite; its beginning is the shape where there is one. */
  readonly name: string;
  readonly shape: Shape;
  /** Method, where it is not the one of the shape. */
  readonly method?: "Unimplemented";
  /** In order. A shape with one request takes one. */
  readonly requests: readonly ConformanceRequest[];
  readonly metadata?: Metadata;
  readonly timeoutMs?: number;
  readonly cancel?: CancelAt;
  /** What the server takes. */
  readonly server?: EndpointOptions;
  /** What the client takes. */
  readonly client?: EndpointOptions;
  readonly expect: Expected;
}

/** What a case must come to. What is not given is not looked at, but that no failure is expected. */
export interface Expected {
  /** Bytes of the data of each answer. */
  readonly answers?: readonly number[];
  readonly headers?: Metadata;
  /** Of the end, or of the failure. Of a unary call: all its metadata. */
  readonly trailers?: Metadata;
  readonly error?: { readonly code: ErrorCode; readonly message?: string; readonly details?: unknown };
  /** What each answer with an info, or the failure, says the server saw. */
  readonly seen?: readonly Partial<Omit<CallInfo, "deadlineMs">>[];
  /** The deadline the server saw: none, or one above 0 and at most so many milliseconds. */
  readonly deadlineMs?: "none" | number;
  /** How the handler ended, when it must have run. */
  readonly handler?: string;
}

/** What a client saw of a call. */
interface Outcome {
  readonly answers: ConformanceResponse[];
  headers?: Metadata;
  trailers?: Metadata;
  error?: EchoStreamError;
}

/** Run a case against a server of its own, and the next call on the same connection after it. */
export async function runCase(network: Network, one: ConformanceCase): Promise<void> {
  const ends: HandlerEnds = [];
  const address = await network.start(conformanceService(network, ends).options(one.server ?? {}).build());
  const client = await network.connect<ConformanceService>(address, one.client);
  const outcome: Outcome = { answers: [] };
  await network.run(perform(client, one, outcome).catch((error) => void (outcome.error = error)));
  check(one, outcome);
  if (one.expect.handler !== undefined) {
    await network.until(() => ends.length > 0);
    assert.deepEqual(ends, [one.expect.handler]);
  }
  const { data } = await network.run(client.request("Unary", { response: { data: [Uint8Array.of(7)] } }));
  assert.deepEqual(data, Uint8Array.of(7), "the connection serves the next call");
  assert.equal(client.session.stats.requestsPending, 0);
  assert.deepEqual(network.messages("error"), []);
}

async function perform(client: RpcClient<ConformanceService>, one: ConformanceCase, outcome: Outcome): Promise<void> {
  const { shape, cancel, requests, metadata, timeoutMs } = one;
  const controller = new AbortController();
  const options = {
    signal: controller.signal,
    ...(metadata === undefined ? {} : { metadata }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  if (shape === "unary") {
    const onMetadata = (metadata: Metadata): void => void (outcome.trailers = metadata);
    const answer = client.request(one.method ?? "Unary", requests[0]!, { ...options, onMetadata });
    if (cancel !== undefined) controller.abort();
    outcome.answers.push(await answer);
    return;
  }
  if (shape === "server-stream") {
    const stream = client.requestStream("ServerStream", requests[0]!, options);
    if (cancel === "after-close-send" || cancel === 0) controller.abort();
    return await readAll(stream, controller, one, outcome);
  }
  const channel = client.requestChannel(shape === "client-stream" ? "ClientStream" : "BidiStream", options);
  try {
    for (const request of requests) {
      if (!await channel.send(request)) break;
      if (shape === "bidi-stream/full-duplex") await readOne(channel, controller, cancel, outcome);
    }
    if (cancel === "before-close-send") controller.abort();
    channel.end();
    if (cancel === "after-close-send" || cancel === 0) controller.abort();
    await readAll(channel, controller, one, outcome);
  } finally {
    // A request that cannot travel leaves its call as it is.
    channel.cancel();
  }
}

async function readOne(
  channel: Channel<ConformanceRequest, ConformanceResponse>,
  controller: AbortController,
  cancel: CancelAt | undefined,
  outcome: Outcome,
): Promise<void> {
  if (cancel === "before-close-send" || cancel === 0) return;
  const { done, value } = await channel.next();
  if (done) return;
  outcome.answers.push(value);
  if (cancel === outcome.answers.length) controller.abort();
}

async function readAll(
  stream: ResponseStream<ConformanceResponse>,
  controller: AbortController,
  { cancel }: ConformanceCase,
  outcome: Outcome,
): Promise<void> {
  for await (const answer of stream) {
    outcome.answers.push(answer);
    if (cancel === outcome.answers.length) controller.abort();
  }
  outcome.headers = await stream.headers;
  outcome.trailers = await stream.trailers;
}

function check({ expect }: ConformanceCase, { answers, headers, trailers, error }: Outcome): void {
  if (error !== undefined && expect.error === undefined) throw error;
  const data = error?.data as { readonly details?: unknown; readonly info?: CallInfo } | undefined;
  if (expect.error !== undefined) {
    assert.ok(error !== undefined, "It succeeded");
    const got = { code: error.code, message: error.message, details: data?.details };
    assert.deepEqual(got, { ...got, ...expect.error });
  }
  const infos = [...answers.map(({ info }) => info), data?.info].filter((info) => info !== undefined);
  if (expect.answers !== undefined) assert.deepEqual(answers.map(({ data }) => data.length), expect.answers);
  if (expect.headers !== undefined) assert.deepEqual(headers, expect.headers);
  if (expect.trailers !== undefined) assert.deepEqual(error?.metadata ?? trailers, expect.trailers);
  if (expect.seen !== undefined) {
    assert.equal(infos.length, expect.seen.length);
    for (const [n, info] of infos.entries()) assert.deepEqual(info, { ...info, ...expect.seen[n] });
  }
  if (expect.deadlineMs !== undefined) checkDeadline(infos[0]!.deadlineMs, expect.deadlineMs);
}

function checkDeadline(seenMs: number | undefined, expected: "none" | number): void {
  if (expected === "none") return assert.equal(seenMs, undefined);
  // How much of it is left is a matter of the machine; that it is no more than was given is not.
  assert.ok(seenMs !== undefined && seenMs > 0 && seenMs <= expected, `${seenMs} ms of ${expected} ms are left`);
}
