/**
 * The limits of calls (docs/security.md), each crossed.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { EchoStreamError } from "../../src/protocol/error.ts";
import { encodeCancel, encodeRequest } from "../../src/protocol/message.ts";
import { Writer } from "../../src/protocol/writer.ts";
import { deferred, testOverMemory } from "../support/session_pair.ts";

testOverMemory(
  "Handlers over the limit wait, those over that of waiting are refused, and a slot is free when its handler ends",
  {
    limits: { maxRunningCalls: 2 },
  },
  async (pair) => {
    const gates: (() => void)[] = [];
    pair.server.router.handle("hold", () => new Promise<void>((resolve) => void gates.push(resolve)));
    const outcomes: string[] = [];
    const calls = Array.from({ length: 5 }, (_, n) =>
      pair.client.session.request("hold").then(
        () => void outcomes.push(`${n} ended`),
        (error: EchoStreamError) => void outcomes.push(`${n} ${error.code} ${error.disposition}`),
      ));
    await pair.clock.advance(10);
    assert.deepEqual(outcomes, ["4 RESOURCE_EXHAUSTED notProcessed"]);
    assert.deepEqual([gates.length, pair.server.session.stats.callsRunning, pair.server.session.stats.callsRefused], [
      2,
      2,
      1,
    ]);
    gates[0]!();
    await pair.clock.advance(10);
    assert.deepEqual([gates.length, pair.server.session.stats.callsRunning], [3, 2]);
    gates[1]!();
    gates[2]!();
    await pair.clock.advance(10);
    gates[3]!();
    await pair.run(Promise.all(calls));
    assert.equal(outcomes.length, 5);
  },
);

testOverMemory("A caller that cancels does not free the slot of a handler that goes on", {
  limits: { maxRunningCalls: 1 },
}, async (pair) => {
  const gate = deferred();
  let ran = 0;
  pair.server.router.handle("hold", () => (ran++, gate.promise));
  const controller = new AbortController();
  const cancelled = pair.client.session.request("hold", "", { signal: controller.signal }).catch(() => {});
  await pair.clock.advance(10);
  controller.abort();
  await cancelled;
  const waiting = pair.client.session.request("hold");
  await pair.clock.advance(1_000);
  assert.equal(ran, 1);
  gate.resolve();
  await pair.run(waiting);
  assert.equal(ran, 2);
});

testOverMemory(
  "A waiting call that is cancelled or runs out of time never runs",
  { limits: { maxRunningCalls: 2 } },
  async (pair) => {
    let ran = 0;
    const gate = deferred();
    pair.server.router.handle("hold", () => (ran++, gate.promise));
    const running = [pair.client.session.request("hold"), pair.client.session.request("hold")];
    const controller = new AbortController();
    const waiting = [
      pair.client.session.request("hold", "", { signal: controller.signal }).catch((error) => error.code),
      pair.client.session.request("hold", "", { timeoutMs: 50 }).catch((error) => error.code),
    ];
    await pair.clock.advance(10);
    controller.abort();
    assert.deepEqual(await pair.run(Promise.all(waiting)), ["CANCELLED", "DEADLINE_EXCEEDED"]);
    await pair.clock.advance(10);
    gate.resolve();
    await pair.run(Promise.all(running));
    await pair.clock.advance(100);
    assert.deepEqual([ran, pair.server.admission.waiting, pair.server.admission.running], [2, 0, 0]);
  },
);

testOverMemory("Cancels above 1,000 a second with a burst of 2,000 cost the connection", {}, async (pair) => {
  const writer = new Writer();
  const sendCancels = (first: number, count: number): void => {
    for (let callId = first; callId < first + count; callId++) {
      encodeCancel(writer.reset(), callId);
      pair.client.connection.sendMessage(writer.view());
    }
  };
  sendCancels(0, 2_000);
  await pair.clock.advance(500);
  sendCancels(2_000, 500);
  await pair.clock.advance(1);
  assert.equal(pair.client.connection.state, "established");
  sendCancels(2_500, 10);
  const reason = await pair.run(pair.client.session.closed);
  assert.deepEqual([reason.by, reason.codeName], ["remote", "LIMIT_EXCEEDED"]);
});

testOverMemory("A message over the limit of its receiver is refused, and the connection lives", {
  limits: { maxMessageBytes: 10_000 },
}, async (pair) => {
  pair.server.router.handle("size", (_session, bytes: Uint8Array) => String(bytes.length));
  const writer = new Writer();
  encodeRequest(writer, { callId: 77, method: "size", encoding: 0, payload: new Uint8Array(2_000_000) });
  pair.client.connection.sendMessage(writer.view());
  await pair.clock.advance(100);
  assert.equal(pair.server.session.stats.callsRefused, 1);
  assert.equal((await pair.run(pair.client.session.request<Uint8Array>("size", new Uint8Array(9_000)))).length, 4);
});

testOverMemory("A call id used twice while the first runs is a violation", {}, async (pair) => {
  pair.server.router.handle("never", () => new Promise(() => {}));
  const writer = new Writer();
  encodeRequest(writer, { callId: 5, method: "never", encoding: 0, payload: new Uint8Array(0) });
  pair.client.connection.sendMessage(writer.view());
  pair.client.connection.sendMessage(writer.view());
  const reason = await pair.run(pair.client.session.closed);
  assert.deepEqual([reason.by, reason.codeName], ["remote", "PROTOCOL_VIOLATION"]);
});

testOverMemory("Handlers are started no faster than their answers leave", {
  network: { bandwidthBytesPerS: 10_000_000 },
}, async (pair) => {
  let ran = 0;
  const answer = new Uint8Array(100_000);
  pair.server.router.handle("large", () => (ran++, answer));
  const calls = Array.from({ length: 200 }, () => pair.client.session.request("large"));
  await pair.clock.advance(50);
  assert.ok(
    pair.server.connection.outboundBytes < 5 * 1024 * 1024,
    `${pair.server.connection.outboundBytes} bytes are queued`,
  );
  assert.ok(ran < 60, `${ran} handlers ran`);
  await pair.run(Promise.all(calls));
  assert.equal(ran, 200);
});
