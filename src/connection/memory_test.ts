import assert from "node:assert/strict";
import { test } from "node:test";

import { connectionPair, pattern } from "../../tests/support/connection_pair.ts";
import { ADDRESS, dialOptions, Log, OPTIONS, wire } from "../../tests/support/memory_wire.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { memoryNetwork } from "./memory.ts";

test("memoryNetwork shakes hands in one round trip and never calls back inside a call", async () => {
  const clock = new VirtualClock();
  const { transport } = memoryNetwork({ clock, delayMs: 10 });
  await transport.listen({ ...OPTIONS, address: ADDRESS, identity: undefined }, () => new Log());
  const log = new Log();
  transport.dial(dialOptions(), log);
  assert.deepEqual(log.calls, []);
  await clock.advance(19);
  assert.deepEqual(log.calls, []);
  await clock.advance(1);
  assert.deepEqual(log.calls, [["established"]]);
});

test("memoryNetwork closes a dial to an address where nobody listens, and one that nothing answers", async () => {
  const clock = new VirtualClock();
  const { transport } = memoryNetwork({ clock, delayMs: 10, silentAddresses: ["10.0.0.1"] });
  const refused = new Log();
  const silent = new Log();
  transport.dial(dialOptions(), refused);
  transport.dial(dialOptions(OPTIONS, { address: "10.0.0.1", port: 1 }), silent);
  await clock.advance(20);
  assert.deepEqual(refused.closed, {
    by: "handshake",
    application: false,
    code: 0,
    reason: "Nobody listens on 127.0.0.1:5000",
  });
  assert.equal(silent.closed, undefined);
  await clock.advance(10_000);
  assert.deepEqual(silent.closed, {
    by: "handshake",
    application: false,
    code: 0,
    reason: "No answer within 10000 ms",
  });
});

test("memoryNetwork refuses a second listener on an address and frees it on close", async () => {
  const { transport } = memoryNetwork({ clock: new VirtualClock() });
  const options = { ...OPTIONS, address: ADDRESS, identity: undefined };
  const listener = await transport.listen(options, () => new Log());
  await assert.rejects(transport.listen(options, () => new Log()), {
    code: "UNAVAILABLE",
    message: "Address 127.0.0.1:5000 is in use",
  });
  await listener.close();
  await (await transport.listen(options, () => new Log())).close();
  const any = await transport.listen({ ...options, address: { address: "0.0.0.0", port: 0 } }, () => new Log());
  assert.notEqual(any.address.port, 0);
});

test("memoryNetwork listener stops accepting and closes once its connections are gone", async () => {
  const { clock, client, network } = await wire();
  const other = { ...OPTIONS, address: { address: "127.0.0.1", port: 6_000 }, identity: undefined };
  const listener = await network.transport.listen(other, () => new Log());
  const log = new Log();
  const connection = network.transport.dial(dialOptions(OPTIONS, other.address), log);
  await clock.advance(1);
  let closed = false;
  void listener.close().then(() => closed = true);
  const late = new Log();
  network.transport.dial(dialOptions(OPTIONS, other.address), late);
  await clock.advance(1);
  assert.equal(late.closed?.by, "handshake");
  assert.equal(closed, false);
  connection.close(0, "");
  await clock.advance(1);
  assert.equal(closed, true);
  client.close(0, "");
});

test("memoryNetwork keeps a stream in order however late its pieces are, and lets others overtake", async () => {
  const { clock, client, atServer } = await wire({ delayMs: 10, jitterMs: 50, seed: 3 });
  const streams = [client.open(false), client.open(false)];
  for (let count = 0; count < 20; count++) {
    for (const stream of streams) client.write(stream, Uint8Array.of(9, count), count === 19);
    await clock.advance(1);
  }
  await clock.advance(100);
  const data = atServer.take("data") as [number, number[], boolean][];
  for (const id of [2, 6]) {
    const bytes = data.filter(([stream]) => stream === id).flatMap(([, chunk]) => chunk);
    assert.deepEqual(bytes, Array.from({ length: 20 }, (_, count) => [9, count]).flat());
  }
  assert.notDeepEqual(data.map(([stream]) => stream).slice(0, 8), [2, 6, 2, 6, 2, 6, 2, 6]);
});

test("memoryNetwork packs messages that wait together into one stream and reports what it packed", async () => {
  const { clock, client, atClient, atServer } = await wire();
  for (const size of [1, 2, 1_100, 60, 0]) client.sendMessage(new Uint8Array(size).fill(size));
  await clock.advance(1);
  const data = atServer.take("data") as [number, number[], boolean][];
  assert.deepEqual(data.map(([stream, bytes, finished]) => [stream, bytes.length, finished]), [[
    2,
    1 + 2 + 3 + 1_102,
    true,
  ], [6, 1 + 61 + 1, true]]);
  assert.deepEqual(data[0]![1].slice(0, 6), [2, 1, 1, 2, 2, 2]);
  assert.deepEqual(atClient.take("messagesSent"), [[1_103], [60]]);
});

test("memoryNetwork delivers no more of a stream than was granted", async () => {
  const { clock, client, server, atServer } = await wire({ delayMs: 1 }, { initialCreditBytes: 64 });
  const stream = client.open(false);
  client.write(stream, pattern(200), true);
  const delivered = (): [number, boolean][] =>
    (atServer.take("data") as [number, number[], boolean][]).map(([, bytes, finished]) => [bytes.length, finished]);
  await clock.advance(10);
  assert.deepEqual(delivered(), [[64, false]]);
  server.grant(2, 100);
  assert.deepEqual(delivered(), []);
  await clock.advance(0);
  assert.deepEqual(delivered(), [[100, false]]);
  server.grant(2, 36);
  await clock.advance(0);
  assert.deepEqual(delivered(), [[36, true]]);
});

test("memoryNetwork lets a sender run ahead of its reader by no more than the window", async () => {
  const { clock, client, server, atClient } = await wire(
    { delayMs: 1 },
    { initialCreditBytes: 64, streamWindowBytes: 2_000, maxStreamWindowBytes: 2_000 },
  );
  const stream = client.open(false);
  client.write(stream, pattern(10_000), true);
  const written = (): number =>
    (atClient.take("written") as [number, number][]).reduce((sum, [, bytes]) => sum + bytes, 0);
  await clock.advance(10);
  assert.equal(written(), 2_064);
  server.grant(2, 1_000);
  await clock.advance(10);
  assert.equal(written(), 1_000);
  server.grant(2, 10_000);
  await clock.advance(20);
  assert.equal(written(), 10_000 - 3_064);
});

test("memoryNetwork opens streams beyond the peer's limit when others have ended, in order", async () => {
  const { clock, client, server, atClient, atServer } = await wire({ delayMs: 1 }, { maxBidirectionalStreams: 2 });
  const streams = [client.open(true), client.open(true), client.open(true), client.open(true)];
  for (const stream of streams) client.write(stream, Uint8Array.of(stream + 10), true);
  await clock.advance(10);
  assert.deepEqual(atClient.take("opened"), [[-1], [-2]]);
  assert.deepEqual(atServer.take("data"), [[0, [9], true], [4, [8], true]]);
  client.reset(streams[2]!, 5);
  server.write(0, Uint8Array.of(1), true);
  await clock.advance(10);
  assert.deepEqual(atClient.take("opened"), [[-4]]);
  assert.deepEqual(atServer.take("data"), [[8, [6], true]]);
  assert.deepEqual(atClient.take("data"), [[-1, [1], true]]);
});

test("memoryNetwork lets messages wait for stream credit", async () => {
  const { clock, client, server, atServer } = await wire({ delayMs: 1 }, { maxUnidirectionalStreams: 3 });
  for (let count = 0; count < 3; count++) client.write(client.open(false), Uint8Array.of(1), false);
  await clock.advance(5);
  client.sendMessage(Uint8Array.of(7));
  await clock.advance(5);
  assert.equal(atServer.take("data").length, 3);
  server.stop(2, 1);
  await clock.advance(10);
  assert.deepEqual(atServer.take("data"), [[14, [2, 1, 7], true]]);
});

test("memoryNetwork carries reset and stop with their codes, each way", async () => {
  const { clock, client, server, atClient, atServer } = await wire({ delayMs: 1 });
  const stream = client.open(true);
  client.write(stream, Uint8Array.of(1), false);
  await clock.advance(5);
  server.stop(0, 33);
  server.reset(0, 34);
  await clock.advance(5);
  assert.deepEqual(atClient.take("stopped"), [[-1, 33]]);
  assert.deepEqual(atClient.take("reset"), [[-1, 34]]);
  // The reset that answers a stop is not news to the one who asked for it.
  assert.deepEqual(atServer.take("reset"), []);
  client.write(stream, Uint8Array.of(2), false);
  await clock.advance(5);
  assert.equal(atServer.take("data").length, 1);
});

test("memoryNetwork carries a close with code and reason, after which nothing arrives", async () => {
  const { clock, client, server, atClient, atServer } = await wire({ delayMs: 5 });
  server.sendMessage(Uint8Array.of(1));
  client.close(17, "done");
  assert.equal(atClient.closed, undefined);
  await clock.advance(5);
  assert.deepEqual(atClient.closed, { by: "local", application: true, code: 17, reason: "done" });
  assert.deepEqual(atServer.closed, { by: "remote", application: true, code: 17, reason: "done" });
  await clock.advance(50);
  assert.deepEqual(atClient.calls.at(-1), ["closed"]);
  server.write(server.open(false), Uint8Array.of(1), true);
  await clock.advance(5);
  assert.deepEqual(atServer.calls.at(-1), ["closed"]);
});

test("memoryNetwork lets what was queued before a close leave first", async () => {
  const { clock, client, atServer } = await wire({ delayMs: 5, bandwidthBytesPerS: 1_000_000 });
  client.sendMessage(Uint8Array.of(7));
  const stream = client.open(false);
  client.write(stream, pattern(3_000), true);
  client.close(0, "done");
  client.sendMessage(Uint8Array.of(8));
  await clock.advance(20);
  const data = atServer.take("data") as [number, number[], boolean][];
  assert.deepEqual(data.map(([, bytes]) => bytes.length), [3, 3_000]);
  assert.equal(atServer.endedBy(), "remote");
});

test("memoryNetwork ends connections whose path is cut at the idle timeout, and keeps others alive", async () => {
  const { clock, network, atClient, atServer } = await wire({ delayMs: 5 }, { idleTimeoutMs: 2_000 });
  await clock.advance(60_000);
  assert.equal(atClient.endedBy(), undefined);
  network.setCut(true);
  await clock.advance(2_600);
  assert.equal(atClient.endedBy(), "timeout");
  assert.equal(atServer.endedBy(), "timeout");
});

test("memoryNetwork ends an idle connection without keep-alive", async () => {
  const { clock, client, atClient } = await wire({}, { idleTimeoutMs: 2_000, keepAliveIntervalMs: 0 });
  await clock.advance(1_500);
  client.sendMessage(Uint8Array.of(1));
  await clock.advance(1_000);
  assert.equal(atClient.endedBy(), undefined);
  await clock.advance(2_600);
  assert.equal(atClient.endedBy(), "timeout");
});

test("memoryNetwork delivers what waited once a cut path is whole again, except datagrams", async () => {
  const { clock, client, network, atServer } = await wire({ delayMs: 5 });
  network.setCut(true);
  client.sendMessage(Uint8Array.of(1));
  client.sendDatagram(Uint8Array.of(2), 0, 0);
  await clock.advance(100);
  assert.deepEqual(atServer.calls, []);
  network.setCut(false);
  await clock.advance(10);
  assert.deepEqual(atServer.take("data"), [[2, [2, 1, 1], true]]);
  assert.deepEqual(atServer.take("datagram"), []);
});

test("memoryNetwork keeps the order of a stream that is under way when the path is cut", async () => {
  const { clock, client, network, atServer } = await wire({ delayMs: 5, jitterMs: 100, seed: 1 });
  const stream = client.open(false);
  client.write(stream, new Uint8Array(50).fill(1), false);
  await clock.advance(1);
  network.setCut(true);
  client.write(stream, new Uint8Array(50).fill(2), true);
  await clock.advance(1);
  network.setCut(false);
  await clock.advance(5);
  assert.deepEqual(atServer.take("data"), [], "the first half is under way");
  await clock.advance(200);
  const pieces = atServer.take("data") as [number, number[], boolean][];
  assert.deepEqual(pieces.map(([, bytes]) => bytes[0]), [1, 2]);
});

test("memoryNetwork loses about the share of datagrams it was asked to, the same ones for the same seed", async () => {
  const arrived = async (seed: number): Promise<number[]> => {
    const { clock, client, atServer } = await wire({ delayMs: 5, jitterMs: 5, datagramLoss: 0.2, seed });
    for (let count = 0; count < 1_000; count++) client.sendDatagram(Uint8Array.of(count >> 8, count & 255), 0, 0);
    await clock.advance(50);
    return (atServer.take("datagram") as [number[]][]).map(([[high, low]]) => high! * 256 + low!);
  };
  const first = await arrived(11);
  assert.ok(first.length > 750 && first.length < 850, `${first.length} arrived`);
  assert.deepEqual(await arrived(11), first);
  assert.notDeepEqual(await arrived(12), first);
  assert.notDeepEqual(first, first.toSorted((a, b) => a - b));
});

test("memoryNetwork takes the time its bandwidth asks for, and drops datagrams that expire meanwhile", async () => {
  const { clock, client, atClient, atServer } = await wire({ delayMs: 10, bandwidthBytesPerS: 100_000 });
  const startUs = clock.nowUs();
  for (let id = 1; id <= 10; id++) client.sendDatagram(pattern(1_000), id, 45);
  await clock.advance(500);
  const arrivals = (atServer.take("datagram") as [number[], number][]).map(([, arrivalUs]) => arrivalUs - startUs);
  assert.deepEqual(arrivals, [20_000, 30_000, 40_000, 50_000, 60_000]);
  const dropped = (atClient.take("datagramSent") as [number, number][]).filter(([, departureUs]) => departureUs === 0);
  assert.deepEqual(dropped.map(([id]) => id), [6, 7, 8, 9, 10]);
});

test("memoryNetwork resolves literals and the hosts it was given", async () => {
  const { transport } = memoryNetwork({ hosts: { "a.test": ["10.0.0.1", "::2"] } });
  assert.deepEqual(await transport.resolve("a.test"), ["10.0.0.1", "::2"]);
  assert.deepEqual(await transport.resolve("::1"), ["::1"]);
  assert.deepEqual(await transport.resolve("localhost"), ["127.0.0.1", "::1"]);
  await assert.rejects(transport.resolve("b.test"), {
    code: "UNAVAILABLE",
    message: 'Host name "b.test" has no address',
  });
  await assert.rejects(transport.resolve("toString"), { code: "UNAVAILABLE" });
});

test("memoryNetwork refuses numbers out of range", () => {
  assert.throws(() => memoryNetwork({ delayMs: -1 }), RangeError);
  assert.throws(() => memoryNetwork({ jitterMs: NaN }), RangeError);
  assert.throws(() => memoryNetwork({ datagramLoss: 1.1 }), /datagramLoss is 1.1/);
  assert.throws(() => memoryNetwork({ bandwidthBytesPerS: 0 }), RangeError);
});

test("memoryNetwork runs on the system clock too", async () => {
  const { transport } = memoryNetwork({ delayMs: 1 });
  const atServer = new Log();
  const arrived = new Promise<void>((resolve) => {
    atServer.onData = () => resolve();
  });
  await transport.listen({ ...OPTIONS, address: ADDRESS, identity: undefined }, () => atServer);
  const log = new Log();
  const connection = transport.dial(dialOptions(), log);
  connection.sendMessage(Uint8Array.of(1));
  await arrived;
  connection.close(0, "");
});

test("memoryNetwork behaves the same twice for the same seed, whatever travels", async () => {
  const run = async (): Promise<string> => {
    const pair = await connectionPair({
      network: { delayMs: 7, jitterMs: 9, datagramLoss: 0.1, bandwidthBytesPerS: 2_000_000, seed: 5 },
    });
    const { clock, client, server, atClient, atServer } = pair;
    for (let count = 0; count < 200; count++) {
      client.sendMessage(pattern(count * 13, count));
      server.sendMessage(pattern(count, count));
      client.sendDatagram(pattern(20, count));
      await clock.advance(1);
    }
    await clock.advance(2_000);
    assert.equal(atServer.messages.length, 200);
    assert.equal(atClient.messages.length, 200);
    return JSON.stringify(
      [atServer.messages, atClient.messages, atServer.datagrams].map((all) =>
        all.map((bytes) => [bytes.length, bytes[0]])
      ),
    );
  };
  assert.equal(await run(), await run());
});
