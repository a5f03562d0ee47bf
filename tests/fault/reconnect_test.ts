/**
 * Clients that lose real connections: a network that goes dead for a while, and a server that is restarted under many.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import { seededRandom } from "../../src/connection/memory_link.ts";
import type { EchoStreamError } from "../../src/protocol/error.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { RpcServer } from "../../src/server/server.ts";
import { Network, testOverNetworks } from "../support/networks.ts";
import { UdpProxy } from "../support/udp_proxy.ts";

const EMPTY = new Uint8Array(0);

test("A client goes on when a network that went dead lives again", async () => {
  const network = new Network();
  const tuning = { idleTimeoutMs: 1_000, keepAliveIntervalMs: 250 };
  const server = network.server().options({ tuning })
    .handler("echo", (_session, bytes) => bytes)
    .handler("never", () => new Promise<Uint8Array>(() => {}))
    .build();
  const proxy = await UdpProxy.open(await network.start(server));
  const client = await network.connect(proxy.address, { tuning, reconnect: { initialDelayMs: 20, maxDelayMs: 200 } });
  for (let round = 0; round < 2; round++) {
    const lost = client.request("never", EMPTY).then(() => assert.fail(), (error: EchoStreamError) => error);
    await client.request("echo", EMPTY);
    proxy.cut = true;
    assert.deepEqual([(await lost).code, (await lost).disposition], ["UNAVAILABLE", "perhapsProcessed"]);
    const waiting = client.request("echo", Uint8Array.of(round));
    await network.until(() => client.state === "reconnecting");
    proxy.cut = false;
    assert.deepEqual(await waiting, Uint8Array.of(round));
    assert.equal(client.state, "connected");
  }
  await network.close();
  await proxy.close();
});

test("A session goes on behind the last event seen, in both directions, when a network that went dead lives again", async () => {
  const network = new Network();
  const tuning = { idleTimeoutMs: 1_000, keepAliveIntervalMs: 250 };
  const atServer: number[] = [];
  const atClient: number[] = [];
  const outcomes: boolean[] = [];
  const server = network.server().options({ tuning, resume: true })
    .pushes({ n: cbor<number>() })
    .listener("n", cbor<number>(), (_session, n) => void atServer.push(n))
    .build();
  const proxy = await UdpProxy.open(await network.start(server));
  const client = network.adopt(
    await RpcClient.builder<typeof server>().connect(proxy.address)
      .options({ ...network.options, tuning, reconnect: { initialDelayMs: 20, maxDelayMs: 200 } })
      .listener("n", (_session, n) => void atClient.push(n))
      .onReconnect((_context, _session, { resumed }) => void outcomes.push(resumed))
      .build(),
  );
  // Before the server's SETTINGS have arrived the client has no way back.
  await network.until(() => server.sessions.size === 1 && client.session.token !== undefined);
  const [session] = server.sessions;
  const { id } = client.session;
  let sent = 0;
  const emitBoth = (): void => {
    for (let n = 0; n < 300; n++) {
      sent++;
      void client.session.emit("n", sent);
      void session!.emit("n", sent);
    }
  };
  for (let round = 0; round < 2; round++) {
    emitBoth();
    // In the middle of their way.
    proxy.cut = true;
    emitBoth();
    await network.until(() => !client.session.isConnected);
    emitBoth();
    proxy.cut = false;
    await network.until(() => outcomes.includes(false) || (atServer.length >= sent && atClient.length >= sent));
  }
  const expected = Array.from({ length: sent }, (_, index) => index + 1);
  assert.deepEqual(atServer, expected);
  assert.deepEqual(atClient, expected);
  assert.deepEqual([client.session.id, outcomes], [id, [true, true]]);
  assert.deepEqual([...server.sessions], [session]);
  await network.close();
  await proxy.close();
});

testOverNetworks("200 clients come back to a restarted server, one after the other", async (network) => {
  const CLIENTS = 200;
  const arrivalsUs: number[] = [];
  const clock = network.options.clock ?? { nowUs: () => performance.now() * 1000 };
  const build = (port: number): RpcServer =>
    RpcServer.builder().bind(`127.0.0.1:${port}`).options(network.options)
      .handler("echo", (_session, bytes) => bytes)
      .onConnect(() => void arrivalsUs.push(clock.nowUs()))
      .build() as unknown as RpcServer;
  const first = build(0);
  const { addresses } = await network.run(first.start());
  const seeds = Array.from({ length: CLIENTS }, (_, index) => index + 1);
  const clients: RpcClient[] = [];
  for (const seed of seeds) {
    clients.push(await network.connect(addresses[0]!, { random: seededRandom(seed), retry: false }));
  }
  await network.run(first.shutdown({ graceMs: 0 }));
  await network.until(() => clients.every((client) => client.state === "reconnecting"));
  const answers = clients.map((client, index) => client.request("echo", Uint8Array.of(index)));
  arrivalsUs.length = 0;
  const second = build(addresses[0]!.port);
  await network.start(second);
  const echoed = await network.run(Promise.all(answers));
  assert.deepEqual(echoed.map((bytes) => bytes[0]), clients.map((_, index) => index));
  assert.equal(arrivalsUs.length, CLIENTS);
  if (network.options.clock === undefined) return;
  // Over memory all of them lose the connection in the same instant: what spreads them is jitter alone. 200 draws out of
  // 500 ms put 8 into 20 ms on average, and 25 into the fullest with a chance of less than one in 10,000.
  const perBucket = new Map<number, number>();
  for (const atUs of arrivalsUs) {
    const bucket = Math.floor(atUs / 20_000);
    perBucket.set(bucket, (perBucket.get(bucket) ?? 0) + 1);
  }
  assert.ok(Math.max(...perBucket.values()) <= 25, `seeds 1 to ${CLIENTS}: ${JSON.stringify([...perBucket])}`);
});
