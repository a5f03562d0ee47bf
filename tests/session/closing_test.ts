/**
 * How a session ends: in order, within a grace, refused, or for a violation.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { deferred, failureOf, memoryPair, testOverMemory, testSessions } from "../support/session_pair.ts";

testSessions("Session.close with nothing in flight ends both sides with NO_ERROR and the reason", {}, async (pair) => {
  const reason = await pair.run(pair.client.session.close("done here"));
  const atServer = await pair.run(pair.server.session.closed);
  assert.deepEqual([reason.by, reason.codeName], ["local", "NO_ERROR"]);
  assert.deepEqual([atServer.by, atServer.codeName, atServer.reason], ["remote", "NO_ERROR", "done here"]);
});

testOverMemory(
  "Session.close takes one round trip when nothing is in flight",
  { network: { delayMs: 20 } },
  async (pair) => {
    await pair.clock.advance(100);
    const startedUs = pair.clock.nowUs();
    await pair.run(pair.client.session.close());
    assert.ok(pair.clock.nowUs() - startedUs <= 41_000, `${pair.clock.nowUs() - startedUs} us`);
  },
);

testSessions(
  "Session.close lets calls in both directions end, and refuses new ones on both sides",
  {},
  async (pair) => {
    const gate = deferred();
    const running = deferred();
    let ran = 0;
    pair.server.router.handle("hold", async (_session, bytes) => {
      ran++;
      if (ran === 2) running.resolve();
      await gate.promise;
      return bytes;
    });
    pair.client.router.handle("hold", async (_session, bytes) => {
      ran++;
      if (ran === 2) running.resolve();
      await gate.promise;
      return bytes;
    });
    const calls = [pair.client.session.request("hold", "a"), pair.server.session.request("hold", "b")];
    await pair.run(running.promise);
    const closing = pair.server.session.close("maintenance");
    await pair.until(() => pair.server.session.stats.callsRunning === 1);
    const late = await pair.run(failureOf(pair.client.session.request("hold", "late")));
    assert.deepEqual([late.code, late.disposition], ["UNAVAILABLE", "notProcessed"]);
    gate.resolve();
    await pair.run(Promise.all(calls));
    const reason = await pair.run(closing);
    assert.equal(reason.codeName, "NO_ERROR");
    assert.equal(ran, 2);
  },
);

testOverMemory(
  "A call that crosses a GOAWAY is answered as not processed",
  { network: { delayMs: 20 } },
  async (pair) => {
    let ran = 0;
    pair.server.router.handle("run", () => void ran++);
    const closing = pair.server.session.close();
    const crossing = failureOf(pair.client.session.request("run"));
    await pair.run(closing);
    const failure = await pair.run(crossing);
    assert.deepEqual([failure.code, failure.disposition, ran], ["UNAVAILABLE", "notProcessed", 0]);
  },
);

testSessions("Session.close delivers the events and streams that were accepted", {}, async (pair) => {
  const got: number[] = [];
  let frames = 0;
  pair.server.listeners.add("n", async (_session, n) => {
    await Promise.resolve();
    got.push(n);
  }, { raw: false });
  pair.server.streams.handle("s", async (_session, incoming) => {
    for await (const _frame of incoming) frames++;
  });
  for (let n = 0; n < 500; n++) await pair.run(pair.client.session.emit("n", n as never));
  const stream = await pair.run(pair.client.session.createStream("s"));
  for (let n = 0; n < 20; n++) await pair.run(stream.send(new Uint8Array(10_000)));
  const ended = stream.end();
  await pair.run(pair.client.session.close());
  await pair.run(ended);
  assert.deepEqual([got.length, frames], [500, 20]);
});

testOverMemory("Session.close gives up a stream nobody ended, so that it cannot look complete", {}, async (pair) => {
  let outcome = "";
  pair.server.streams.handle("s", async (_session, incoming) => {
    try {
      for await (const _frame of incoming);
      outcome = "complete";
    } catch (error) {
      outcome = (error as EchoStreamError).code;
    }
  });
  const stream = await pair.run(pair.client.session.createStream("s"));
  await pair.run(stream.send("x"));
  await pair.clock.advance(1);
  await pair.run(pair.client.session.close());
  await pair.clock.advance(1);
  assert.equal(outcome, "CANCELLED");
});

testOverMemory("Session.close waits for the peer's streams only when told to", {}, async (pair) => {
  let frames = 0;
  pair.server.streams.handle("s", async (_session, incoming) => {
    for await (const _frame of incoming) frames++;
  });
  const stream = await pair.run(pair.client.session.createStream("s"));
  await pair.run(stream.send("x"));
  await pair.clock.advance(1);
  const closing = pair.server.session.close("", { awaitStreams: true, graceMs: 1_000 });
  await pair.clock.advance(500);
  await pair.run(stream.send("y"));
  await pair.run(stream.end());
  assert.equal(frames, 2);
  assert.equal((await pair.run(closing)).by, "local");
});

testOverMemory("Session.close cuts what outlasts the grace", { network: { delayMs: 10 } }, async (pair) => {
  pair.server.router.handle("never", () => new Promise(() => {}));
  const failing = failureOf(pair.client.session.request("never"));
  await pair.clock.advance(50);
  const startedUs = pair.clock.nowUs();
  await pair.run(pair.server.session.close("time is up", { graceMs: 300 }));
  assert.equal(pair.clock.nowUs() - startedUs, 300_000);
  const failure = await pair.run(failing);
  assert.deepEqual([failure.code, failure.disposition], ["UNAVAILABLE", "perhapsProcessed"]);
  assert.match(failure.message, /time is up/);
});

testOverMemory("Session.close called again with a shorter grace ends sooner", {}, async (pair) => {
  pair.server.router.handle("never", () => new Promise(() => {}));
  void pair.client.session.request("never").catch(() => {});
  await pair.clock.advance(10);
  const startedUs = pair.clock.nowUs();
  const first = pair.server.session.close("", { graceMs: 10_000 });
  const second = pair.server.session.close("", { graceMs: 100 });
  assert.equal(await pair.run(first), await pair.run(second));
  assert.equal(pair.clock.nowUs() - startedUs, 100_000);
});

testSessions("Both sides may close at the same time", {}, async (pair) => {
  const reasons = await pair.run(Promise.all([pair.client.session.close("a"), pair.server.session.close("b")]));
  assert.deepEqual(reasons.map((reason) => reason.codeName), ["NO_ERROR", "NO_ERROR"]);
});

testSessions("A call that is answered while both sides close is not lost", {}, async (pair) => {
  const gate = deferred();
  pair.server.router.handle("hold", async (_session, bytes) => {
    await gate.promise;
    return bytes;
  });
  const call = pair.client.session.request<Uint8Array>("hold", "x");
  await pair.until(() => pair.server.session.stats.callsRunning === 1);
  const closing = Promise.all([pair.client.session.close(), pair.server.session.close()]);
  gate.resolve();
  assert.equal((await pair.run(call)).length, 1);
  await pair.run(closing);
});

testSessions("A handler may still use its session while that is closing", {}, async (pair) => {
  const gate = deferred();
  const events: string[] = [];
  pair.client.listeners.add("progress", (_session, text) => void events.push(text), { raw: false });
  pair.server.router.handle("work", async (session) => {
    await gate.promise;
    await session.emit("progress", "half");
    return "done";
  });
  const call = pair.client.session.request<Uint8Array>("work");
  await pair.until(() => pair.server.session.stats.callsRunning === 1);
  const closing = pair.server.session.close();
  gate.resolve();
  assert.equal(new TextDecoder().decode(await pair.run(call)), "done");
  await pair.run(closing);
  assert.deepEqual(events, ["half"]);
});

testSessions(
  "A refused peer gets the code and message, and what it asked for was not processed",
  { shut: true },
  async (pair) => {
    let ran = 0;
    pair.server.router.handle("run", () => void ran++);
    pair.client.session.open();
    const failing = failureOf(pair.client.session.request("run"));
    await pair.until(() => pair.server.session.stats.callsReceived === 1);
    await pair.run(pair.server.session.refuse(new EchoStreamError("PERMISSION_DENIED", "Not on the list")));
    const reason = await pair.run(pair.client.session.closed);
    assert.deepEqual([reason.codeName, reason.reason], ["REFUSED", "PERMISSION_DENIED: Not on the list"]);
    const failure = await failing;
    assert.deepEqual([failure.code, failure.disposition, ran], ["PERMISSION_DENIED", "notProcessed", 0]);
  },
);

testOverMemory("A session that is shut keeps no more calls than may wait", {
  shut: true,
  limits: { maxRunningCalls: 3 },
}, async (pair) => {
  pair.server.router.handle("run", () => "ran");
  pair.client.session.open();
  const outcomes = Array.from(
    { length: 5 },
    () => pair.client.session.request("run").then(() => "ran", (error) => error.code),
  );
  await pair.clock.advance(10);
  pair.server.session.open();
  assert.deepEqual(await pair.run(Promise.all(outcomes)), [
    "ran",
    "ran",
    "ran",
    "RESOURCE_EXHAUSTED",
    "RESOURCE_EXHAUSTED",
  ]);
});

test("Ended sessions leave no timer behind", async () => {
  const pair = await memoryPair();
  pair.server.router.handle("echo", (_session, bytes) => bytes);
  pair.server.listeners.add("e", () => {});
  await pair.run(pair.client.session.request("echo", "x", { timeoutMs: 60_000 }));
  await pair.run(pair.client.session.emit("e", "x"));
  await pair.run(pair.client.session.close());
  await pair.run(pair.server.session.closed);
  assert.deepEqual([pair.client.connection.timers.size, pair.server.connection.timers.size], [0, 0]);
});
