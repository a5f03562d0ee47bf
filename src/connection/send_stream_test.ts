import assert from "node:assert/strict";
import { test } from "node:test";

import { connectionPair, pattern } from "../../tests/support/connection_pair.ts";

const OTHER_KIND = Uint8Array.of(0x3f);

test("SendStream asks for a pause at its limit and says when to go on", async () => {
  const { clock, client, atServer } = await connectionPair({
    network: { delayMs: 1 },
    limits: { maxOutboundStreamBytes: 10_000 },
    tuning: { streamWindowBytes: 4_096, maxStreamWindowBytes: 4_096, initialCreditBytes: 4_096 },
  });
  const stream = client.openUnidirectional();
  stream.write(OTHER_KIND);
  let writes = 0;
  while (stream.write(pattern(1_000))) writes++;
  assert.equal(writes, 9);
  let ready = false;
  void stream.ready().then(() => ready = true);
  await clock.advance(10);
  assert.equal(ready, true, "the window and the initial credit let half of it go");
  while (stream.write(pattern(1_000)));
  ready = false;
  void stream.ready().then(() => ready = true);
  await clock.advance(100);
  assert.equal(ready, false);
  const { receive } = atServer.streams[0]!;
  receive.sink = { onData: () => {}, onReset: () => {} };
  receive.grant(100_000);
  await clock.advance(10);
  assert.equal(ready, true);
  assert.equal(stream.queuedBytes, 0);
});

test("SendStream waits for the whole connection too", async () => {
  const { clock, client } = await connectionPair({
    network: { delayMs: 1, bandwidthBytesPerS: 100_000 },
    limits: { maxOutboundBytes: 5_000 },
  });
  const full = client.openUnidirectional();
  const other = client.openUnidirectional();
  full.write(pattern(20_000));
  assert.equal(other.write(OTHER_KIND), false);
  let ready = false;
  void other.ready().then(() => ready = true);
  await clock.advance(10);
  assert.equal(ready, false);
  await clock.advance(500);
  assert.equal(ready, true);
});

test("SendStream ends together with its last bytes only", async () => {
  const { clock, client, atServer } = await connectionPair();
  const stream = client.openUnidirectional();
  stream.write(OTHER_KIND);
  assert.throws(() => stream.finish(), { name: "TypeError", message: /ends with its last bytes/ });
  stream.finish(pattern(5));
  assert.throws(() => stream.write(pattern(1)), /finished/);
  assert.throws(() => stream.finish(pattern(1)), /finished/);
  await clock.advance(1);
  const arrived: [number, boolean][] = [];
  atServer.streams[0]!.receive.sink = {
    onData: (bytes, finished) => void arrived.push([bytes.length, finished]),
    onReset: () => assert.fail("reset"),
  };
  assert.deepEqual(arrived, [[6, true]]);
  const empty = client.openBidirectional();
  empty.send.finish();
  await clock.advance(1);
  assert.equal(atServer.streams.length, 2);
});

test("SendStream copies what it is given", async () => {
  const { clock, client, atServer } = await connectionPair();
  const stream = client.openUnidirectional();
  const bytes = Uint8Array.of(0x3f, 1, 2);
  stream.finish(bytes);
  bytes.fill(9);
  await clock.advance(1);
  let arrived: number[] = [];
  atServer.streams[0]!.receive.sink = { onData: (view) => void (arrived = [...view]), onReset: () => {} };
  assert.deepEqual(arrived, [0x3f, 1, 2]);
});

test("SendStream resets: what is queued is dropped, the peer is told, and writing is a mistake", async () => {
  const { clock, client, atServer } = await connectionPair({ network: { delayMs: 1, bandwidthBytesPerS: 1_000_000 } });
  const stream = client.openUnidirectional();
  stream.write(OTHER_KIND);
  stream.write(pattern(100_000));
  await clock.advance(10);
  const resets: number[] = [];
  const { receive } = atServer.streams[0]!;
  receive.sink = { onData: () => {}, onReset: (code) => void resets.push(code) };
  stream.reset(0x20);
  stream.reset(0x21);
  assert.equal(client.outboundBytes, 0);
  assert.throws(() => stream.write(pattern(1)), /was reset/);
  await clock.advance(50);
  assert.deepEqual(resets, [0x20]);
  assert.equal(receive.ended, true);
  assert.equal(client.stats().sendingStreams, 0);
});

test("SendStream that waits for stream credit never opens when it is reset before", async () => {
  const { clock, client, atServer } = await connectionPair({ tuning: { maxUnidirectionalStreams: 3 } });
  const streams = Array.from({ length: 5 }, () => client.openUnidirectional());
  for (const stream of streams) stream.write(OTHER_KIND);
  await clock.advance(1);
  const opened: number[] = [];
  for (const [index, stream] of streams.entries()) void stream.opened.then(() => opened.push(index), () => {});
  await clock.advance(1);
  assert.deepEqual(opened, [0, 1, 2]);
  const dropped = assert.rejects(streams[3]!.opened, TypeError);
  streams[3]!.reset(0x20);
  await dropped;
  streams[0]!.reset(0x20);
  await clock.advance(1);
  assert.deepEqual(opened, [0, 1, 2, 4]);
  assert.equal(atServer.streams.length, 4);
});

test("SendStream tells its writer that the peer wants no more", async () => {
  const { clock, client, atServer } = await connectionPair();
  const stream = client.openUnidirectional();
  const stopped: number[] = [];
  stream.onStopped = (code) => void stopped.push(code);
  stream.write(OTHER_KIND);
  await clock.advance(1);
  atServer.streams[0]!.receive.stop(0x22);
  await clock.advance(1);
  assert.deepEqual(stopped, [0x22]);
  assert.equal(stream.write(pattern(1)), false);
  stream.finish(pattern(1));
  await assert.rejects(stream.ready(), {
    code: "CANCELLED",
    message: "127.0.0.1:5000 stopped the stream with code 0x22",
  });
  assert.equal(client.stats().sendingStreams, 0);
});

test("SendStream whose lifetime is over has ended and says so, also when all of it had left", async () => {
  const { clock, network, client, server, atServer } = await connectionPair({ network: { delayMs: 5 } });
  const lost = client.openUnidirectional(undefined, { urgency: 1, lifetimeMs: 20 });
  const late = client.openUnidirectional(undefined, { lifetimeMs: 20 });
  const inTime = client.openUnidirectional(undefined, { lifetimeMs: 20 });
  const expired: string[] = [];
  lost.onExpired = () => expired.push("lost");
  late.onExpired = () => expired.push("late");
  inTime.onExpired = () => expired.push("inTime");
  inTime.finish(OTHER_KIND);
  late.write(OTHER_KIND);
  await clock.advance(10);
  assert.equal(client.stats().sendingStreams, 2, "what is acknowledged is forgotten");
  network.setCut(true);
  lost.finish(OTHER_KIND);
  await clock.advance(1);
  assert.equal(lost.queuedBytes, 0);
  await clock.advance(9);
  assert.deepEqual(expired, ["lost", "late"]);
  assert.equal(late.write(pattern(1)), false);
  await assert.rejects(late.ready(), { code: "DEADLINE_EXCEEDED" });
  network.setCut(false);
  await clock.advance(10);
  assert.equal(client.stats().sendingStreams, 0);
  assert.equal(client.outboundBytes, 0);
  assert.equal(atServer.streams.length, 2);
  assert.equal(server.arrivalUs, clock.nowUs() - 25_000, "late's, before the cut");
});

test("Connection refuses an urgency or lifetime out of range", async () => {
  const { client } = await connectionPair();
  for (const urgency of [-1, 8, 0.5, NaN]) {
    assert.throws(() => client.openUnidirectional(undefined, { urgency }), {
      name: "RangeError",
      message: /urgency is/,
    });
  }
  for (const lifetimeMs of [-1, NaN, Infinity]) {
    assert.throws(() => client.openUnidirectional(undefined, { lifetimeMs }), {
      name: "RangeError",
      message: /lifetimeMs/,
    });
  }
});
