import assert from "node:assert/strict";
import { test } from "node:test";

import { OPTIONS, wire } from "../../tests/support/memory_wire.ts";

test("memoryNetwork sends the more urgent streams and datagrams first", async () => {
  const { clock, client, atServer } = await wire({ bandwidthBytesPerS: 1_000_000 });
  const usual = client.open(false);
  client.write(usual, new Uint8Array(100_000), true);
  const urgent = client.open(false, 0);
  client.write(urgent, new Uint8Array(50_000), true);
  for (const [value, urgency] of [[1, 3], [2, 0]] as const) client.sendDatagram(Uint8Array.of(value), 0, 0, urgency);
  await clock.advance(200);
  assert.deepEqual(atServer.take("datagram").map(([bytes]) => bytes), [[2], [1]]);
  const order = atServer.take("data").map(([stream]) => stream);
  assert.deepEqual(order.toSorted((a, b) => Number(b) - Number(a)), order, "the second stream came first, whole");
});

test("memoryNetwork resets a stream whose lifetime is over, finished or not, and says which were delivered", async () => {
  const { clock, client, server, atClient, atServer } = await wire({ delayMs: 10, bandwidthBytesPerS: 1_000_000 });
  const delivered = client.open(false, 3, 100);
  client.write(delivered, new Uint8Array(1_000), true);
  const open = client.open(false, 3, 100);
  client.write(open, Uint8Array.of(1), false);
  const slow = client.open(false, 4, 100);
  client.write(slow, new Uint8Array(500_000), true);
  await clock.advance(99);
  assert.deepEqual(atClient.take("delivered"), [[delivered]]);
  assert.deepEqual(atClient.take("expired"), []);
  await clock.advance(1);
  assert.deepEqual(atClient.take("expired"), [[open], [slow]]);
  await clock.advance(500);
  assert.deepEqual(atServer.take("reset"), [[6, OPTIONS.expiredStreamCode], [10, OPTIONS.expiredStreamCode]]);
  assert.equal(
    atClient.take("written").filter(([stream]) => stream === slow).reduce((sum, [, n]) => sum + Number(n), 0),
    500_000,
  );
  server.write(server.open(true, 0, 1), Uint8Array.of(1), false);
  await clock.advance(100);
  assert.deepEqual(atServer.take("expired"), [], "a stream with an answer has no lifetime");
});

test("memoryNetwork sends nothing again of a stream that expired while the network was cut", async () => {
  const { clock, network, client, atClient, atServer } = await wire({ delayMs: 10 });
  network.setCut(true);
  client.write(client.open(false, 3, 50), Uint8Array.of(1, 2), true);
  client.write(client.open(false, 3, 500), Uint8Array.of(3), true);
  await clock.advance(100);
  assert.deepEqual(atClient.take("expired"), [[-1]]);
  network.setCut(false);
  await clock.advance(100);
  assert.deepEqual(atServer.take("data"), [[6, [3], true]]);
  assert.deepEqual(atServer.take("reset"), [[2, OPTIONS.expiredStreamCode]]);
  assert.deepEqual(atClient.take("delivered"), [[-2]]);
});

test("memoryNetwork stamps data and datagrams with their arrival", async () => {
  const { clock, client, atServer } = await wire({ delayMs: 10 });
  const sentUs = clock.nowUs();
  client.write(client.open(false), Uint8Array.of(1), true);
  client.sendDatagram(Uint8Array.of(2), 0, 0);
  await clock.advance(50);
  assert.deepEqual(atServer.arrivals, [sentUs + 10_000]);
  assert.deepEqual(atServer.take("datagram"), [[[2], sentUs + 10_000]]);
});

test("memoryNetwork tells the bandwidth of its path, and whether that holds anything back", async () => {
  const { clock, client } = await wire({ bandwidthBytesPerS: 1_000_000 });
  assert.equal(client.stats().deliveryRateBytesPerS, 1_000_000);
  assert.equal(client.stats().pathLimited, false);
  client.write(client.open(false), new Uint8Array(100_000), true);
  await clock.advance(50);
  assert.equal(client.stats().pathLimited, true);
  await clock.advance(100);
  assert.equal(client.stats().pathLimited, false);
  const unlimited = await wire();
  assert.equal(unlimited.client.stats().deliveryRateBytesPerS, 0, "not known");
});
