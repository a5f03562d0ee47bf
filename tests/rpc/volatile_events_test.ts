/**
 * Events that travel as datagrams: never waiting, never acknowledged, perhaps lost.
 *
 * @module
 */

import assert from "node:assert/strict";
import { cbor } from "../../src/rpc/schema.ts";
import { deferred, failureOf, testOverMemory, testSessions } from "../support/session_pair.ts";

const VOLATILE = { delivery: "datagram" } as const;

testSessions("Volatile events reach the listeners of their name, beside ordered ones, both ways", {}, async (pair) => {
  for (const [from, to] of [[pair.client, pair.server], [pair.server, pair.client]] as const) {
    const got: unknown[] = [];
    to.listeners.add("n", (_session, n) => void got.push(n), { input: cbor<unknown>() });
    await pair.run(from.session.emit("n", { x: 1 } as never, VOLATILE));
    await pair.until(() => got.length === 1);
    await pair.run(from.session.emit("n", "ordered"));
    await pair.until(() => got.length === 2);
    assert.deepEqual(got, [{ x: 1 }, "ordered"]);
    assert.deepEqual([from.session.stats.volatileEventsSent, to.session.stats.volatileEventsReceived], [1, 1]);
    // They have no number, so that what is resumed and acknowledged does not depend on them.
    assert.deepEqual([from.session.stats.eventsSent, to.session.stats.eventsReceived], [1, 1]);
  }
});

testOverMemory("Volatile events may be lost, and nobody notices", {
  network: { datagramLoss: 0.5, seed: 7 },
}, async (pair) => {
  let got = 0;
  pair.server.listeners.add("n", () => void got++);
  for (let n = 0; n < 200; n++) {
    await pair.run(pair.client.session.emit("n", "", VOLATILE));
    await pair.clock.advance(1);
  }
  assert.ok(got > 60 && got < 140, `${got} of 200 arrived`);
  assert.equal(pair.client.session.stats.eventsUnacked, 0);
});

testSessions("A volatile event larger than a datagram is refused, naming its size", {}, async (pair) => {
  const error = await failureOf(pair.client.session.emit("n", new Uint8Array(60_000), VOLATILE));
  assert.equal(error.code, "RESOURCE_EXHAUSTED");
  assert.match(error.message, /^Event "n" of 60004 bytes does not fit a datagram, which has \d+ on this path$/);
  assert.equal(pair.client.session.stats.volatileEventsSent, 0);
});

testOverMemory("What is wrong with a volatile event is told as of any other", {}, async (pair) => {
  const { session } = pair.client;
  await assert.rejects(session.emit("", "", VOLATILE), { name: "TypeError" });
  await assert.rejects(session.emit("n", (() => {}) as never, VOLATILE), { code: "INVALID_ARGUMENT" });
  await assert.rejects(session.emit("n", "", { delivery: "udp" as never }), {
    name: "TypeError",
    message: 'Delivery is "udp", expected reliable or datagram',
  });
  await pair.run(session.close("", { graceMs: 0 }));
  await assert.rejects(session.emit("n", "", VOLATILE), { code: "UNAVAILABLE" });
});

testOverMemory("Volatile events never wait: not for a session that is shut, nor behind a listener that blocks", {
  shut: true,
}, async (pair) => {
  const gate = deferred();
  let got = 0;
  pair.server.listeners.add("n", () => (got++, gate.promise), { capacity: 3 });
  await pair.run(pair.client.session.emit("n", "", VOLATILE));
  await pair.clock.advance(10);
  pair.client.session.open();
  pair.server.session.open();
  assert.deepEqual([got, pair.server.session.stats.eventsDropped], [0, 1]);
  for (let n = 0; n < 10; n++) await pair.run(pair.client.session.emit("n", "", VOLATILE));
  await pair.clock.advance(10);
  assert.deepEqual([got, pair.server.session.stats.eventsDropped], [1, 1 + 6]);
  gate.resolve();
  await pair.clock.advance(10);
  assert.equal(got, 4);
});

testOverMemory("Volatile events nobody listens to are counted here, and not reported", {}, async (pair) => {
  await pair.run(pair.client.session.emit("nobody", "", VOLATILE));
  await pair.clock.advance(100);
  assert.equal(pair.server.session.stats.eventsIgnored, 1);
  assert.equal(pair.client.session.stats.eventsUnheard, 0);
  assert.deepEqual(pair.client.messages("warn"), []);
});
