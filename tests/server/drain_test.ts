/**
 * Servers that shut down while something is in flight: what may finish, what is left to the next server, and what hangs is cut.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import { ConnectionCode } from "../../src/protocol/error.ts";
import { encodeSettings, Feature } from "../../src/protocol/settings.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";
import { Writer } from "../../src/protocol/writer.ts";
import { cbor } from "../../src/rpc/schema.ts";
import type { RpcServer } from "../../src/server/server.ts";
import type { Session } from "../../src/session.ts";
import { Network, testOverNetworks } from "../support/networks.ts";
import { RawPeer } from "../support/raw_peer.ts";
import { deferred, failureOf } from "../support/session_pair.ts";
import { UdpProxy } from "../support/udp_proxy.ts";
import { World } from "../support/world.ts";

const NEVER = new Promise<never>(() => {});
const HOUR_MS = 3_600_000;
const text = new TextDecoder();

testOverNetworks("Calls of every shape that run finish within the grace of a shutdown", async (network) => {
  const go = deferred();
  let running = 0;
  const server = network.server()
    .handler("unary", cbor<unknown>(), async () => {
      running++;
      await go.promise;
      return "answer";
    })
    .handler("items", cbor<unknown>(), async function* () {
      running++;
      yield 1;
      await go.promise;
      yield 2;
    })
    .channel("sum", cbor<number>(), async (_session, items) => {
      running++;
      let sum = 0;
      for await (const item of items) sum += item;
      return sum;
    })
    .channel("echo", cbor<number>(), async function* (_session, items) {
      running++;
      for await (const item of items) yield item;
    })
    .build();
  const address = await network.start(server);
  const client = network.adopt(
    await network.run(
      RpcClient.builder<typeof server>().connect(address).options({ ...network.options, reconnect: false })
        .handler("ask", cbor<unknown>(), async () => {
          running++;
          await go.promise;
          return "told";
        })
        .build(),
    ),
  );
  await network.until(() => server.sessions.size === 1);
  const [session] = server.sessions;
  const unary = client.request("unary", "");
  const items = client.requestStream("items", "");
  assert.equal((await network.run(items.next())).value, 1);
  const sum = client.requestChannel("sum");
  const echo = client.requestChannel("echo");
  await network.run(Promise.all([sum.send(1), echo.send(7)]));
  assert.equal((await network.run(echo.next())).value, 7);
  const asked = session!.request("ask");
  await network.until(() => running === 5);

  const stopped = server.shutdown({ graceMs: HOUR_MS });
  assert.equal(server.state, "draining");
  // A call that is refused tells that the server's GOAWAY has come.
  const late = await network.run(failureOf(client.session.request("unary", "")));
  assert.deepEqual([late.code, late.disposition], ["UNAVAILABLE", "notProcessed"]);
  const lateItems = await network.run(failureOf(client.requestStream("items", "").next()));
  assert.deepEqual([lateItems.code, lateItems.disposition], ["UNAVAILABLE", "notProcessed"]);
  await network.run(Promise.all([sum.send(2), echo.send(8)]));
  assert.equal((await network.run(echo.next())).value, 8);
  echo.end();
  assert.equal((await network.run(echo.next())).done, true);
  assert.equal(await network.run(sum.response()), 3);
  go.resolve();
  assert.equal(await network.run(unary), "answer");
  assert.equal((await network.run(items.next())).value, 2);
  assert.equal((await network.run(items.next())).done, true);
  assert.equal(await network.run(asked), "told");
  await network.run(stopped);
  assert.deepEqual([running, server.state], [5, "stopped"]);
  assert.equal((await network.run(client.closed)).codeName, "GOING_AWAY");
});

testOverNetworks(
  "Calls made while a server drains wait for the next one, and fail at once where they are told to",
  async (network) => {
    const hold = deferred();
    const first = network.server()
      .handler("name", () => "first")
      .handler("hold", async () => {
        await hold.promise;
        return "held";
      })
      .build();
    const { port } = await network.start(first);
    const client = await network.connect({ address: "127.0.0.1", port }, {
      reconnect: { initialDelayMs: 20, maxDelayMs: 20 },
    });
    const held = client.request("hold", "");
    assert.equal(text.decode(await network.run(client.request("name", ""))), "first");
    const stopped = first.shutdown({ graceMs: HOUR_MS });
    await network.until(() => client.state === "reconnecting");
    const waiting = client.request("name", "");
    const refused = await network.run(failureOf(client.request("name", "", { whileReconnecting: "fail" })));
    assert.deepEqual([refused.code, refused.disposition], ["UNAVAILABLE", "notProcessed"]);
    hold.resolve();
    assert.equal(text.decode(await network.run(held)), "held");
    await network.run(stopped);
    await network.start(network.server().bind(`127.0.0.1:${port}`).handler("name", () => "second").build());
    assert.equal(text.decode(await network.run(waiting)), "second");
  },
);

test("A call that crosses the GOAWAY of a server is answered by the next one, without being idempotent", async () => {
  const world = new World({ delayMs: 20 });
  const first = world.server().handler("name", () => "first").build();
  await world.start(first);
  const client = world.adopt(await world.connectHere({ reconnect: { initialDelayMs: 1 } }));
  await world.clock.advance(100);
  const stopped = first.shutdown();
  assert.equal(client.state, "connected");
  const crossing = client.request("name", "");
  await world.run(stopped);
  await world.start(world.server().handler("name", () => "second").build());
  assert.equal(text.decode(await world.run(crossing)), "second");
  await world.close();
});

/** What may hang, and begins to when its function resolves. */
const HANGING: Record<string, (network: Network, server: RpcServer, client: RpcClient) => Promise<void>> = {
  "a handler that ignores its signal": async (network, server, client) => {
    const failing = failureOf(client.request("never", ""));
    await network.until(() => running(server) === 1);
    void failing.then(({ disposition }) => assert.equal(disposition, "perhapsProcessed"));
  },
  "a generator that ignores its signal": async (network, _server, client) => {
    await network.run(client.requestStream("parked", "").next());
  },
  "a client that does not read what it has asked for": async (network, server, client) => {
    client.requestStream("flood", "");
    await network.until(() => running(server) === 1);
  },
  "a client that does not end its items": async (network, server, client) => {
    await network.run(client.requestChannel("take").send("x"));
    await network.until(() => running(server) === 1);
  },
  "a media stream that its client does not end": async (network, server, client) => {
    const stream = await network.run(client.createStream("media"));
    await network.run(stream.send("x"));
    await network.until(() => onlySession(server).stats.streamsReceived === 1);
  },
  "a media stream that nobody reads": async (network, server, client) => {
    const stream = await network.run(client.createStream("unread"));
    for (let n = 0; n < 64; n++) void stream.send(new Uint8Array(32_768)).catch(() => {});
    void stream.end().catch(() => {});
    await network.until(() => onlySession(server).stats.streamsReceived === 1);
  },
};

for (const [what, begin] of Object.entries(HANGING)) {
  testOverNetworks(`A shutdown ends when its grace is over, in spite of ${what}`, async (network) => {
    const server = network.server()
      .handler("never", () => NEVER as Promise<Uint8Array>)
      .handler("parked", async function* () {
        yield "x";
        await NEVER;
      })
      .handler("flood", async function* () {
        for (;;) yield new Uint8Array(16_384);
      })
      .channel("take", async (_session, items) => {
        for await (const _ of items);
      })
      .stream("media", async (_session, incoming) => {
        for await (const _ of incoming);
      })
      .stream("unread", () => NEVER)
      .build() as unknown as RpcServer;
    const client = await network.connect(await network.start(server), { reconnect: false });
    await network.until(() => server.sessions.size === 1);
    await begin(network, server, client);
    const { clock } = network.options;
    const beganUs = clock?.nowUs() ?? 0;
    await network.run(server.shutdown({ graceMs: 300 }));
    // Virtual time is exact; real time only has to come to an end.
    if (clock !== undefined) assert.equal(clock.nowUs() - beganUs, 300_000);
    assert.equal((await network.run(client.closed)).codeName, "GOING_AWAY");
  });
}

test("A shutdown ends when its grace is over, in spite of a stream of the server that its client does not read", async () => {
  const world = new World();
  const server = world.server().build();
  await world.start(server);
  const client = await world.run(
    RpcClient.builder().connect("127.0.0.1:5000").options({ ...world.options, reconnect: false })
      .stream("pictures", () => NEVER)
      .build(),
  );
  await world.clock.advance(1);
  const [session] = server.sessions;
  const stream = await world.run(session!.createStream("pictures"));
  for (let n = 0; n < 64; n++) void stream.send(new Uint8Array(32_768)).catch(() => {});
  void stream.end().catch(() => {});
  await world.clock.advance(100);
  const beganUs = world.clock.nowUs();
  await world.run(server.shutdown({ graceMs: 300 }));
  assert.equal(world.clock.nowUs() - beganUs, 300_000);
  assert.equal((await world.run(client.closed)).codeName, "GOING_AWAY");
});

test("A shutdown ends when its grace is over, in spite of a network that went dead (memory)", async () => {
  const world = new World();
  const server = world.server().handler("echo", (_session, bytes) => bytes).build();
  await world.start(server);
  const client = world.adopt(await world.connectHere());
  await world.run(client.request("echo", ""));
  world.network.setCut(true);
  const beganUs = world.clock.nowUs();
  await world.run(server.shutdown({ graceMs: 300 }));
  assert.equal(world.clock.nowUs() - beganUs, 300_000);
  await world.close();
});

test("A shutdown ends when its grace is over, in spite of a network that went dead (native)", async () => {
  const network = new Network();
  const server = network.server().handler("echo", (_session, bytes) => bytes).build();
  const proxy = await UdpProxy.open(await network.start(server));
  const client = await network.connect(proxy.address);
  await client.request("echo", "");
  proxy.cut = true;
  await server.shutdown({ graceMs: 50 });
  await network.close();
  await proxy.close();
});

test("A shutdown does not wait for a client that asks for its session and does not confirm", async () => {
  const world = new World();
  const server = world.server().options({ resume: true }).build();
  const address = await world.start(server);
  const client = world.adopt(await world.connectHere());
  await world.clock.advance(10);
  const peer = await RawPeer.connect(world, address);
  const writer = new Writer();
  writer.varint(StreamKind.CONTROL);
  encodeSettings(writer, { features: Feature.RESUME, resumeToken: client.session.token! });
  peer.stream(writer.view(), false);
  await world.clock.advance(10);
  const beganUs = world.clock.nowUs();
  await world.run(server.shutdown({ graceMs: 300 }));
  assert.ok(world.clock.nowUs() - beganUs <= 300_000);
  await world.clock.advance(10);
  assert.equal(peer.close?.code, ConnectionCode.GOING_AWAY);
  await world.close();
});

testOverNetworks(
  "Session.close with mayReconnect moves its client: calls that run finish, others wait for the next session",
  async (network) => {
    const hold = deferred();
    const log: string[] = [];
    const server = network.server()
      .handler("hold", async () => {
        await hold.promise;
        return "held";
      })
      .handler("id", (session) => session.id)
      .onDisconnect((_session, { codeName, reason }) => void log.push(`${codeName} ${reason}`))
      .build();
    const client = await network.connect(await network.start(server), { reconnect: { initialDelayMs: 1 } });
    await network.until(() => server.sessions.size === 1);
    const [session] = server.sessions;
    const held = client.request("hold", "");
    assert.equal(text.decode(await network.run(client.request("id", ""))), session!.id);
    const closed = session!.close("Please move", { mayReconnect: true });
    await network.until(() => client.state === "reconnecting");
    const waiting = client.request("id", "");
    hold.resolve();
    assert.equal(text.decode(await network.run(held)), "held");
    await network.run(closed);
    assert.deepEqual(log, ["GOING_AWAY Please move"]);
    assert.notEqual(text.decode(await network.run(waiting)), session!.id);
    assert.equal(client.state, "connected");
  },
);

test("RpcServer.state tells where a server is in its life", async () => {
  const world = new World();
  const states: string[] = [];
  const server = world.server()
    .onStart(() => void states.push(server.state))
    .onShutdown(() => void states.push(server.state))
    .build();
  states.push(server.state);
  await world.run(server.start());
  states.push(server.state);
  await world.run(server.shutdown());
  states.push(server.state);
  assert.deepEqual(states, ["new", "starting", "serving", "draining", "stopped"]);

  const failing = world.server().onStart(() => Promise.reject(new Error("no database"))).build();
  await assert.rejects(world.run(failing.start()), /no database/);
  assert.equal(failing.state, "stopped");
  const unused = world.server().build();
  await unused.shutdown();
  assert.equal(unused.state, "stopped");
});

test("$sys.health that is answered while the server drains says that it does not serve", async () => {
  const world = new World();
  const healthy = deferred<boolean>();
  const server = world.server().options({ health: () => healthy.promise }).build();
  await world.start(server);
  const client = world.adopt(await world.connectHere({ reconnect: false }));
  const health = client.session.request("$sys.health");
  await world.clock.advance(10);
  const stopped = server.shutdown();
  healthy.resolve(true);
  assert.deepEqual(await world.run(health), { status: "notServing" });
  await world.run(stopped);
  await world.close();
});

function onlySession(server: RpcServer): Session {
  return [...server.sessions][0]!;
}

function running(server: RpcServer): number {
  return onlySession(server).stats.callsRunning;
}
