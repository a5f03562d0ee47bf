/**
 * Unary calls between two sessions: payloads, metadata, errors, both directions.
 *
 * @module
 */

import assert from "node:assert/strict";
import { EchoStreamError } from "../../src/protocol/error.ts";
import type { Metadata } from "../../src/protocol/metadata.ts";
import type { Call } from "../../src/rpc/handler.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { pattern } from "../support/connection_pair.ts";
import { failureOf, testOverMemory, testSessions } from "../support/session_pair.ts";

testSessions("Session.request carries bytes both ways, from nothing to a mebibyte", {}, async (pair) => {
  pair.server.router.handle("echo", (_session, bytes) => bytes);
  for (const size of [0, 1, 64, 1_099, 1_100, 1_101, 5_000, 300_000, 1_048_000]) {
    const sent = pattern(size);
    const answer = await pair.run(pair.client.session.request<Uint8Array>("echo", sent));
    assert.deepEqual(answer, sent, `${size} bytes`);
  }
});

testSessions("Session.request carries values to a handler with a schema and back", {}, async (pair) => {
  pair.server.router.handle("same", (_session, value) => value, { input: cbor<unknown>() });
  const values = [
    undefined,
    null,
    true,
    "héllo",
    1.5,
    2 ** 53 - 1,
    2n ** 60n,
    [1, [2]],
    { a: { b: [] } },
    new Uint8Array([1, 2]),
  ];
  for (const value of values) {
    assert.deepEqual(await pair.run(pair.client.session.request("same", value)), value);
  }
});

testSessions("Session.request works from the server towards the client as well, within a handler", {}, async (pair) => {
  pair.client.router.handle("name", () => "client", { output: cbor<string>() });
  pair.server.router.handle("greet", async (session) => `hello ${await session.request("name")}`);
  const answer = await pair.run(pair.client.session.request<Uint8Array>("greet"));
  assert.equal(new TextDecoder().decode(answer), "hello client");
});

testSessions("Requests in parallel each get their own answer, whatever order they end in", {}, async (pair) => {
  pair.server.router.handle("slow.first", async (_session, bytes) => {
    for (let turn = 0; turn < 10 - bytes[0]; turn++) await Promise.resolve();
    return bytes;
  });
  const calls = Array.from(
    { length: 10 },
    (_, n) => pair.client.session.request<Uint8Array>("slow.first", new Uint8Array([n])),
  );
  const answers = await pair.run(Promise.all(calls));
  assert.deepEqual(answers.map((answer) => answer[0]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

testSessions(
  "A handler gets method, metadata and traceparent of the call, and may answer with metadata",
  {},
  async (pair) => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let seen: Call | undefined;
    pair.server.router.handle("meta", (_session, bytes, call) => {
      seen = call;
      call.setMetadata({ served: "yes" });
      return bytes;
    });
    let answered: Metadata | undefined;
    await pair.run(pair.client.session.request("meta", new Uint8Array(0), {
      metadata: { tenant: "a", key: [new Uint8Array([1]), "b"] },
      traceparent,
      onMetadata: (metadata) => answered = metadata,
    }));
    assert.equal(seen?.method, "meta");
    assert.equal(seen?.traceparent, traceparent);
    assert.deepEqual(seen?.metadata, [["tenant", "a"], ["key", new Uint8Array([1])], ["key", "b"]]);
    assert.equal(seen?.deadlineMs, undefined);
    assert.deepEqual(answered, [["served", "yes"]]);
  },
);

testSessions("Bytes given to a handler and to a caller are theirs to keep", {}, async (pair) => {
  const kept: Uint8Array[] = [];
  pair.server.router.handle("keep", (_session, bytes) => (kept.push(bytes), bytes));
  pair.server.router.handle("nested", (_session, { bytes }) => (kept.push(bytes), { bytes }), {
    input: cbor<{ bytes: Uint8Array }>(),
  });
  const raw = await pair.run(pair.client.session.request<Uint8Array>("keep", pattern(50, 1)));
  const nested = await pair.run(
    pair.client.session.request<{ bytes: Uint8Array }>("nested", { bytes: pattern(50, 2) }),
  );
  for (let n = 0; n < 50; n++) await pair.run(pair.client.session.request("keep", pattern(200, n)));
  assert.deepEqual([raw, nested.bytes, kept[0], kept[1]], [
    pattern(50, 1),
    pattern(50, 2),
    pattern(50, 1),
    pattern(50, 2),
  ]);
});

testOverMemory(
  "A payload is read before request returns, even when the call has to wait for room",
  {},
  async (pair) => {
    pair.server.router.handle("sum", (_session, bytes: Uint8Array) => new Uint8Array([bytes[0]!]));
    const payload = new Uint8Array(1_000_000);
    const calls: Promise<Uint8Array>[] = [];
    for (let n = 0; n < 12; n++) {
      payload[0] = n;
      calls.push(pair.client.session.request<Uint8Array>("sum", payload));
    }
    const answers = await pair.run(Promise.all(calls));
    assert.deepEqual(answers.map((answer) => answer[0]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  },
);

testSessions("A failure says whether the handler ran", {}, async (pair) => {
  pair.server.router.handle("fails", () => {
    throw new EchoStreamError("NOT_FOUND", "No such thing", {
      errorName: "NoThing",
      data: { id: 7 },
      metadata: [["hint", "x"]],
    });
  });
  const failure = await pair.run(failureOf(pair.client.session.request("fails")));
  assert.deepEqual(
    [
      failure.code,
      failure.message,
      failure.disposition,
      failure.remote,
      failure.errorName,
      failure.data,
      failure.metadata,
    ],
    ["NOT_FOUND", "No such thing", "processed", true, "NoThing", { id: 7 }, [["hint", "x"]]],
  );
  const unknown = await pair.run(failureOf(pair.client.session.request("nope")));
  assert.deepEqual([unknown.code, unknown.disposition], ["UNIMPLEMENTED", "notProcessed"]);
});

testOverMemory(
  "A handler that rejects with something that is no error is INTERNAL, and logged whole",
  {},
  async (pair) => {
    pair.server.router.handle("odd", () => Promise.reject("a secret"));
    const failure = await pair.run(failureOf(pair.client.session.request("odd")));
    assert.deepEqual([failure.code, failure.message.includes("secret")], ["INTERNAL", false]);
    assert.deepEqual(pair.server.records.map((record) => record.error), ["a secret"]);
  },
);

testOverMemory("A result that cannot travel is INTERNAL, and logged", {}, async (pair) => {
  pair.server.router
    .handle("function", () => ({ call: () => 1 }), { output: cbor<unknown>() })
    .handle("number", () => 1)
    .handle("large", () => new Uint8Array(1_048_577));
  for (
    const [method, code] of [["function", "INTERNAL"], ["number", "INTERNAL"], ["large", "RESOURCE_EXHAUSTED"]] as const
  ) {
    const failure = await pair.run(failureOf(pair.client.session.request(method)));
    assert.deepEqual([method, failure.code, failure.disposition], [method, code, "processed"]);
  }
  assert.equal(pair.server.messages("error").length, 2);
});

testOverMemory("What is wrong with a request is told before anything is sent", {}, async (pair) => {
  const { session } = pair.client;
  const many = Array.from({ length: 65 }, (_, n): [string, string] => [`n${n}`, ""]);
  const cases: [() => Promise<unknown>, string][] = [
    [() => session.request(""), "INVALID_ARGUMENT"],
    [() => session.request("x".repeat(129)), "INVALID_ARGUMENT"],
    [() => session.request("x", { a: () => 1 }), "INVALID_ARGUMENT"],
    [() => session.request("x", new Uint8Array(1_048_577)), "RESOURCE_EXHAUSTED"],
    [() => session.request("x", new Uint8Array(1_048_571)), "RESOURCE_EXHAUSTED"],
    [() => session.request("x", 1, { metadata: many }), "INVALID_ARGUMENT"],
    [() => session.request("x", 1, { metadata: { large: "x".repeat(16_385) } }), "INVALID_ARGUMENT"],
  ];
  for (const [call, code] of cases) {
    await assert.rejects(
      pair.run(call()),
      (error: EchoStreamError) => error.code === code && error.disposition === "notProcessed",
    );
  }
  await assert.rejects(session.request("x", 1, { timeoutMs: 0 }), RangeError);
  await assert.rejects(session.request("x", 1, { timeoutMs: NaN }), RangeError);
  await assert.rejects(session.request("x", 1, { metadata: { "no good": "" } }), { code: "INVALID_ARGUMENT" });
  await assert.rejects(session.request("x", 1, { traceparent: "nonsense" }), TypeError);
  assert.equal(pair.client.connection.stats().sentMessages, 0);
  assert.equal(session.stats.requestsPending, 0);
});

testOverMemory(
  "A synchronous handler is answered in the tick its request arrived in",
  { network: { delayMs: 10 } },
  async (pair) => {
    pair.server.router.handle("now", () => "now", { output: cbor<string>() });
    const startedUs = pair.clock.nowUs();
    await pair.run(pair.client.session.request("now"));
    assert.equal(pair.clock.nowUs() - startedUs, 20_000);
  },
);

testOverMemory("Requests made while 4 MiB wait to leave are sent when there is room, in order", {
  network: { bandwidthBytesPerS: 50_000_000 },
}, async (pair) => {
  const order: number[] = [];
  pair.server.router.handle("take", (_session, bytes: Uint8Array) => (order.push(bytes[0]!), new Uint8Array(0)));
  const calls = Array.from(
    { length: 20 },
    (_, n) => pair.client.session.request("take", new Uint8Array(500_000).fill(n)),
  );
  assert.ok(!pair.client.connection.writable);
  assert.ok(pair.client.connection.outboundBytes < 5 * 1024 * 1024);
  await pair.run(Promise.all(calls));
  assert.equal(order.length, 20);
});
