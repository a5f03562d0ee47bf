/**
 * The record of every call on the channel `echostream:call`: what it says of calls that end well, fail, wait, and never run.
 *
 * @module
 */

import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test } from "node:test";
import { EchoStreamError } from "../../src/protocol/error.ts";
import type { CallRecord } from "../../src/rpc/call_diagnostics.ts";
import type { ItemStream } from "../../src/rpc/item_queue.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { deferred, failureOf, memoryPair, testOverMemory, testSessions } from "../support/session_pair.ts";
import { World } from "../support/world.ts";

const CHANNEL = "echostream:call";
const NEVER = new Promise<never>(() => {});

/** The records published while `body` runs. */
async function recorded(body: (records: CallRecord[]) => Promise<void>): Promise<CallRecord[]> {
  const records: CallRecord[] = [];
  const listener = (record: unknown): void => void records.push(record as CallRecord);
  subscribe(CHANNEL, listener);
  try {
    await body(records);
  } finally {
    unsubscribe(CHANNEL, listener);
  }
  return records;
}

/** The record of one direction, of which there is one. */
function only(records: readonly CallRecord[], direction: CallRecord["direction"]): CallRecord {
  const [record, ...more] = records.filter((record) => record.direction === direction);
  assert.ok(record !== undefined && more.length === 0, JSON.stringify(records));
  return record;
}

/** What became of a call, in short. */
function ending({ method, kind, code, disposition }: CallRecord): string {
  return [method, kind, code, disposition].join(" ");
}

testOverMemory("A unary call has a record at each end, with what it took and what it carried", {
  network: { delayMs: 10 },
}, async (pair) => {
  pair.server.router.handle("work", async (_session, bytes) => {
    await new Promise<void>((resolve) => void pair.clock.setTimer(resolve, 30));
    return bytes.subarray(0, 7);
  }, { raw: true });
  const beganUs = pair.clock.nowUs();
  const records = await recorded(async () => {
    await pair.run(pair.client.session.request("work", new Uint8Array(100)));
  });
  assert.deepEqual(only(records, "outgoing"), {
    direction: "outgoing",
    kind: "unary",
    method: "work",
    sessionId: pair.client.session.id,
    callId: 0,
    attempt: 1,
    startedUs: beganUs,
    queuedMs: 0,
    handlerMs: 0,
    totalMs: 50,
    bytesSent: 100,
    bytesReceived: 7,
    itemsSent: 1,
    itemsReceived: 1,
    code: "OK",
    disposition: "processed",
  });
  assert.deepEqual(only(records, "incoming"), {
    direction: "incoming",
    kind: "unary",
    method: "work",
    sessionId: pair.server.session.id,
    callId: 0,
    attempt: 1,
    startedUs: beganUs + 10_000,
    queuedMs: 0,
    handlerMs: 30,
    totalMs: 30,
    bytesSent: 7,
    bytesReceived: 100,
    itemsSent: 1,
    itemsReceived: 1,
    code: "OK",
    disposition: "processed",
  });
});

testSessions("Streaming calls count their items and bytes at both ends", {}, async (pair) => {
  pair.server.router.handle("items", async function* (_session, bytes) {
    yield bytes;
    yield bytes;
    yield bytes;
  }, { raw: true });
  pair.server.router.handle("count", async (_session, items: ItemStream<Uint8Array>) => {
    let count = 0;
    for await (const _ of items) count++;
    return String(count);
  }, { raw: true, channel: true });
  const records = await recorded(async (records) => {
    const items = pair.client.session.requestStream("items", new Uint8Array(5));
    await pair.run((async () => {
      for await (const _ of items);
    })());
    const channel = pair.client.session.requestChannel("count");
    await pair.run(channel.sendAll([new Uint8Array(3), new Uint8Array(4)]));
    await pair.run(channel.response());
    await pair.until(() => records.length === 4);
  });
  const counted = records.map((record) => {
    const { direction, itemsSent, bytesSent, itemsReceived, bytesReceived, callId } = record;
    return [direction, ending(record), itemsSent, bytesSent, itemsReceived, bytesReceived, callId];
  });
  assert.deepEqual(counted.sort(), [
    ["incoming", "count channel OK processed", 1, 1, 2, 7, undefined],
    ["incoming", "items stream OK processed", 3, 15, 1, 5, undefined],
    ["outgoing", "count channel OK processed", 2, 7, 1, 1, undefined],
    ["outgoing", "items stream OK processed", 1, 5, 3, 15, undefined],
  ]);
});

testOverMemory("A call that waits for a slot says how long", { limits: { maxRunningCalls: 1 } }, async (pair) => {
  const hold = deferred();
  pair.server.router.handle("hold", async () => {
    await hold.promise;
    return "held";
  });
  const records = await recorded(async () => {
    const calls = [1, 2, 3].map(() => pair.client.session.request("hold").catch((error) => error));
    await pair.clock.advance(40);
    hold.resolve();
    await pair.run(Promise.all(calls));
  });
  const incoming = records.filter(({ direction }) => direction === "incoming");
  assert.deepEqual(incoming.map(({ queuedMs, handlerMs, code }) => [queuedMs, handlerMs, code]), [
    [0, 0, "RESOURCE_EXHAUSTED"],
    [0, 40, "OK"],
    [40, 0, "OK"],
  ]);
});

testSessions("Calls that fail say how, and how far they got", {}, async (pair) => {
  const { client, server } = pair;
  server.router.handle("fails", () => {
    throw new EchoStreamError("NOT_FOUND", "Nobody of that name");
  });
  server.router.handle("breaks", () => {
    throw new Error("secret");
  });
  server.router.handle("yields", async function* () {
    yield 1;
    throw new EchoStreamError("ABORTED", "Enough");
  }, { input: cbor<unknown>() });
  const records = await recorded(async (records) => {
    for (const method of ["fails", "breaks", "nobody"]) await pair.run(failureOf(client.session.request(method)));
    for (const method of ["yields", "nobody"]) {
      await pair.run(failureOf((async () => {
        for await (const _ of client.session.requestStream(method));
      })()));
    }
    await failureOf(client.session.request("x".repeat(200)));
    await pair.until(() => records.length === 11);
  });
  const endings = (direction: string): string[] =>
    records.filter((record) => record.direction === direction).map(ending).sort();
  const both = [
    "breaks unary INTERNAL processed",
    "fails unary NOT_FOUND processed",
    "nobody stream UNIMPLEMENTED notProcessed",
    "nobody unary UNIMPLEMENTED notProcessed",
    "yields stream ABORTED processed",
  ];
  assert.deepEqual(endings("incoming"), both);
  assert.deepEqual(endings("outgoing"), [
    ...both.slice(0, 4),
    `${"x".repeat(200)} unary INVALID_ARGUMENT notProcessed`,
    ...both.slice(4),
  ]);
});

testOverMemory("Calls that are given up are over for their record, though handlers go on", {
  network: { delayMs: 10 },
}, async (pair) => {
  pair.server.router.handle("never", () => NEVER);
  pair.server.router.handle("parked", async function* () {
    yield 1;
    await NEVER;
  }, { input: cbor<unknown>() });
  const controller = new AbortController();
  const records = await recorded(async () => {
    const { session } = pair.client;
    const failing = [
      failureOf(session.request("never", "", { signal: controller.signal })),
      failureOf(session.request("never", "", { timeoutMs: 100 })),
    ];
    const stream = session.requestStream("parked");
    await pair.run(stream.next());
    controller.abort();
    stream.cancel();
    await pair.run(Promise.all(failing));
    await pair.clock.advance(100);
    void session.request("never").catch(() => {});
    void session.requestStream("parked");
    await pair.clock.advance(30);
    await pair.run(pair.server.session.close("", { graceMs: 0 }));
    await pair.clock.advance(30);
  });
  for (const direction of ["incoming", "outgoing"]) {
    assert.deepEqual(records.filter((record) => record.direction === direction).map(ending).sort(), [
      "never unary CANCELLED perhapsProcessed",
      "never unary DEADLINE_EXCEEDED perhapsProcessed",
      "never unary UNAVAILABLE perhapsProcessed",
      "parked stream CANCELLED perhapsProcessed",
      "parked stream UNAVAILABLE perhapsProcessed",
    ]);
  }
});

test("Every attempt of a call has a record that says which it was", async () => {
  const world = new World();
  let attempts = 0;
  const server = world.server().handler("flaky", () => {
    if (++attempts < 3) throw new EchoStreamError("UNAVAILABLE", "Not now");
    return "done";
  }).build();
  await world.start(server);
  const client = world.adopt(await world.connectHere({ retry: { initialBackoffMs: 10 } }));
  const records = await recorded(async () => {
    await world.run(client.request("flaky", "", { idempotent: true, timeoutMs: 5_000 }));
  });
  const outgoing = records.filter(({ direction }) => direction === "outgoing");
  assert.deepEqual(outgoing.map(({ attempt, code }) => [attempt, code]), [
    [1, "UNAVAILABLE"],
    [2, "UNAVAILABLE"],
    [3, "OK"],
  ]);
  await world.close();
});

test("A call that cannot begin because the session closes has a record at its caller", async () => {
  const pair = await memoryPair();
  const records = await recorded(async () => {
    await pair.run(pair.client.session.close());
    await failureOf(pair.client.session.request("x"));
    await failureOf(pair.client.session.requestChannel("y").next());
  });
  assert.deepEqual(records.map(ending), ["x unary UNAVAILABLE notProcessed", "y channel UNAVAILABLE notProcessed"]);
  await pair.close();
});

test("Calls that began before anybody subscribed have no record", async () => {
  const pair = await memoryPair();
  const hold = deferred();
  pair.server.router.handle("hold", async () => {
    await hold.promise;
    return "held";
  });
  const call = pair.client.session.request("hold");
  await pair.clock.advance(10);
  const records = await recorded(async () => {
    hold.resolve();
    await pair.run(call);
  });
  assert.deepEqual(records, []);
  await pair.close();
});
