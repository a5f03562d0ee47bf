/**
 * Listeners and iterators that do not keep up, with each overflow policy: who waits, what is dropped, and that memory is bounded.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Overflow } from "../../src/rpc/event_queue.ts";
import { deferred, type SessionPair, testOverMemory, testSessions } from "../support/session_pair.ts";

const CAPACITY = 8;

/** A listener at the server that is busy until told otherwise. */
function slowListener(pair: SessionPair, overflow: Overflow, capacity = CAPACITY) {
  const gate = deferred();
  const got: string[] = [];
  const drops: number[] = [];
  const remove = pair.server.listeners.add("e", (_session, text) => (got.push(text), gate.promise), {
    raw: false,
    capacity,
    overflow,
    onDropped: (dropped) => void drops.push(dropped),
  });
  return { gate, got, drops, remove };
}

async function emitNumbers(pair: SessionPair, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await pair.run(pair.client.session.emit("e", String(n)));
}

testSessions(
  "Slow consumer, dropOldest: the listener gets the latest events, and the sender goes on",
  {},
  async (pair) => {
    const { gate, got, drops } = slowListener(pair, "dropOldest");
    await emitNumbers(pair, 1_000);
    await pair.until(() => pair.client.session.stats.eventsUnacked === 0);
    assert.equal(pair.server.session.stats.eventsDropped, 1_000 - 1 - CAPACITY);
    assert.deepEqual([drops.length, drops.at(-1)], [991, 991]);
    gate.resolve();
    await pair.until(() => got.length === 1 + CAPACITY);
    assert.deepEqual(got, ["0", "992", "993", "994", "995", "996", "997", "998", "999"]);
    assert.deepEqual(pair.server.messages("warn"), ['Listener of event "e" does not keep up, events are dropped']);
  },
);

testSessions(
  "Slow consumer, dropNewest: the listener gets the first events, and the sender goes on",
  {},
  async (pair) => {
    const { gate, got, drops } = slowListener(pair, "dropNewest");
    await emitNumbers(pair, 1_000);
    await pair.until(() => pair.client.session.stats.eventsUnacked === 0);
    assert.deepEqual([pair.server.session.stats.eventsDropped, drops.length], [991, 991]);
    gate.resolve();
    await pair.until(() => got.length === 1 + CAPACITY);
    assert.deepEqual(got, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
  },
);

testSessions("Slow consumer, close: the session ends with TOO_SLOW at both ends", {}, async (pair) => {
  const { got } = slowListener(pair, "close");
  for (let n = 0; n < 1_000; n++) void pair.client.session.emit("e", String(n));
  const reason = await pair.run(pair.server.session.closed);
  assert.deepEqual([reason.by, reason.codeName, reason.reason], [
    "local",
    "TOO_SLOW",
    'Listener of event "e" does not keep up',
  ]);
  assert.equal((await pair.run(pair.client.session.closed)).codeName, "TOO_SLOW");
  assert.deepEqual([got, pair.server.session.stats.eventsDropped], [["0"], 0]);
});

testSessions("Slow consumer, block: the sender waits, and every event arrives in order", {
  limits: { maxUnackedEvents: 20 },
}, async (pair) => {
  const { gate, got } = slowListener(pair, "block");
  let accepted = 0;
  const sent = Array.from(
    { length: 100 },
    (_, n) => pair.client.session.emit("e", String(n)).then(() => void accepted++),
  );
  // One is with the listener and eight wait, all of them taken; twenty more may be on their way.
  const most = 1 + CAPACITY + 20;
  await pair.until(() => accepted === most && pair.server.session.stats.eventsReceived === most);
  assert.deepEqual([pair.client.session.stats.eventsUnacked, got], [20, ["0"]]);
  gate.resolve();
  await pair.run(Promise.all(sent));
  await pair.until(() => got.length === 100);
  assert.deepEqual(got, Array.from({ length: 100 }, (_, n) => String(n)));
  assert.equal(pair.server.session.stats.eventsDropped, 0);
});

for (const overflow of ["dropOldest", "dropNewest", "block"] as const) {
  testOverMemory(`Slow consumer, ${overflow}: what waits is bounded in bytes, however large the capacity`, {
    limits: { maxUnackedEvents: 1_000_000, maxWaitingEventBytes: 64 * 1024 * 1024 },
  }, async (pair) => {
    const { gate, got } = slowListener(pair, overflow, 1_000_000);
    let accepted = 0;
    const sent = Array.from(
      { length: 2_000 },
      (_, n) => pair.client.session.emit("e", String(n).padStart(10_000)).then(() => void accepted++),
    );
    await pair.clock.advance(1_000);
    const { eventsReceived, eventsDropped } = pair.server.session.stats;
    const held = eventsReceived - eventsDropped;
    // 25 events of 10 KB are 256 KiB in the queue. Where the sender is held back, as many again arrived and wait for it, and what was
    // in the air when the window closed: the first credit of a stream.
    const most = overflow === "block" ? 2 * 25 + 3 : 1 + 25;
    assert.ok(held <= most, `${held} events are held`);
    if (overflow === "block") assert.ok(accepted < 500, `${accepted} were accepted`);
    gate.resolve();
    await pair.run(Promise.all(sent));
    await pair.until(() => got.length === (overflow === "block" ? 2_000 : held));
  });
}

testOverMemory("Events of other names pass a listener that blocks, until what it holds fills the window", {
  limits: { maxHeldEventBytes: 16 * 1024 },
}, async (pair) => {
  const { gate } = slowListener(pair, "block");
  const fast: string[] = [];
  pair.server.listeners.add("fast", (_session, text) => void fast.push(text), { raw: false });
  await emitNumbers(pair, 20);
  await pair.run(pair.client.session.emit("fast", "passes"));
  await pair.clock.advance(100);
  assert.deepEqual(fast, ["passes"]);
  const sent = Array.from({ length: 100 }, () => pair.client.session.emit("e", "".padStart(10_000)));
  sent.push(pair.client.session.emit("fast", "waits"));
  await pair.clock.advance(1_000);
  assert.deepEqual(fast, ["passes"]);
  gate.resolve();
  await pair.run(Promise.all(sent));
  await pair.until(() => fast.length === 2);
});

testOverMemory("Two listeners of one event do not wait for each other, each has its own policy", {}, async (pair) => {
  const { gate, got } = slowListener(pair, "dropOldest", 1);
  const all: string[] = [];
  pair.server.listeners.add("e", async (_session, text) => {
    await Promise.resolve();
    all.push(text);
  }, { raw: false });
  await emitNumbers(pair, 50);
  await pair.until(() => all.length === 50);
  gate.resolve();
  await pair.until(() => got.length === 2);
  assert.deepEqual(got, ["0", "49"]);
});

testOverMemory("A listener that is taken away gets none of what waits for it", {}, async (pair) => {
  const { gate, got, remove } = slowListener(pair, "block");
  await emitNumbers(pair, 30);
  await pair.clock.advance(100);
  remove();
  gate.resolve();
  await pair.until(() => pair.client.session.stats.eventsUnacked === 0);
  assert.deepEqual(got, ["0"]);
});

testOverMemory("onDropped that throws is logged and disturbs nobody", {}, async (pair) => {
  pair.server.listeners.add("e", () => new Promise(() => {}), {
    capacity: 1,
    overflow: "dropNewest",
    onDropped: () => {
      throw new Error("from onDropped");
    },
  });
  await emitNumbers(pair, 4);
  await pair.until(() => pair.client.session.stats.eventsUnacked === 0);
  assert.equal(pair.server.session.stats.eventsDropped, 2);
  assert.deepEqual(pair.server.records.filter(({ error }) => error !== undefined).map(({ error }) => String(error)), [
    "Error: from onDropped",
    "Error: from onDropped",
  ]);
});
