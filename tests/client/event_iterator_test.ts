/**
 * Events as an async iterator, and the options of subscriptions, at a client.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import { ConnectionCode } from "../../src/protocol/error.ts";
import { cbor, type StandardSchemaV1 } from "../../src/rpc/schema.ts";
import { testOverNetworks } from "../support/networks.ts";
import { World } from "../support/world.ts";

/** A client that ends with its connection, and the session that pushes numbers to it. */
async function joined() {
  const world = new World();
  const server = world.server().pushes({ n: cbor<number>() }).build();
  await world.run(server.start());
  const options = { ...world.options, reconnect: false };
  const client = await world.run(RpcClient.connect<typeof server>("127.0.0.1:5000", options));
  await world.clock.advanceUntil(() => server.sessions.size === 1);
  const [session] = server.sessions;
  const push = async (...numbers: number[]): Promise<void> => {
    for (const n of numbers) await world.run(session!.emit("n", n));
    await world.clock.advance(1);
  };
  return { world, client, session: session!, push };
}

testOverNetworks("RpcClient.events hands out the events of a name in order", async (network) => {
  const server = network.server().pushes({ n: cbor<number>() }).build();
  const { addresses } = await network.run(server.start());
  const client = await network.run(RpcClient.connect<typeof server>(addresses[0]!, network.options));
  const numbers = client.events("n");
  await network.until(() => server.sessions.size === 1);
  const [session] = server.sessions;
  for (let n = 0; n < 100; n++) void session!.emit("n", n);
  const got: number[] = [];
  await network.run((async () => {
    for await (const n of numbers) {
      got.push(n);
      if (n === 99) break;
    }
  })());
  assert.deepEqual(got, Array.from({ length: 100 }, (_, n) => n));
  await network.run(client.close());
  await network.run(server.shutdown());
});

test("EventIterator without a capacity holds its sender back until it is asked", async () => {
  const { world, client, session, push } = await joined();
  const numbers = client.events("n");
  await push(1, 2, 3);
  await world.clock.advance(100);
  assert.deepEqual([numbers.waiting, session.stats.eventsUnacked], [3, 3]);
  assert.deepEqual(await numbers.next(), { done: false, value: 1 });
  await world.clock.advance(100);
  assert.equal(session.stats.eventsUnacked, 2);
});

test("EventIterator drops what it has no room for, counts it, and tells how much", async () => {
  const { client, push } = await joined();
  const told: number[] = [];
  const numbers = client.events("n", { capacity: 2, overflow: "dropOldest", onDropped: (n) => void told.push(n) });
  await push(1, 2, 3, 4);
  assert.deepEqual([numbers.dropped, told], [2, [1, 2]]);
  assert.deepEqual([await numbers.next(), await numbers.next()].map(({ value }) => value), [3, 4]);
});

test("EventIterator that is left stops listening, and its sender goes on", async () => {
  const { world, client, session, push } = await joined();
  await push(0);
  const numbers = client.events("n");
  await push(1, 2, 3);
  for await (const n of numbers) {
    assert.equal(n, 1);
    break;
  }
  await world.clock.advance(100);
  assert.deepEqual([session.stats.eventsUnacked, session.stats.eventsUnheard], [0, 1]);
  await push(4);
  await world.clock.advance(100);
  assert.equal(session.stats.eventsUnheard, 2);
  assert.deepEqual(await numbers.next(), { done: true, value: undefined });
});

test("EventIterator ends in order when its client closes, after what waits", async () => {
  const { world, client, push } = await joined();
  const numbers = client.events("n", { capacity: 10 });
  await push(1, 2);
  await world.run(client.close());
  const got: number[] = [];
  for await (const n of numbers) got.push(n);
  assert.deepEqual(got, [1, 2]);
  assert.equal((await client.events("n").next()).done, true);
});

test("EventIterator that waits when its server shuts down ends", async () => {
  const { world, client, session } = await joined();
  const waiting = client.events("n").next();
  void session.close("bye");
  assert.equal((await world.run(waiting)).done, true);
});

test("EventIterator of a connection that is lost throws why, once", async () => {
  const { world, client, push } = await joined();
  const numbers = client.events("n", { capacity: 10 });
  await push(1);
  world.network.setCut(true);
  await world.run(client.closed);
  assert.equal((await numbers.next()).value, 1);
  await assert.rejects(numbers.next(), { code: "UNAVAILABLE", message: /timed out/ });
  assert.equal((await numbers.next()).done, true);
});

test("EventIterator goes on when its client has connected again", async () => {
  const world = new World();
  const server = world.server().pushes({ n: cbor<number>() }).build();
  await world.run(server.start());
  const client = await world.run(RpcClient.connect<typeof server>("127.0.0.1:5000", world.options));
  const numbers = client.events("n", { capacity: 10 });
  for (const n of [1, 2]) {
    await world.clock.advanceUntil(() => server.sessions.size === 1);
    await world.run(server.broadcast.emit("n", n));
    assert.equal((await world.run(numbers.next())).value, n);
    if (n === 2) break;
    const [session] = server.sessions;
    void session!.close("back soon", { graceMs: 0, code: ConnectionCode.GOING_AWAY });
    await world.clock.advanceUntil(() => server.sessions.size === 0);
  }
  await world.run(client.close());
  assert.equal((await numbers.next()).done, true);
  await world.run(server.shutdown());
});

test("EventIterator with overflow close does not go on where its client connects again", async () => {
  const world = new World();
  const server = world.server().pushes({ n: cbor<number>() }).build();
  await world.run(server.start());
  const client = await world.run(RpcClient.connect<typeof server>("127.0.0.1:5000", world.options));
  const numbers = client.events("n", { capacity: 1, overflow: "close" });
  await world.clock.advanceUntil(() => server.sessions.size === 1);
  for (const n of [1, 2]) await world.run(server.broadcast.emit("n", n));
  await world.clock.advanceUntil(() => server.sessions.size === 0);
  await world.clock.advanceUntil(() => server.sessions.size === 1);
  assert.equal((await numbers.next()).value, 1);
  await assert.rejects(numbers.next(), { code: "RESOURCE_EXHAUSTED", message: /"n" was not asked for in time/ });
  await world.run(client.close());
  await world.run(server.shutdown());
});

test("EventIterator with overflow close ends its session as too slow, and throws", async () => {
  const { world, client, session, push } = await joined();
  const numbers = client.events("n", { capacity: 1, overflow: "close" });
  await push(1);
  void session.emit("n", 2);
  assert.equal((await world.run(client.closed)).codeName, "TOO_SLOW");
  assert.equal((await numbers.next()).value, 1);
  await assert.rejects(numbers.next(), { message: /TOO_SLOW/ });
});

test("EventIterator with a schema passes over what does not match it, and logs that", async () => {
  const { world, client, push } = await joined();
  const even: StandardSchemaV1<number> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: async (n) => {
        await Promise.resolve();
        return (n as number) % 2 === 0 ? { value: n as number } : { issues: [{ message: "odd" }] };
      },
    },
  };
  const numbers = client.events("n", even);
  await push(1, 2, 3, 4);
  assert.deepEqual([await numbers.next(), await numbers.next()].map(({ value }) => value), [2, 4]);
  assert.equal(world.messages("error").length, 2);
});

test("EventIterator answers several who ask at once, each with an event of its own", async () => {
  const { client, push } = await joined();
  const numbers = client.events("n");
  const asked = [numbers.next(), numbers.next()];
  await push(1, 2);
  assert.deepEqual((await Promise.all(asked)).map(({ value }) => value), [1, 2]);
});

test("RpcClient.on takes options, and its subscription counts what was dropped", async () => {
  const { client, push } = await joined();
  using subscription = client.on("n", () => new Promise(() => {}), { capacity: 1, overflow: "dropNewest" });
  await push(1, 2, 3, 4);
  assert.equal(subscription.dropped, 2);
});

test("Options of subscriptions are checked where they are given", async () => {
  const { world, client } = await joined();
  const listen = (options: object) => () => client.on("n", () => {}, options);
  assert.throws(listen({ capacity: 0 }), { name: "RangeError", message: /Capacity of event "n" is 0/ });
  assert.throws(listen({ capacity: 1.5 }), { name: "RangeError" });
  assert.throws(listen({ overflow: "drop" }), { name: "TypeError", message: /"drop", expected block, dropOldest/ });
  assert.throws(listen({ capacty: 1 }), { name: "TypeError", message: /does not know the option "capacty"/ });
  assert.throws(listen({ onDropped: 1 }), { name: "TypeError", message: /onDropped of event "n"/ });
  assert.throws(() => client.on("n", () => {}, 5 as never), { name: "TypeError", message: /takes \{ capacity/ });
  assert.throws(() => client.events("n", { capacity: -1 }), { name: "RangeError" });
  assert.throws(() => world.server().listener("e", () => {}, { overflow: "no" as never }), { name: "TypeError" });
});
