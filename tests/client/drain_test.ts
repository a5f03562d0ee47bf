/**
 * Clients that close while something is in flight.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { testOverNetworks } from "../support/networks.ts";
import { deferred, failureOf } from "../support/session_pair.ts";
import { World } from "../support/world.ts";

const HOUR_MS = 3_600_000;
const text = new TextDecoder();

testOverNetworks("RpcClient.close lets calls of both sides end, and refuses new ones of both", async (network) => {
  const go = deferred();
  let ran = 0;
  const server = network.server()
    .handler("hold", async () => {
      ran++;
      await go.promise;
      return "held";
    })
    .handler("items", cbor<unknown>(), async function* () {
      yield 1;
      await go.promise;
      yield 2;
    })
    .build();
  const address = await network.start(server);
  const told = deferred();
  const client = network.adopt(
    await network.run(
      RpcClient.builder<typeof server>().connect(address).options(network.options)
        .handler("ask", cbor<unknown>(), async () => {
          ran++;
          await told.promise;
          return "told";
        })
        .build(),
    ),
  );
  await network.until(() => server.sessions.size === 1);
  const [session] = server.sessions;
  const held = client.request("hold", "");
  const items = client.requestStream("items", "");
  assert.equal((await network.run(items.next())).value, 1);
  const asked = session!.request("ask");
  await network.until(() => ran === 2);

  const closed = client.close({ graceMs: HOUR_MS });
  told.resolve();
  assert.equal(await network.run(asked), "told");
  // From here on no handler of the client runs that might have to finish something.
  await network.until(() => client.session.stats.callsRunning === 0);
  const refused = [
    failureOf(client.request("hold", "", { idempotent: true })),
    failureOf(client.requestStream("items", "").next()),
    failureOf(client.emit("log" as never, "late" as never)),
    failureOf(client.createStream("media" as never)),
    failureOf(session!.request("ask")),
  ];
  for (const { code, disposition, message } of await network.run(Promise.all(refused))) {
    assert.deepEqual([code, disposition], ["UNAVAILABLE", "notProcessed"]);
    assert.match(message, /clos/);
  }
  go.resolve();
  assert.equal(text.decode(await network.run(held)), "held");
  assert.equal((await network.run(items.next())).value, 2);
  assert.equal((await network.run(items.next())).done, true);
  await network.run(closed);
  assert.equal(ran, 2);
  assert.equal(client.state, "closed");
  assert.equal((await network.run(client.closed)).by, "local");
  await network.until(() => server.sessions.size === 0);
});

test("RpcClient.close refuses new calls without any delay, though its policy would retry them", async () => {
  const world = new World();
  await world.start(world.server().handler("never", () => new Promise<Uint8Array>(() => {})).build());
  const client = world.adopt(await world.connectHere());
  const running = failureOf(client.request("never", ""));
  await world.clock.advance(10);
  const closed = client.close({ graceMs: 1_000 });
  const beganUs = world.clock.nowUs();
  const failure = await failureOf(client.request("never", "", { idempotent: true }));
  assert.deepEqual([failure.code, failure.disposition], ["UNAVAILABLE", "notProcessed"]);
  assert.equal(world.clock.nowUs(), beganUs);
  await world.run(closed);
  assert.equal(world.clock.nowUs() - beganUs, 1_000_000);
  assert.equal((await running).disposition, "perhapsProcessed");
  await world.close();
});

test("RpcClient.close ends at once what waits for the server that comes after one that drains", async () => {
  const world = new World();
  const hold = deferred();
  const server = world.server().handler("hold", async () => {
    await hold.promise;
    return "held";
  }).build();
  await world.start(server);
  const client = world.adopt(await world.connectHere());
  const held = client.request("hold", "");
  await world.clock.advance(10);
  const stopped = server.shutdown({ graceMs: HOUR_MS });
  await world.clock.advanceUntil(() => client.state === "reconnecting");
  const waiting = [failureOf(client.request("hold", "")), failureOf(client.emit("log", "x"))];
  const closed = client.close({ graceMs: HOUR_MS });
  const late = failureOf(client.request("hold", ""));
  const nowUs = world.clock.nowUs();
  for (const { code, disposition, message } of await Promise.all([...waiting, late])) {
    assert.deepEqual([code, disposition], ["UNAVAILABLE", "notProcessed"]);
    assert.match(message, /client is closing/);
  }
  assert.equal(world.clock.nowUs(), nowUs);
  hold.resolve();
  assert.equal(text.decode(await world.run(held)), "held");
  await world.run(Promise.all([closed, stopped]));
  await world.close();
});

test("RpcClient.close ends at once a call that waits for its next attempt", async () => {
  const world = new World();
  await world.start(
    world.server()
      .handler("busy", () => new Promise<Uint8Array>(() => {}))
      .options({ limits: { maxRunningCalls: 1 } })
      .build(),
  );
  const client = world.adopt(
    await world.connectHere({
      retry: { retryableCodes: ["RESOURCE_EXHAUSTED"], initialBackoffMs: 60_000 },
      random: () => 0.9,
    }),
  );
  const [first, second, refused] = [1, 2, 3].map(() => failureOf(client.request("busy", "")));
  await world.clock.advance(10);
  const closed = client.close({ graceMs: 1_000 });
  const nowUs = world.clock.nowUs();
  const failure = await refused!;
  assert.equal(world.clock.nowUs(), nowUs);
  assert.deepEqual([failure.code, failure.disposition], ["UNAVAILABLE", "notProcessed"]);
  await world.run(closed);
  assert.deepEqual([(await first!).code, (await second!).code], ["UNAVAILABLE", "UNAVAILABLE"]);
  await world.close();
});
