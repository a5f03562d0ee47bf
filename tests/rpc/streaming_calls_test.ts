/**
 * Streaming calls between two sessions: shapes, order, back-pressure, metadata.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Call } from "../../src/rpc/handler.ts";
import type { ItemStream } from "../../src/rpc/item_queue.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { collect } from "../support/collect.ts";
import { pattern } from "../support/connection_pair.ts";
import { deferred, failureOf, testSessions } from "../support/session_pair.ts";

/** Items of 1,000 bytes that sender, network and receiver may hold at once: the largest window of a QUIC stream, 4 MiB, and their own. */
const MAX_AHEAD = 5_000;
const VALUES = { input: cbor<unknown>() };

testSessions("A generator's items arrive in order, then its end", {}, async (pair) => {
  pair.server.router.handle("count", async function* (_session, to: number) {
    for (let n = 0; n < to; n++) yield n;
  }, VALUES);
  assert.deepEqual(await pair.run(collect(pair.client.session.requestStream("count", 5))), [0, 1, 2, 3, 4]);
  assert.deepEqual(await pair.run(collect(pair.client.session.requestStream("count", 0))), []);
  const many = await pair.run(collect(pair.client.session.requestStream<number>("count", 5_000)));
  assert.deepEqual(many, Array.from({ length: 5_000 }, (_, n) => n));
});

testSessions("A handler without a schema streams bytes, of any size up to the limit", {}, async (pair) => {
  const sizes = [0, 1, 1_100, 65_536, 300_000, 1_000_000, 7];
  pair.server.router.handle("bytes", async function* () {
    for (const size of sizes) yield pattern(size);
    yield "text";
  });
  const items = await pair.run(collect(pair.client.session.requestStream<Uint8Array>("bytes", "")));
  assert.deepEqual(items.slice(0, -1).map((item) => item.length), sizes);
  assert.deepEqual(items[5], pattern(1_000_000));
  assert.equal(new TextDecoder().decode(items.at(-1)), "text");
});

testSessions("A Web Stream that a handler returns is sent as it is read", {}, async (pair) => {
  pair.server.router.handle("web", () =>
    new ReadableStream({
      start(controller) {
        for (const item of ["a", "b"]) controller.enqueue(item);
        controller.close();
      },
    }), VALUES);
  assert.deepEqual(await pair.run(collect(pair.client.session.requestStream("web"))), ["a", "b"]);
});

testSessions(
  "A method with one answer gives a sequence of one, and one that streams refuses a unary call",
  {},
  async (pair) => {
    pair.server.router.handle("half", (_session, n: number) => n / 2, VALUES);
    pair.server.router.handle("count", async function* () {
      yield 1;
    }, VALUES);
    pair.server.router.handle("chat", async function* () {
      yield 1;
    }, { ...VALUES, channel: true });
    assert.deepEqual(await pair.run(collect(pair.client.session.requestStream("half", 8))), [4]);
    for (const [method, way] of [["count", "requestStream"], ["chat", "requestChannel"]] as const) {
      const error = await failureOf(pair.run(pair.client.session.request(method, 1)));
      assert.equal(error.code, "UNIMPLEMENTED");
      assert.match(error.message, new RegExp(way));
    }
  },
);

testSessions("Items go up and one answer comes down: a client-streaming call", {}, async (pair) => {
  pair.server.router.handle("sum", async (_session, items: ItemStream<number>) => {
    let sum = 0;
    for await (const n of items) sum += n;
    return sum;
  }, { ...VALUES, channel: true });
  const channel = pair.client.session.requestChannel<number, number>("sum");
  for (const n of [27182, 8, 1828, 45904]) assert.equal(await pair.run(channel.send(n)), true);
  assert.equal(await pair.run(channel.response()), 74922);
  const all = pair.client.session.requestChannel<number, number>("sum");
  await pair.run(all.sendAll([1, 2, 3]));
  assert.equal(await pair.run(all.response()), 6);
});

testSessions("Each side answers the other item by item: a bidirectional call, in both directions", {}, async (pair) => {
  const double = async function* (_session: unknown, items: ItemStream<number>) {
    for await (const n of items) yield n * 2;
  };
  pair.server.router.handle("double", double, { ...VALUES, channel: true });
  pair.client.router.handle("double", double, { ...VALUES, channel: true });
  for (const session of [pair.client.session, pair.server.session]) {
    const channel = session.requestChannel<number, number>("double");
    for (let n = 0; n < 20; n++) {
      await pair.run(channel.send(n));
      assert.deepEqual(await pair.run(channel.next()), { value: n * 2, done: false });
    }
    channel.end();
    assert.deepEqual(await pair.run(channel.next()), { value: undefined, done: true });
  }
});

testSessions("A channel without any item ends, and one whose handler says nothing has no answer", {}, async (pair) => {
  pair.server.router.handle("empty", async (_session, items: ItemStream<number>) => {
    for await (const _ of items);
  }, { ...VALUES, channel: true });
  const channel = pair.client.session.requestChannel("empty");
  channel.end();
  assert.deepEqual(await pair.run(collect(channel)), []);
  const error = await failureOf(pair.run(pair.client.session.requestChannel("empty").response()));
  assert.equal(error.code, "INTERNAL");
});

testSessions(
  "A producer does not run ahead of its reader by more than the queues on the way hold",
  {},
  async (pair) => {
    let produced = 0;
    pair.server.router.handle("flood", async function* () {
      for (; produced < 100_000; produced++) yield pattern(1_000);
    });
    const stream = pair.client.session.requestStream<Uint8Array>("flood", "");
    for (let read = 0; read < 500; read++) {
      assert.equal((await pair.run(stream.next())).value.length, 1_000);
      assert.ok(produced < read + MAX_AHEAD, `${produced} items were made when ${read} had been read`);
    }
    await pair.run(stream.return!());
    await pair.until(() => pair.server.session.stats.callsRunning === 0);
    assert.ok(produced < 500 + MAX_AHEAD);
  },
);

testSessions("A sender of items waits for a handler that does not read them", {}, async (pair) => {
  const go = deferred();
  let taken = 0;
  let sent = 0;
  pair.server.router.handle("slow", async (_session, items: ItemStream<Uint8Array>) => {
    await go.promise;
    for await (const _ of items) {
      taken++;
      assert.ok(sent < taken + MAX_AHEAD, `${sent} items were sent when ${taken} had been read`);
    }
    return String(taken);
  }, { channel: true });
  const channel = pair.client.session.requestChannel<Uint8Array, Uint8Array>("slow");
  const sending = (async () => {
    for (; sent < 12_000; sent++) await channel.send(pattern(1_000));
  })();
  // It is held back before anything is read, and goes on when it is.
  await pair.until(() => sent > 250);
  assert.ok(sent < MAX_AHEAD);
  go.resolve();
  await pair.run(sending);
  assert.equal(new TextDecoder().decode(await pair.run(channel.response())), "12000");
});

testSessions(
  "Headers come before the first item and trailers with the end, both in order with bytes and repeats",
  {},
  async (pair) => {
    pair.server.router.handle("meta", async function* (_session, _payload, call: Call) {
      call.sendHeaders([["a", "1"], ["a", new Uint8Array([2])]]);
      assert.throws(() => call.sendHeaders({}), TypeError);
      yield String(call.metadata.length);
      call.setMetadata({ done: "yes" });
    }, VALUES);
    const stream = pair.client.session.requestStream("meta", undefined, { metadata: [["x", "1"], ["x", "2"]] });
    assert.deepEqual(await pair.run(stream.headers), [["a", "1"], ["a", new Uint8Array([2])]]);
    assert.deepEqual(await pair.run(collect(stream)), ["2"]);
    assert.deepEqual(await pair.run(stream.trailers), [["done", "yes"]]);
  },
);

testSessions("Headers of a unary call go with its answer", {}, async (pair) => {
  pair.server.router.handle("meta", (_session, _payload, call: Call) => {
    call.sendHeaders({ first: "1" });
    call.setMetadata({ last: "2" });
    return "";
  });
  let metadata: unknown;
  await pair.run(pair.client.session.request("meta", "", { onMetadata: (entries) => metadata = entries }));
  assert.deepEqual(metadata, [["first", "1"], ["last", "2"]]);
});

testSessions("Web Streams carry items both ways", {}, async (pair) => {
  pair.server.router.handle("upper", async function* (_session, items: ItemStream<string>) {
    const reader = items.readable.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value.toUpperCase();
  }, { ...VALUES, channel: true });
  const channel = pair.client.session.requestChannel<string, string>("upper");
  const writer = channel.writable.getWriter();
  const answers: string[] = [];
  await pair.run(Promise.all([
    (async () => {
      for (const word of ["a", "b"]) await writer.write(word);
      await writer.close();
    })(),
    (async () => {
      const reader = channel.readable.getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) answers.push(next.value);
    })(),
  ]));
  assert.deepEqual(answers, ["A", "B"]);
});

testSessions(
  "An unknown method, an invalid item and a wrong number of items fail their call only",
  {},
  async (pair) => {
    pair.server.router.handle("one", (_session, bytes) => bytes);
    pair.server.router.handle("raw", async (_session, items: ItemStream<Uint8Array>) => {
      for await (const _ of items);
      return "";
    }, { channel: true });
    const session = pair.client.session;
    const codes = await pair.run(Promise.all([
      failureOf(session.requestStream("missing").next()),
      failureOf(session.requestChannel("one").response()),
      failureOf((async () => {
        const two = session.requestChannel("one");
        await two.send("a");
        await two.send("b");
        await two.response();
      })()),
      failureOf((async () => {
        const values = session.requestChannel("raw");
        await values.send({ not: "bytes" });
        await values.response();
      })()),
      failureOf(session.requestStream("").next()),
    ]));
    assert.deepEqual(codes.map(({ code }) => code), [
      "UNIMPLEMENTED",
      "INVALID_ARGUMENT",
      "INVALID_ARGUMENT",
      "INVALID_ARGUMENT",
      "INVALID_ARGUMENT",
    ]);
    assert.equal(codes[0]!.disposition, "notProcessed");
    assert.deepEqual(await pair.run(session.request("one", "x")), new TextEncoder().encode("x"));
  },
);

testSessions("An item that is too large fails its send at the caller, and the call at the handler", {
  limits: { maxMessageBytes: 1_048_576 },
}, async (pair) => {
  pair.server.router.handle("large", async function* () {
    yield pattern(10);
    yield new Uint8Array(1_048_576);
  });
  pair.server.router.handle("size", async function* (_session, items: ItemStream<Uint8Array>) {
    for await (const item of items) yield String(item.length);
  }, { channel: true });
  const stream = pair.client.session.requestStream<Uint8Array>("large", "");
  assert.equal((await pair.run(stream.next())).value.length, 10);
  assert.equal((await failureOf(pair.run(stream.next()))).code, "RESOURCE_EXHAUSTED");
  const channel = pair.client.session.requestChannel<Uint8Array, Uint8Array>("size");
  assert.equal((await failureOf(pair.run(channel.send(new Uint8Array(1_048_576))))).code, "RESOURCE_EXHAUSTED");
  await pair.run(channel.send(new Uint8Array(1_048_575)));
  assert.equal(new TextDecoder().decode((await pair.run(channel.next())).value), "1048575");
});
