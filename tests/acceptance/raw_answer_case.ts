/**
 * One case whose server does not follow the protocol, and what its client makes of that.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ConnectionCode, type EchoStreamError, type EchoStreamErrorCode } from "../../src/protocol/error.ts";
import type { RpcClient } from "../../src/client/client.ts";
import type { Metadata } from "../../src/protocol/metadata.ts";
import type { Network } from "../support/networks.ts";
import { type RawAnswer, RawServer } from "../support/raw_server.ts";

/** One case. */
export interface RawAnswerCase {
  /** Unique in its suite. */
  readonly name: string;
  /** Whether the caller expects one answer, or reads all there are. */
  readonly shape: "client-stream" | "server-stream";
  readonly answer: RawAnswer;
  readonly expect: {
    /** Bytes of each answer that could be read. */
    readonly answers: readonly number[];
    readonly code?: EchoStreamErrorCode;
    readonly message?: string;
    readonly data?: unknown;
    readonly trailers?: Metadata;
    /** Whether the connection is closed with PROTOCOL_VIOLATION, so that its calls are UNAVAILABLE. Default: it goes on. */
    readonly closes?: boolean;
  };
}

/** Make one call of the case's server. */
export async function runRawAnswerCase(network: Network, one: RawAnswerCase): Promise<void> {
  const server = await network.run(RawServer.start(network, one.answer));
  try {
    const client = await network.connect(server.address, { reconnect: false });
    await check(network, client, server, one);
    await network.run(client.close({ graceMs: 0 }));
  } finally {
    await network.run(server.close());
  }
}

async function check(
  network: Network,
  client: RpcClient,
  server: RawServer,
  { shape, expect }: RawAnswerCase,
): Promise<void> {
  const answers: number[] = [];
  const call = shape === "client-stream" ? readOne(client, answers) : readAll(client, answers);
  const { error, trailers } = await network.run(call.then(succeeded, failed));
  if (expect.code === undefined) assert.ifError(error);
  assert.equal(error?.code, expect.code);
  assert.deepEqual(answers, expect.answers);
  if (expect.message !== undefined) assert.equal(error?.message, expect.message);
  if ("data" in expect) assert.deepEqual(error?.data, expect.data);
  if (expect.trailers !== undefined) assert.deepEqual(error?.metadata ?? trailers, expect.trailers);
  assert.equal(client.session.stats.requestsPending, 0);
  if (!expect.closes) return assert.equal(client.state, "connected");
  await network.until(() => server.closes.length === 1);
  assert.equal(server.closes[0]!.code, ConnectionCode.PROTOCOL_VIOLATION);
}

async function readOne(client: RpcClient, answers: number[]): Promise<Metadata> {
  const channel = client.requestChannel("method");
  answers.push((await channel.response()).length);
  return await channel.trailers;
}

async function readAll(client: RpcClient, answers: number[]): Promise<Metadata> {
  const stream = client.requestStream("method", "");
  for await (const item of stream) answers.push(item.length);
  return await stream.trailers;
}

interface Outcome {
  readonly trailers?: Metadata;
  readonly error?: EchoStreamError;
}

const succeeded = (trailers: Metadata): Outcome => ({ trailers });
const failed = (error: EchoStreamError): Outcome => ({ error });
