/**
 * Ordered events between two sessions: order, back-pressure, acknowledgement, and what happens to events nobody takes.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import type { StandardSchemaV1 } from "../../src/rpc/schema.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { pattern } from "../support/connection_pair.ts";
import { deferred, testOverMemory, testSessions } from "../support/session_pair.ts";

testSessions("Session.emit delivers events in order, both ways, from nothing to a mebibyte", {}, async (pair) => {
  for (const [from, to] of [[pair.client, pair.server], [pair.server, pair.client]] as const) {
    const got: Uint8Array[] = [];
    to.listeners.add("bytes", (_session, bytes) => void got.push(bytes));
    const sizes = [0, 1, 64, 5_000, 300_000, 1_048_000, 3];
    for (const size of sizes) await pair.run(from.session.emit("bytes", pattern(size, size)));
    await pair.until(() => got.length === sizes.length);
    for (const [n, size] of sizes.entries()) assert.deepEqual(got[n], pattern(size, size));
    await pair.until(() => from.session.stats.eventsUnacked === 0);
    assert.deepEqual([from.session.stats.eventsSent, to.session.stats.eventsReceived], [7, 7]);
  }
});

testSessions("Ten thousand events that nobody waits for arrive in order", {}, async (pair) => {
  const got: number[] = [];
  pair.server.listeners.add("n", (_session, n) => void got.push(n), { input: cbor<number>() });
  const sent: Promise<void>[] = [];
  for (let n = 0; n < 10_000; n++) sent.push(pair.client.session.emit("n", n as never));
  await pair.run(Promise.all(sent));
  await pair.until(() => got.length === 10_000);
  assert.ok(got.every((n, index) => n === index));
});

testOverMemory("Text travels as text to whoever takes values, as UTF-8 to whoever takes bytes", {}, async (pair) => {
  const got: unknown[] = [];
  pair.server.listeners.add("text", (_session, value) => void got.push(value), { raw: false });
  pair.server.listeners.add("text", (_session, bytes) => void got.push(bytes));
  await pair.run(pair.client.session.emit("text", "hé"));
  await pair.until(() => got.length === 2);
  assert.deepEqual(got, ["hé", new Uint8Array([104, 195, 169])]);
});

testOverMemory(
  "Events of one name wait for a listener that takes its time, those of others do not",
  {},
  async (pair) => {
    const order: string[] = [];
    const gate = deferred();
    pair.server.listeners.add("slow", async (_session, text) => {
      order.push(`${text} begins`);
      await gate.promise;
      order.push(`${text} ends`);
    }, { raw: false });
    pair.server.listeners.add("fast", (_session, text) => void order.push(text), { raw: false });
    for (const [name, text] of [["slow", "a"], ["slow", "b"], ["fast", "c"]] as const) {
      await pair.run(pair.client.session.emit(name, text));
    }
    await pair.clock.advance(100);
    assert.deepEqual(order, ["a begins", "c"]);
    assert.equal(pair.client.session.stats.eventsUnacked, 3, "acknowledgement is in order");
    gate.resolve();
    await pair.clock.advance(100);
    assert.deepEqual(order, ["a begins", "c", "a ends", "b begins", "b ends"]);
    assert.equal(pair.client.session.stats.eventsUnacked, 0);
  },
);

testOverMemory("A listener that takes nothing holds its sender back, and memory stays bounded", {
  limits: { maxUnackedEvents: 100_000, maxWaitingEventBytes: 16 * 1024 * 1024 },
}, async (pair) => {
  const gate = deferred();
  let taken = 0;
  pair.server.listeners.add("block", () => (taken++, gate.promise));
  let accepted = 0;
  const sent = Array.from(
    { length: 10_000 },
    () => pair.client.session.emit("block", new Uint8Array(1_000)).then(() => void accepted++),
  );
  await pair.clock.advance(1_000);
  // 256 KiB held by the receiver, up to 4 MiB in the window of the QUIC stream, 256 KiB in front of it.
  assert.ok(accepted < 5_000, `${accepted} events were accepted`);
  assert.ok(pair.client.connection.outboundBytes < 300_000);
  assert.equal(taken, 1);
  gate.resolve();
  await pair.run(Promise.all(sent));
  await pair.until(() => taken === 10_000);
  await pair.until(() => pair.client.session.stats.eventsUnacked === 0);
});

testOverMemory(
  "Events sent without waiting to a peer that takes none are refused once too many wait, and the log says so",
  {
    limits: { maxUnackedEvents: 1, maxWaitingEventBytes: 100_000 },
  },
  async (pair) => {
    const gate = deferred();
    const taken: number[] = [];
    pair.server.listeners.add("block", (_session, bytes) => (taken.push((bytes as Uint8Array)[0]!), gate.promise));
    const ends = await Promise.all(Array.from({ length: 200 }, async (_, n) => {
      const sent = pair.client.session.emit("block", new Uint8Array(1_000).fill(n)).then(
        () => "sent",
        (error) => error.code,
      );
      // Those that wait for good, as the listener never ends, are neither.
      return { n, end: await Promise.race([sent, pair.clock.advance(10).then(() => "waits")]) };
    }));
    const those = (what: string): number[] => ends.filter(({ end }) => end === what).map(({ n }) => n);
    assert.deepEqual(those("sent"), [0]);
    // Each costs 256 bytes more than its payload.
    assert.equal(those("waits").length, Math.floor(100_000 / 1_256));
    assert.deepEqual(those("RESOURCE_EXHAUSTED").length, 200 - 1 - 79);
    assert.match(pair.client.messages("warn").join(), /^Event "block" is lost: .*await emit\(\)$/);
    gate.resolve();
    await pair.until(() => taken.length === 80);
    assert.deepEqual(taken, Array.from({ length: 80 }, (_, n) => n), "none of those accepted is lost");
  },
);

testOverMemory(
  "emit waits while too many events are unacknowledged",
  { limits: { maxUnackedEvents: 10 } },
  async (pair) => {
    const gate = deferred();
    pair.server.listeners.add("hold", () => gate.promise);
    let accepted = 0;
    const sent = Array.from({ length: 25 }, () => pair.client.session.emit("hold", "x").then(() => void accepted++));
    await pair.clock.advance(100);
    assert.equal(accepted, 10);
    gate.resolve();
    await pair.run(Promise.all(sent));
    assert.equal(accepted, 25);
  },
);

testOverMemory("An event larger than what may be held arrives when nothing else is held", {
  limits: { maxHeldEventBytes: 1_000 },
}, async (pair) => {
  const sizes: number[] = [];
  pair.server.listeners.add("size", async (_session, bytes) => {
    await Promise.resolve();
    sizes.push(bytes.length);
  });
  for (const size of [10, 500_000, 20, 900_000]) await pair.run(pair.client.session.emit("size", new Uint8Array(size)));
  await pair.until(() => sizes.length === 4);
  assert.deepEqual(sizes, [10, 500_000, 20, 900_000]);
});

testOverMemory(
  "A listener that fails is logged, and the others and later events are not disturbed",
  {},
  async (pair) => {
    const got: string[] = [];
    pair.server.listeners.add("e", () => {
      throw new Error("sync");
    });
    pair.server.listeners.add("e", () => Promise.reject(new Error("async")));
    pair.server.listeners.add("e", (_session, text) => void got.push(text), { raw: false });
    await pair.run(pair.client.session.emit("e", "1"));
    await pair.run(pair.client.session.emit("e", "2"));
    await pair.until(() => got.length === 2);
    assert.deepEqual(pair.server.records.map((record) => (record.error as Error).message).sort(), [
      "async",
      "async",
      "sync",
      "sync",
    ]);
    await pair.until(() => pair.client.session.stats.eventsUnacked === 0);
  },
);

testOverMemory("An event that does not match its listener's schema is logged and dropped", {}, async (pair) => {
  const positive: StandardSchemaV1<number> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => Number(value) > 0 ? { value: value as number } : { issues: [{ message: "not positive" }] },
    },
  };
  const got: number[] = [];
  pair.server.listeners.add("n", (_session, n) => void got.push(n), { input: positive });
  for (const n of [1, -1, 2]) await pair.run(pair.client.session.emit("n", n as never));
  await pair.until(() => pair.client.session.stats.eventsUnacked === 0);
  assert.deepEqual(got, [1, 2]);
  assert.match(String(pair.server.records[0]?.error), /not positive/);
  // The sender's own schema refuses before anything is sent.
  pair.client.pushes.set("n", positive);
  await assert.rejects(pair.client.session.emit("n", -1 as never), { code: "INVALID_ARGUMENT" });
  assert.equal(pair.client.session.stats.eventsSent, 3);
});

testSessions(
  "Events nobody listens to are counted at both ends, and logged once a name at the sender",
  {},
  async (pair) => {
    for (const name of ["a", "b", "a", "a"]) await pair.run(pair.client.session.emit(name, ""));
    await pair.until(() => pair.client.session.stats.eventsUnheard === 4);
    assert.equal(pair.server.session.stats.eventsIgnored, 4);
    assert.deepEqual(pair.client.messages("warn"), [
      'Nobody at the peer listens to event "a"',
      'Nobody at the peer listens to event "b"',
    ]);
  },
);

testOverMemory("Listeners come and go", {}, async (pair) => {
  const got: string[] = [];
  const remove = pair.server.listeners.add("e", (_session, text) => void got.push(text), { raw: false });
  await pair.run(pair.client.session.emit("e", "heard"));
  await pair.clock.advance(1);
  remove();
  remove();
  await pair.run(pair.client.session.emit("e", "not heard"));
  await pair.clock.advance(100);
  assert.deepEqual([got, pair.client.session.stats.eventsUnheard], [["heard"], 1]);
});

testOverMemory("What is wrong with an event is told before anything is sent", {}, async (pair) => {
  const { session } = pair.client;
  await assert.rejects(session.emit("", ""), { code: "INVALID_ARGUMENT" });
  await assert.rejects(session.emit("x", (() => {}) as never), { code: "INVALID_ARGUMENT" });
  await assert.rejects(session.emit("x", new Uint8Array(1_048_577)), { code: "RESOURCE_EXHAUSTED" });
  assert.equal(session.stats.eventsSent, 0);
});

testOverMemory(
  "Events that wait for flow control fail when the connection ends",
  { limits: { maxUnackedEvents: 1 } },
  async (pair) => {
    pair.server.listeners.add("hold", () => new Promise(() => {}));
    await pair.run(pair.client.session.emit("hold", ""));
    const waiting = pair.client.session.emit("hold", "").catch((error) => error.code);
    await pair.run(pair.server.session.close("", { graceMs: 0 }));
    assert.equal(await pair.run(waiting), "UNAVAILABLE");
    await assert.rejects(pair.client.session.emit("hold", ""), { code: "UNAVAILABLE" });
  },
);

testOverMemory("A program that does not wait for its events and frames does not end with its peer", {
  limits: { maxUnackedEvents: 1 },
}, async (pair) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  pair.server.listeners.add("hold", () => new Promise(() => {}));
  pair.server.streams.handle("hold", () => new Promise(() => {}));
  const { session } = pair.client;
  const stream = await pair.run(session.createStream("hold"));
  for (let n = 0; n < 10; n++) {
    void session.emit("hold", "");
    void stream.send(new Uint8Array(1_000_000));
  }
  await pair.clock.advance(100);
  await pair.run(pair.server.session.close("", { graceMs: 0 }));
  await pair.run(session.closed);
  void session.emit("hold", "");
  void stream.send("");
  await pair.clock.advance(100);
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled, []);
});

testOverMemory(
  "A session that is shut keeps events until it opens, and calls as well",
  { shut: true },
  async (pair) => {
    const got: string[] = [];
    pair.server.listeners.add("e", (_session, text) => void got.push(text), { raw: false });
    pair.server.router.handle("call", () => void got.push("call"));
    pair.server.streams.handle("stream", async (_session, incoming) => {
      got.push("stream");
      for await (const frame of incoming) got.push(`frame ${frame.sequence}`);
    });
    pair.client.session.open();
    const calling = pair.client.session.request("call");
    await pair.run(pair.client.session.emit("e", "1"));
    await pair.run(pair.client.session.emit("e", "2"));
    const stream = await pair.run(pair.client.session.createStream("stream"));
    await pair.run(stream.send("x"));
    const ended = stream.end();
    await pair.clock.advance(1_000);
    assert.deepEqual(got, []);
    pair.server.session.open();
    await pair.run(Promise.all([calling, ended]));
    assert.deepEqual(got.sort(), ["1", "2", "call", "frame 0", "stream"]);
  },
);
