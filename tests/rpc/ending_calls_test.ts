/**
 * Calls that end before their answer: cancelled, out of time, cut off; and what the other side learns of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { EchoStreamError } from "../../src/protocol/error.ts";
import { encodeCancel, encodeRequest } from "../../src/protocol/message.ts";
import { Writer } from "../../src/protocol/writer.ts";
import type { Call } from "../../src/rpc/handler.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { deferred, failureOf, testOverMemory, testSessions } from "../support/session_pair.ts";

testSessions(
  "A cancelled request rejects at once, and its handler's signal aborts with the reason",
  {},
  async (pair) => {
    const started = deferred<Call>();
    const aborted = deferred<EchoStreamError>();
    pair.server.router.handle("wait", (_session, _bytes, call) => {
      started.resolve(call);
      return new Promise((_resolve, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason)))
        .finally(() => aborted.resolve(call.signal.reason));
    });
    const controller = new AbortController();
    const failing = failureOf(pair.client.session.request("wait", "", { signal: controller.signal }));
    await pair.run(started.promise);
    controller.abort(new Error("enough"));
    const failure = await failing;
    assert.deepEqual([failure.code, failure.disposition, failure.remote], ["CANCELLED", "perhapsProcessed", false]);
    assert.equal((failure.cause as Error).message, "enough");
    assert.equal((await pair.run(aborted.promise)).code, "CANCELLED");
    await pair.until(() => pair.server.session.stats.callsRunning === 0);
    assert.equal(pair.server.messages("error").length, 0);
  },
);

testOverMemory("A request whose signal has aborted already is never sent", {}, async (pair) => {
  const failure = await failureOf(pair.client.session.request("x", "", { signal: AbortSignal.abort() }));
  assert.deepEqual([failure.code, failure.disposition], ["CANCELLED", "notProcessed"]);
  assert.equal(pair.client.session.stats.requestsSent, 0);
});

testOverMemory(
  "An answer that crosses a cancel is ignored, and the session lives",
  { network: { delayMs: 10 } },
  async (pair) => {
    pair.server.router.handle("echo", (_session, bytes) => bytes);
    const controller = new AbortController();
    const failing = failureOf(pair.client.session.request("echo", "", { signal: controller.signal }));
    await pair.clock.advance(15);
    controller.abort();
    assert.equal((await failing).code, "CANCELLED");
    assert.equal((await pair.run(pair.client.session.request<Uint8Array>("echo", "x"))).length, 1);
  },
);

testOverMemory("A cancel that overtakes its request keeps the handler from running", {}, async (pair) => {
  let ran = 0;
  pair.server.router.handle("run", () => void ran++);
  const writer = new Writer();
  encodeCancel(writer, 1_000);
  pair.client.connection.sendMessage(writer.view());
  await pair.clock.advance(100);
  for (const callId of [1_000, 1_001]) {
    encodeRequest(writer.reset(), { callId, method: "run", encoding: 0, payload: new Uint8Array(0) });
    pair.client.connection.sendMessage(writer.view());
  }
  await pair.clock.advance(100);
  assert.deepEqual([ran, pair.server.session.stats.callsReceived], [1, 2]);
});

testOverMemory(
  "A cancelled large request is reset half-way",
  { network: { bandwidthBytesPerS: 1_000_000 } },
  async (pair) => {
    let ran = false;
    pair.server.router.handle("large", () => void (ran = true));
    const controller = new AbortController();
    const failing = failureOf(
      pair.client.session.request("large", new Uint8Array(1_000_000), { signal: controller.signal }),
    );
    await pair.clock.advance(300);
    controller.abort();
    assert.equal((await failing).disposition, "perhapsProcessed");
    await pair.clock.advance(2_000);
    assert.deepEqual([ran, pair.client.connection.outboundBytes, pair.server.connection.inbound.heldBytes], [
      false,
      0,
      0,
    ]);
  },
);

testOverMemory("A request that waits for room and is given up was not processed", {
  network: { bandwidthBytesPerS: 1_000_000 },
}, async (pair) => {
  pair.server.router.handle("take", () => {});
  const fill = Array.from({ length: 5 }, () => pair.client.session.request("take", new Uint8Array(1_000_000)));
  const controller = new AbortController();
  const cancelled = failureOf(pair.client.session.request("take", "", { signal: controller.signal }));
  const late = failureOf(pair.client.session.request("take", "", { timeoutMs: 5 }));
  controller.abort();
  assert.deepEqual([(await cancelled).code, (await cancelled).disposition], ["CANCELLED", "notProcessed"]);
  await pair.clock.advance(5);
  assert.deepEqual([(await late).code, (await late).disposition], ["DEADLINE_EXCEEDED", "notProcessed"]);
  await pair.run(Promise.all(fill));
});

testOverMemory(
  "A deadline ends the call at both ends, each by its own clock",
  { network: { delayMs: 10 } },
  async (pair) => {
    let call!: Call;
    pair.server.router.handle("never", (_session, _bytes, seen) => {
      call = seen;
      return new Promise(() => {});
    });
    const failing = failureOf(pair.client.session.request("never", "", { timeoutMs: 50 }));
    await pair.clock.advance(10);
    assert.equal(call.deadlineMs, 50);
    await pair.clock.advance(30);
    assert.deepEqual([call.deadlineMs, call.signal.aborted], [20, false]);
    await pair.clock.advance(10);
    const failure = await failing;
    assert.deepEqual([failure.code, failure.disposition, failure.remote], [
      "DEADLINE_EXCEEDED",
      "perhapsProcessed",
      false,
    ]);
    await pair.clock.advance(10);
    assert.deepEqual([call.deadlineMs, call.signal.aborted, call.signal.reason.code], [0, true, "DEADLINE_EXCEEDED"]);
    assert.equal(pair.server.session.stats.callsRunning, 1, "a handler that does not listen keeps its slot");
  },
);

testSessions("A deadline of a call that takes too long rejects the request", {}, async (pair) => {
  pair.server.router.handle("never", () => new Promise(() => {}));
  const failure = await pair.run(failureOf(pair.client.session.request("never", "", { timeoutMs: 20 })));
  assert.equal(failure.code, "DEADLINE_EXCEEDED");
});

testOverMemory("A server clamps the deadlines of its callers", { limits: { maxTimeoutMs: 100 } }, async (pair) => {
  const deadlines: (number | undefined)[] = [];
  pair.server.router.handle("left", (_session, _bytes, call) => void deadlines.push(call.deadlineMs));
  pair.server.router.handle("never", () => new Promise(() => {}));
  for (const options of [{}, { timeoutMs: 50 }, { timeoutMs: 5_000 }]) {
    await pair.run(pair.client.session.request("left", "", options));
  }
  assert.deepEqual(deadlines, [100, 50, 100]);
  const failure = await pair.run(failureOf(pair.client.session.request("never")));
  assert.deepEqual([failure.code, failure.remote, failure.disposition], [
    "DEADLINE_EXCEEDED",
    true,
    "perhapsProcessed",
  ]);
});

testSessions(
  "When the connection ends, what was sent was perhaps processed, and handlers are told",
  {},
  async (pair) => {
    const started = deferred<Call>();
    pair.server.router.handle("never", (_session, _bytes, call) => {
      started.resolve(call);
      return new Promise(() => {});
    });
    const failing = failureOf(pair.client.session.request("never"));
    const call = await pair.run(started.promise);
    await pair.run(pair.server.session.close("enough", { graceMs: 0 }));
    const failure = await pair.run(failing);
    assert.deepEqual([failure.code, failure.disposition], ["UNAVAILABLE", "perhapsProcessed"]);
    assert.match(failure.message, /enough/);
    assert.deepEqual([call.signal.aborted, pair.server.session.signal.aborted], [true, true]);
    const later = await failureOf(pair.client.session.request("never"));
    assert.deepEqual([later.code, later.disposition], ["UNAVAILABLE", "notProcessed"]);
  },
);

testOverMemory("When the connection ends, what waits for room was not processed", {
  network: { bandwidthBytesPerS: 1_000_000 },
}, async (pair) => {
  const calls = Array.from(
    { length: 30 },
    () => failureOf(pair.client.session.request("x", new Uint8Array(1_000_000))),
  );
  await pair.clock.advance(10);
  await pair.run(pair.client.session.close("", { graceMs: 0 }));
  const dispositions = (await Promise.all(calls)).map((failure) => failure.disposition);
  assert.deepEqual(new Set(dispositions.slice(0, 4)), new Set(["perhapsProcessed"]));
  assert.deepEqual(new Set(dispositions.slice(-2)), new Set(["notProcessed"]));
});

testOverMemory("A thousand requests cancelled at once do not cost the connection", {
  limits: { maxRunningCalls: 10_000 },
}, async (pair) => {
  pair.server.router.handle(
    "never",
    (_session, _bytes, call) =>
      new Promise((_resolve, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason))),
    {
      input: cbor<unknown>(),
    },
  );
  const controller = new AbortController();
  const calls = Array.from(
    { length: 5_000 },
    () => failureOf(pair.client.session.request("never", 1, { signal: controller.signal })),
  );
  await pair.until(() => pair.server.session.stats.callsRunning === 5_000);
  controller.abort();
  await Promise.all(calls);
  await pair.until(() => pair.server.session.stats.callsRunning === 0);
  assert.equal(pair.client.connection.state, "established");
});

testOverMemory("A handler that goes on after its signal has aborted is named in the log, once", {}, async (pair) => {
  const release = deferred();
  pair.server.router.handle("deaf", () => release.promise);
  pair.server.router.handle("deaf.items", async function* () {
    yield 1;
    await release.promise;
  }, { input: cbor<unknown>() });
  pair.server.router.handle(
    "listens",
    (_session, _bytes, call) =>
      new Promise((_resolve, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason))),
  );
  const { session } = pair.client;
  const failing = ["deaf", "listens"].map((method) => failureOf(session.request(method, "", { timeoutMs: 50 })));
  const items = session.requestStream("deaf.items");
  await pair.run(items.next());
  items.cancel();
  await pair.run(Promise.all(failing));
  await pair.clock.advance(4_900);
  assert.deepEqual(pair.server.messages("warn"), []);
  await pair.clock.advance(200);
  const named = ["deaf.items", "deaf"].map((method) =>
    `Handler of "${method}" still runs 5 s after its signal has aborted`
  );
  assert.deepEqual(pair.server.messages("warn"), named);
  assert.equal(pair.server.session.stats.callsRunning, 2);
  void pair.server.session.close("", { graceMs: 0 });
  await pair.clock.advance(20_000);
  assert.deepEqual(pair.server.messages("warn"), named);
  release.resolve();
  await pair.until(() => pair.server.session.stats.callsRunning === 0);
});

testOverMemory(
  "A handler that has ended is not taken for one that goes on, whatever its caller does then",
  {},
  async (pair) => {
    pair.server.router.handle("items", async function* () {
      yield 1;
    }, { input: cbor<unknown>() });
    const items = pair.client.session.requestStream("items");
    await pair.run(items.next());
    items.cancel();
    await pair.run(pair.client.session.request("$nobody").catch(() => {}));
    await pair.clock.advance(20_000);
    assert.deepEqual(pair.server.messages("warn"), []);
  },
);
