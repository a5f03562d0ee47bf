/**
 * What our client does with a server of the interop service, case by case: the same as the clients of the other implementations do with ours.
 *
 * @module
 */

import assert from "node:assert/strict";
import { RpcClient } from "../../src/client/client.ts";
import type { TlsClientOptions } from "../../src/connection/tls.ts";
import { ConnectionCode, EchoStreamError } from "../../src/protocol/error.ts";
import { cbor } from "../../src/rpc/schema.ts";
import type { IncomingStream } from "../../src/stream/incoming_stream.ts";
import { failureOf } from "../support/session_pair.ts";
import { waitUntil } from "../support/wait_until.ts";
import {
  type Digest,
  digestOf,
  framesOf,
  type interop,
  pattern,
  type PlayRequest,
  receiveMedia,
  sendMedia,
} from "./service.ts";

/** A client of the service. */
export type InteropClient = RpcClient<typeof interop>;

/** One case: what the client does, and what it wants to know. */
export type OurCase = (client: InteropClient, options: CaseOptions, connect: Connect) => Promise<void>;

/** Connects once more, with these options beside the pin of the server's certificate. */
export type Connect = (tls: Pick<TlsClientOptions, "ticket" | "onTicket">) => Promise<InteropClient>;

/** What a case is told, as far as it wants to know. */
export interface CaseOptions {
  /** Bytes that a transfer moves each way. */
  readonly bytes?: number;
}

/** What is said by docs/protocol.md; each case by the name it has in the other implementations. */
export const PROTOCOL_CASES: Readonly<Record<string, OurCase>> = {
  unary: async (client) => {
    assert.deepEqual(await client.request("echo", bytesOf("hello")), bytesOf("hello"));
    assert.deepEqual(await client.request("echo", new Uint8Array(0)), new Uint8Array(0));
    assert.equal(await client.request("add", { a: 2, b: 40 }), 42);
    assert.deepEqual(await client.session.request("$sys.ping", bytesOf("ping")), bytesOf("ping"));
    assert.deepEqual(await client.session.request("$sys.health"), { status: "serving" });
    const numbers = sequence(500);
    const sums = await Promise.all(numbers.map((a) => client.request("add", { a, b: 1 })));
    assert.deepEqual(sums, numbers.map((n) => n + 1));
  },
  "unary-large": async (client) => {
    const content = pattern(LARGE_BYTES);
    const answers = await Promise.all([1, 2, 3].map(() => client.request("echo", content)));
    for (const answer of answers) assert.ok(Buffer.compare(answer, content) === 0, "another answer");
  },
  values: async (client) => {
    for (const value of VALUES) assert.deepEqual(await client.request("mirror", value), value);
  },
  failures: async (client) => {
    const error = await failureOf(client.request("fail", { left: 3 }));
    assert.ok(error instanceof EchoStreamError);
    assert.deepEqual(
      [error.code, error.message, error.errorName, error.data],
      ["RESOURCE_EXHAUSTED", "Nothing left", "outOfStock", { left: 3 }],
    );
    const unknown = await failureOf(client.session.request("nobody"));
    assert.deepEqual([unknown.code, unknown.disposition], ["UNIMPLEMENTED", "notProcessed"]);
    assert.equal((await failureOf(client.session.request("count", 3))).code, "UNIMPLEMENTED");
    assert.equal((await failureOf(client.session.request("add", { a: 1 }))).code, "INVALID_ARGUMENT");
    assert.deepEqual(await client.request("echo", bytesOf("still there")), bytesOf("still there"));
  },
  metadata: async (client) => {
    const metadata: [string, string | Uint8Array][] = [
      ["tenant", "a"],
      ["tenant", "ö"],
      ["bin", Uint8Array.of(0, 255)],
      ["empty", ""],
    ];
    let echoed: unknown;
    const answer = await client.request("metadata", null, { metadata, onMetadata: (entries) => echoed = entries });
    assert.deepEqual(answer, metadata);
    assert.deepEqual(echoed, metadata);
  },
  deadline: async (client) => {
    const left = await client.request("timeLeft", null, { timeoutMs: 60_000 });
    assert.ok(left !== null && left > 0 && left <= 60_000, `${left} ms left`);
    assert.equal(await client.request("timeLeft", null), null);
    assert.equal((await failureOf(client.request("wait", null, { timeoutMs: 50 }))).code, "DEADLINE_EXCEEDED");
    await waitUntil(async () => await client.request("ended", "wait") >= 1);
  },
  cancel: async (client) => {
    const controller = new AbortController();
    const { signal } = controller;
    const calls = sequence(5).map(() => failureOf(client.request("wait", null, { signal })));
    assert.deepEqual(await client.request("echo", bytesOf("x")), bytesOf("x"));
    controller.abort();
    for (const error of await Promise.all(calls)) assert.equal(error.code, "CANCELLED");
    await waitUntil(async () => await client.request("ended", "wait") >= 5);
  },
  "server-stream": async (client) => {
    assert.deepEqual(await collect(client.requestStream("count", 1_000)), sequence(1_000));
    assert.deepEqual(await collect(client.requestStream("count", 0)), []);
    assert.deepEqual(await collect(client.session.requestStream("add", { a: 1, b: 2 })), [3]);
    const failing = client.requestStream("failMidway", 3);
    for (const n of sequence(3)) assert.equal((await failing.next()).value, n);
    const error = await failureOf(failing.next());
    assert.deepEqual([error.code, error.message], ["ABORTED", "Enough"]);
    assert.equal((await failureOf(client.session.requestStream("nobody", 1).next())).code, "UNIMPLEMENTED");
  },
  "client-stream": async (client) => {
    const sum = client.requestChannel("sum");
    await sum.sendAll(sequence(1_000));
    assert.equal(await sum.response(), 499_500);
    const upload = client.requestChannel("upload");
    const items = sequence(20).map(() => pattern(50_000));
    await upload.sendAll(items);
    assert.deepEqual(await upload.response(), digestOf(items));
  },
  channel: async (client) => {
    const doubling = client.requestChannel("double");
    for (const n of sequence(100)) {
      await doubling.send(n);
      assert.equal((await doubling.next()).value, 2 * n);
    }
    doubling.end();
    assert.equal((await doubling.next()).done, true);
  },
  "cancel-stream": async (client) => {
    const seen: number[] = [];
    for await (const n of client.requestStream("ticks", null)) {
      seen.push(n);
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, [0, 1, 2]);
    await waitUntil(async () => await client.request("ended", "ticks") >= 1);
    const abandoned = client.requestChannel("sum");
    await abandoned.send(1);
    abandoned.cancel();
    assert.deepEqual(await client.request("echo", bytesOf("x")), bytesOf("x"));
  },
  event: async (client) => {
    const noted: unknown[] = [];
    client.on("noted", (value) => void noted.push(value));
    for (const n of sequence(1_000)) await client.emit("note", n);
    await waitUntil(() => noted.length >= 1_000);
    assert.deepEqual(noted, sequence(1_000));
  },
  datagram: async (client) => {
    const blipped: unknown[] = [];
    client.on("blipped", (value) => void blipped.push(value));
    // Each may be lost.
    await waitUntil(async () => {
      await client.emit("blip", { x: 1 }, { delivery: "datagram" });
      return blipped.length > 0;
    });
    assert.deepEqual(blipped[0], { x: 1 });
    await waitUntil(() => client.clock.state === "synchronized");
  },
  "media-reliable": (client) => media(client, { delivery: "reliable", frames: 100, bytes: 3_000 }),
  "media-expiring": (client) => media(client, { delivery: "expiring", frames: 100, bytes: 3_000 }),
  "media-datagram": (client) => media(client, { delivery: "datagram", frames: 50, bytes: 3_000 }),
  "media-parity": (client) => media(client, { delivery: "datagram", frames: 50, bytes: 3_000, parityEvery: 4 }),
  callback: async (client) => {
    assert.deepEqual(await client.request("ask", [1, 2]), { asked: [1, 2] });
  },
  goaway: async (client) => {
    const running = client.request("after", 300);
    const streaming = client.requestChannel("double");
    await streaming.send(1);
    assert.equal((await streaming.next()).value, 2);
    const { session } = client;
    await client.request("drain", 60_000);
    await waitUntil(async () => {
      const failure = await session.request("echo", bytesOf("new")).then(() => undefined, (error) => error);
      if (failure === undefined) return false;
      assert.deepEqual([failure.code, failure.disposition], ["UNAVAILABLE", "notProcessed"]);
      return true;
    });
    assert.equal(await running, 300);
    await streaming.send(2);
    assert.equal((await streaming.next()).value, 4);
    streaming.end();
    assert.equal((await streaming.next()).done, true);
    const { by, code } = await session.closed;
    assert.deepEqual([by, code], ["remote", ConnectionCode.GOING_AWAY]);
  },
  "client-drain": async (client) => {
    const running = client.request("after", 200);
    await client.close({ graceMs: 60_000 });
    assert.equal(await running, 200);
  },
};

async function media(client: InteropClient, request: PlayRequest): Promise<void> {
  const expected = digestOf(framesOf(request));
  const heard: Digest[] = [];
  client.on("heard", (digest) => void heard.push(digest));
  await sendMedia(client.session, "mic", request);
  await waitUntil(() => heard.length > 0);
  assert.deepEqual(heard, [expected]);
  assert.equal(await client.request("play", request), request.frames);
  assert.deepEqual(digestOf(await client.session.get<Promise<Uint8Array[]>>("played")!), expected);
  const refused = await client.session.createStream("nobody", { delivery: request.delivery });
  assert.equal((await failureOf(refused.end().then(() => refused.closed))).code, "UNIMPLEMENTED");
}

/** What our client offers: the method `answer` and the stream `speaker`, whose frames are kept as `played` in its session's store. */
export function interopClient(): ReturnType<typeof RpcClient.builder<typeof interop>> {
  return RpcClient.builder<typeof interop>()
    .handler("answer", cbor<unknown>(), (_session, asked) => ({ asked }))
    .stream("speaker", async (session, incoming: IncomingStream) => {
      const played = receiveMedia(incoming);
      session.set("played", played);
      await played;
    });
}

/** All items of a sequence. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** 0 to length − 1. */
export function sequence(length: number): number[] {
  return Array.from({ length }, (_, n) => n);
}

/** UTF-8. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const LARGE_BYTES = 900_000;
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  2 ** 31,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
  2n ** 64n,
  -(2n ** 100n),
  1.5,
  "",
  "héllo 😀",
  [1, [2, [3]], {}],
  { a: { b: [Uint8Array.of(1, 2), null] }, ключ: false },
  Float64Array.of(1.5, -2.5),
  Uint16Array.of(1, 65_535),
  [Infinity, -0.5],
  new Date(1_700_000_000_500),
];
