/**
 * The service that gRPC's interoperability descriptions are written against, offered by a server of ours: method names, request fields and what
 * they ask for are those of the description, payload bytes are zeros.
 * Source: https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
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

/** What a call is to end with instead of an answer. */
export interface EchoStatus {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Request of `UnaryCall`. */
export interface SimpleRequest {
  /** Bytes of the answer's payload. */
  readonly responseSize?: number;
  readonly payload?: Uint8Array;
  readonly responseStatus?: EchoStatus;
  /** Whether the answer names whose credentials came with the call. */
  readonly fillUsername?: boolean;
}

/** Answer of `UnaryCall`. */
export interface SimpleResponse {
  readonly payload: Uint8Array;
  readonly username?: string;
}

/** One answer that a streaming method is asked for. */
export interface ResponseParameters {
  readonly size: number;
  /** How long to wait before it is sent. */
  readonly intervalUs?: number;
}

/** Request of the methods that stream their answers. */
export interface StreamingOutputCallRequest {
  readonly responseParameters: readonly ResponseParameters[];
  readonly payload?: Uint8Array;
  readonly responseStatus?: EchoStatus;
}

/** Answer of the methods that stream them. */
export interface StreamingOutputCallResponse {
  readonly payload: Uint8Array;
}

/** Item of `StreamingInputCall`. */
export interface StreamingInputCallRequest {
  readonly payload: Uint8Array;
}

/** Answer of `StreamingInputCall`. */
export interface StreamingInputCallResponse {
  readonly aggregatedPayloadSize: number;
}

/** No fields. */
export type Empty = Record<never, never>;

/** The service as its clients see it, with two names that nobody serves. */
export interface TestService {
  readonly methods: {
    readonly "TestService/EmptyCall": (request: Empty) => Empty;
    readonly "TestService/UnaryCall": (request: SimpleRequest) => SimpleResponse;
    readonly "TestService/StreamingOutputCall": (
      request: StreamingOutputCallRequest,
    ) => AsyncIterable<StreamingOutputCallResponse>;
    readonly "TestService/StreamingInputCall": (
      items: AsyncIterable<StreamingInputCallRequest>,
    ) => AsyncIterable<StreamingInputCallResponse>;
    readonly "TestService/FullDuplexCall": (
      items: AsyncIterable<StreamingOutputCallRequest>,
    ) => AsyncIterable<StreamingOutputCallResponse>;
    readonly "TestService/UnimplementedCall": (request: Empty) => Empty;
    readonly "UnimplementedService/UnimplementedCall": (request: Empty) => Empty;
  };
}

/** Metadata whose value comes back ahead of the first answer. */
export const ECHO_INITIAL = "x-grpc-test-echo-initial";
/** Metadata whose value comes back with the end of the call. */
export const ECHO_TRAILING = "x-grpc-test-echo-trailing-bin";
/** Who is meant by an `authorization`. */
export const USERNAMES: Readonly<Record<string, string>> = { "Bearer a-token": "a-user@example.com" };

/** A server of {@link TestService}, not yet built. */
export function testService(network: Network): RpcServerBuilder {
  const builder = network.server();
  builder
    .handler("TestService/EmptyCall", cbor<Empty>(), () => ({}))
    .handler("TestService/UnaryCall", cbor<SimpleRequest>(), unaryCall)
    .handler("TestService/StreamingOutputCall", cbor<StreamingOutputCallRequest>(), async function* (_, request, call) {
      yield* answers(network, request, call);
    })
    .channel("TestService/StreamingInputCall", cbor<StreamingInputCallRequest>(), async (_session, requests) => {
      let aggregatedPayloadSize = 0;
      for await (const { payload } of requests) aggregatedPayloadSize += payload.length;
      return { aggregatedPayloadSize };
    })
    .channel("TestService/FullDuplexCall", cbor<StreamingOutputCallRequest>(), async function* (_, requests, call) {
      echoMetadata(call);
      for await (const request of requests) yield* answers(network, request, call);
    });
  return builder;
}

function unaryCall(_session: unknown, request: SimpleRequest, call: Call): SimpleResponse {
  echoMetadata(call);
  failAsAsked(request.responseStatus);
  const payload = new Uint8Array(request.responseSize ?? 0);
  if (!request.fillUsername) return { payload };
  const authorization = valuesOf(call.metadata, "authorization")[0];
  const username = typeof authorization === "string" ? USERNAMES[authorization] : undefined;
  return { payload, ...(username === undefined ? {} : { username }) };
}

async function* answers(
  network: Network,
  { responseParameters, responseStatus }: StreamingOutputCallRequest,
  call: Call,
): AsyncGenerator<StreamingOutputCallResponse> {
  failAsAsked(responseStatus);
  for (const { size, intervalUs = 0 } of responseParameters) {
    if (intervalUs > 0) await sleep(network, intervalUs / 1000, call.signal);
    yield { payload: new Uint8Array(size) };
  }
}

function echoMetadata(call: Call): void {
  const initial = valuesOf(call.metadata, ECHO_INITIAL);
  const trailing = valuesOf(call.metadata, ECHO_TRAILING);
  if (initial.length > 0) call.sendHeaders({ [ECHO_INITIAL]: initial });
  if (trailing.length > 0) call.setMetadata({ [ECHO_TRAILING]: trailing });
}

function failAsAsked(status: EchoStatus | undefined): void {
  if (status !== undefined) throw new EchoStreamError(status.code, status.message);
}

function valuesOf(metadata: Metadata, name: string): (string | Uint8Array)[] {
  return metadata.filter(([entry]) => entry === name).map(([, value]) => value);
}
