/**
 * How streaming calls between two sessions end: by an error, by either side, by a deadline, with their session.
 *
 * @module
 */

import assert from "node:assert/strict";
import { EchoStreamError } from "../../src/protocol/error.ts";
import type { Call } from "../../src/rpc/handler.ts";
import type { ItemStream } from "../../src/rpc/item_queue.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { collect } from "../support/collect.ts";
import { pattern } from "../support/connection_pair.ts";
import { deferred, failureOf, testSessions } from "../support/session_pair.ts";

const VALUES = { input: cbor<unknown>() };

testSessions("What was yielded before a generator threw arrives, then the error", {}, async (pair) => {
  pair.server.router.handle("fails", async function* () {
    yield 1;
    yield 2;
    throw new EchoStreamError("OUT_OF_RANGE", "No third", { data: { at: 3 } });
  }, VALUES);
  const items: unknown[] = [];
  const error = await failureOf(pair.run((async () => {
    for await (const item of pair.client.session.requestStream("fails")) items.push(item);
  })()));
  assert.deepEqual(items, [1, 2]);
  assert.equal(error.code, "OUT_OF_RANGE");
  assert.equal(error.message, "No third");
  assert.deepEqual(error.data, { at: 3 });
  assert.equal(error.remote, true);
  assert.deepEqual(pair.server.messages("error"), []);
});

testSessions("Leaving the loop runs the generator's finally, whose yields nobody gets", {}, async (pair) => {
  const ended = deferred<string>();
  pair.server.router.handle("ticks", async function* (_session, _payload, call: Call) {
    try {
      for (let n = 0;; n++) yield n;
    } finally {
      ended.resolve((call.signal.reason as EchoStreamError).code);
    }
  }, VALUES);
  await pair.run((async () => {
    for await (const n of pair.client.session.requestStream("ticks")) if (n === 3) break;
  })());
  assert.equal(await pair.run(ended.promise), "CANCELLED");
  await pair.until(() => pair.server.session.stats.callsRunning === 0);
  assert.equal(pair.client.session.stats.requestsPending, 0);
});

testSessions(
  "Cancelling reaches a generator that is parked in an await, and nothing is left unhandled",
  {},
  async (pair) => {
    const parked = deferred();
    const ended = deferred();
    pair.server.router.handle("waits", async function* (_session, _payload, call: Call) {
      try {
        yield 1;
        await new Promise((_, reject) => {
          call.signal.addEventListener("abort", () => reject(call.signal.reason));
          parked.resolve();
        });
      } finally {
        ended.resolve();
      }
    }, VALUES);
    const controller = new AbortController();
    const stream = pair.client.session.requestStream("waits", undefined, { signal: controller.signal });
    await pair.run(stream.next());
    await pair.run(parked.promise);
    controller.abort(new Error("enough"));
    const error = await failureOf(pair.run(stream.next()));
    assert.equal(error.code, "CANCELLED");
    assert.equal((error.cause as Error).message, "enough");
    await pair.run(ended.promise);
    await pair.until(() => pair.server.session.stats.callsRunning === 0);
    assert.deepEqual(pair.server.messages("error"), []);
  },
);

testSessions("A cancelled upload is never taken for a finished one", {}, async (pair) => {
  const begun = deferred();
  const outcome = deferred<unknown>();
  pair.server.router.handle("upload", async (_session, items: ItemStream<Uint8Array>) => {
    try {
      for await (const _ of items) begun.resolve();
      outcome.resolve("finished");
    } catch (error) {
      outcome.resolve((error as EchoStreamError).code);
      throw error;
    }
  }, { channel: true });
  const channel = pair.client.session.requestChannel("upload");
  for (let n = 0; n < 3; n++) await pair.run(channel.send(pattern(10_000)));
  // A reset overtakes what was not read yet, and then the handler never learns of the call.
  await pair.run(begun.promise);
  channel.cancel();
  assert.equal(await pair.run(outcome.promise), "CANCELLED");
  assert.equal((await failureOf(pair.run(channel.send("more")))).code, "CANCELLED");
});

testSessions(
  "A call that ends early takes no more items, and tells the sender so without failing it",
  {},
  async (pair) => {
    pair.server.router.handle("first", async (_session, items: ItemStream<number>) => {
      for await (const n of items) return n;
      return -1;
    }, { ...VALUES, channel: true });
    const channel = pair.client.session.requestChannel<number, number>("first");
    await pair.run(channel.send(7));
    assert.equal((await pair.run(channel.next())).value, 7);
    assert.equal((await pair.run(channel.next())).done, true);
    assert.equal(await pair.run(channel.send(8)), false);
    await pair.until(() => pair.server.session.stats.callsRunning === 0);
  },
);

testSessions("A deadline ends a streaming call at both ends, though its handler ignores it", {}, async (pair) => {
  const seen = deferred<unknown>();
  const release = deferred();
  pair.server.router.handle("slow", async function* (_session, _payload, call: Call) {
    call.signal.addEventListener("abort", () => seen.resolve((call.signal.reason as EchoStreamError).code));
    assert.ok(call.deadlineMs! <= 60 && call.deadlineMs! > 0);
    yield 1;
    await release.promise;
  }, VALUES);
  const stream = pair.client.session.requestStream("slow", undefined, { timeoutMs: 60 });
  assert.equal((await pair.run(stream.next())).value, 1);
  const error = await failureOf(pair.run(stream.next()));
  assert.equal(error.code, "DEADLINE_EXCEEDED");
  assert.match(String(await pair.run(seen.promise)), /DEADLINE_EXCEEDED|CANCELLED/);
  assert.equal(pair.server.session.stats.callsRunning, 1, "its slot is counted until it ends");
  release.resolve();
  await pair.until(() => pair.server.session.stats.callsRunning === 0);
});

testSessions(
  "A session that closes lets streaming calls end within its grace and refuses new ones",
  {},
  async (pair) => {
    const go = deferred();
    pair.server.router.handle("slow", async function* () {
      yield 1;
      await go.promise;
      yield 2;
    }, VALUES);
    const stream = pair.client.session.requestStream("slow");
    await pair.run(stream.next());
    const closed = pair.server.session.close("bye", { graceMs: 5_000 });
    await pair.until(() => pair.server.session.stats.callsRunning === 1);
    go.resolve();
    assert.deepEqual(await pair.run(collect(stream)), [2]);
    await pair.run(closed);
    const error = await failureOf(pair.run(pair.client.session.requestStream("slow").next()));
    assert.equal(error.code, "UNAVAILABLE");
    assert.equal(error.disposition, "notProcessed");
  },
);

testSessions("A streaming call that hangs is cut when the grace is over, and its handler is told", {}, async (pair) => {
  const told = deferred();
  pair.server.router.handle("hangs", async function* (_session, _payload, call: Call) {
    yield 1;
    await new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve()));
    told.resolve();
  }, VALUES);
  const stream = pair.client.session.requestStream("hangs");
  await pair.run(stream.next());
  void pair.server.session.close("bye", { graceMs: 50 });
  const error = await failureOf(pair.run(stream.next()));
  assert.equal(error.code, "UNAVAILABLE");
  assert.equal(error.disposition, "perhapsProcessed");
  await pair.run(told.promise);
});

testSessions("A handler that throws nothing has not succeeded", {}, async (pair) => {
  const { router } = pair.server;
  router.handle("rejects", () => Promise.reject(), { channel: true });
  router.handle("throws", async function* () {
    yield "one";
    throw undefined;
  });
  const { session } = pair.client;
  assert.equal((await pair.run(failureOf(session.requestChannel("rejects").next()))).code, "INTERNAL");
  const items = session.requestStream("throws", "");
  assert.equal((await pair.run(items.next())).done, false);
  assert.equal((await pair.run(failureOf(items.next()))).code, "INTERNAL");
  assert.deepEqual(pair.server.records.map(({ error }) => String(error)), [
    'TypeError: Handler of "rejects" threw undefined',
    'TypeError: Handler of "throws" threw undefined',
  ]);
});
