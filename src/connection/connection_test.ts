import assert from "node:assert/strict";
import { test } from "node:test";

import { connectionPair, pattern } from "../../tests/support/connection_pair.ts";
import { ConnectionCode, EchoStreamError } from "../protocol/error.ts";
import { StreamKind } from "../protocol/stream_header.ts";

const KIND = StreamKind.MESSAGES;

test("Connection delivers small messages whole, each once", async () => {
  const { clock, client, server, atServer, atClient } = await connectionPair({ network: { delayMs: 5 } });
  const sent = Array.from({ length: 1_000 }, (_, index) => pattern(index % 300, index));
  for (const message of sent) assert.equal(client.sendMessage(message), undefined);
  server.sendMessage(pattern(3));
  await clock.advance(50);
  assert.deepEqual(atServer.messages, sent);
  assert.deepEqual(atClient.messages, [pattern(3)]);
  assert.equal(client.outboundBytes, 0);
  assert.equal(server.stats().receivedMessages, 1_000);
  assert.equal(server.stats().receivingStreams, 0);
});

test("Connection delivers messages of every size around its limits, within the credit it grants", async () => {
  const { clock, client, server, atServer } = await connectionPair({ network: { delayMs: 1 } });
  const sizes = [1_099, 1_100, 1_101, 4_095, 4_096, 4_097, 16_383, 16_384, 100_000, 1_048_576];
  for (const size of sizes) client.sendMessage(pattern(size, size));
  await clock.advance(200);
  const bySize = atServer.messages.toSorted((a, b) => a.length - b.length);
  assert.deepEqual(bySize.map((message) => message.length), sizes);
  for (const message of bySize) assert.deepEqual(message, pattern(message.length, message.length));
  assert.equal(server.inbound.heldBytes, 0);
  assert.equal(server.stats().receivingStreams, 0);
  assert.equal(client.stats().sendingStreams, 0);
  assert.equal(client.outboundBytes, 0);
});

test("Connection completes more large messages than it may hold at once", async () => {
  const { clock, client, server, atServer } = await connectionPair({
    network: { delayMs: 1, bandwidthBytesPerS: 50_000_000 },
    limits: { maxMessageBytes: 100_000, maxInboundBytes: 250_000, maxOutboundBytes: 100_000_000 },
    tuning: { initialCreditBytes: 64 },
  });
  for (let count = 0; count < 40; count++) client.sendMessage(pattern(90_000, count));
  let mostHeld = 0;
  await clock.advanceUntil(() => {
    mostHeld = Math.max(mostHeld, server.inbound.heldBytes);
    return atServer.messages.length === 40;
  });
  assert.ok(mostHeld > 0 && mostHeld <= 250_000, `held ${mostHeld}`);
  assert.equal(server.inbound.heldBytes, 0);
});

test("Connection drops a large message that its sender resets half-way", async () => {
  const { clock, client, server, atServer } = await connectionPair({
    network: { delayMs: 10, bandwidthBytesPerS: 1_000_000 },
  });
  const sending = client.sendMessage(pattern(500_000))!;
  await clock.advance(100);
  assert.ok(server.inbound.heldBytes > 0);
  sending.reset(0x20);
  await clock.advance(100);
  assert.deepEqual(atServer.messages, []);
  assert.equal(server.inbound.heldBytes, 0);
  assert.equal(server.stats().receivingStreams, 0);
  assert.equal(client.outboundBytes, 0);
  client.sendMessage(pattern(2_000));
  await clock.advance(100);
  assert.deepEqual(atServer.messages, [pattern(2_000)]);
});

test("Connection hands the first bytes of a message over the limit on, stops the rest, and lives", async () => {
  const { clock, client, atServer } = await connectionPair({
    network: { delayMs: 1 },
    limits: { maxMessageBytes: 5_000 },
  });
  client.sendMessage(pattern(5_000));
  const sending = client.sendMessage(pattern(400_000))!;
  await clock.advance(50);
  assert.deepEqual(atServer.messages, [pattern(5_000)]);
  assert.deepEqual(atServer.oversize, [{ prefix: pattern(400_000).slice(0, 64), length: 400_000 }]);
  assert.equal(sending.ended, true);
  assert.equal(client.outboundBytes, 0);
  client.sendMessage(pattern(10));
  await clock.advance(10);
  assert.equal(atServer.messages.length, 2);
});

test("Connection refuses an oversize message that arrives whole, and takes its neighbours", async () => {
  const { clock, client, atServer } = await connectionPair({ limits: { maxMessageBytes: 100 } });
  for (const size of [100, 101, 50]) client.sendMessage(pattern(size));
  await clock.advance(10);
  assert.deepEqual(atServer.messages.map((message) => message.length), [100, 50]);
  assert.deepEqual(atServer.oversize.map(({ length }) => length), [101]);
});

for (
  const [name, bytes] of [
    ["inside a length", [KIND, 0x40]],
    ["inside a message", [KIND, 5, 1, 2]],
    ["behind a whole message", [KIND, 1, 9, 3, 1]],
  ] as const
) {
  test(`Connection closes with PROTOCOL_VIOLATION when a message stream ends ${name}`, async () => {
    for (const pieces of [1, bytes.length]) {
      const { clock, client, atClient, atServer } = await connectionPair();
      const stream = client.openUnidirectional();
      const each = pieces === 1 ? [Uint8Array.from(bytes)] : bytes.map((byte) => Uint8Array.of(byte));
      for (const piece of each.slice(0, -1)) {
        stream.write(piece);
        await clock.advance(1);
      }
      stream.finish(each.at(-1)!);
      await clock.advance(10);
      assert.equal(atServer.closeReason?.codeName, "PROTOCOL_VIOLATION");
      assert.equal(atClient.closeReason?.codeName, "PROTOCOL_VIOLATION");
      assert.equal(atClient.closeReason?.by, "remote");
      assert.match(atClient.closeReason.reason, /ends inside a message/);
    }
  });
}

test("Connection closes with INTERNAL_ERROR when a handler fails, without telling the peer why", async () => {
  const { clock, client, server, atClient, atServer } = await connectionPair();
  const failure = new Error("secret");
  server.handler = Object.assign(Object.create(atServer), {
    onMessage() {
      throw failure;
    },
  });
  client.sendMessage(pattern(1));
  await clock.advance(10);
  assert.equal(atClient.closeReason?.codeName, "INTERNAL_ERROR");
  assert.equal(atClient.closeReason.reason, "Internal error");
  assert.equal(atServer.logs.at(-1)?.error, failure);
});

test("Connection stops splitting when a handler closes it", async () => {
  const { clock, client, server, atServer } = await connectionPair();
  const seen: number[] = [];
  server.handler = Object.assign(Object.create(atServer), {
    onMessage(_bytes: Uint8Array, start: number, end: number) {
      seen.push(end - start);
      void server.close(ConnectionCode.REFUSED, "enough");
    },
  });
  for (const size of [1, 2, 3]) client.sendMessage(pattern(size));
  await clock.advance(10);
  assert.deepEqual(seen, [1]);
});

test("Connection gives both halves of the peer's bidirectional stream to its handler", async () => {
  const { clock, client, atServer } = await connectionPair({ network: { delayMs: 3 } });
  const { send, receive } = client.openBidirectional();
  const answers: [Uint8Array, boolean][] = [];
  receive.sink = {
    onData: (bytes, finished) => void answers.push([bytes.slice(), finished]),
    onReset: () => assert.fail("reset"),
  };
  send.finish(pattern(20));
  await clock.advance(10);
  const { receive: atPeer, send: back } = atServer.streams[0]!;
  const arrived: [Uint8Array, boolean][] = [];
  atPeer.sink = {
    onData: (bytes, finished) => void arrived.push([bytes.slice(), finished]),
    onReset: () => assert.fail("reset"),
  };
  assert.deepEqual(arrived, [[pattern(20), true]]);
  back!.finish(pattern(30));
  await clock.advance(10);
  assert.deepEqual(answers, [[pattern(30), true]]);
  assert.equal(client.stats().sendingStreams + client.stats().receivingStreams, 0);
});

test("Connection stops a stream whose header does not come", async () => {
  const { clock, client, atServer } = await connectionPair({ limits: { headerTimeoutMs: 1_000 } });
  const late = client.openUnidirectional();
  const timely = client.openUnidirectional();
  const stopped: number[] = [];
  late.onStopped = (code) => void stopped.push(code);
  timely.onStopped = () => assert.fail("stopped");
  late.write(Uint8Array.of(0x3f));
  timely.write(Uint8Array.of(0x3f));
  await clock.advance(500);
  atServer.streams[1]!.receive.headerRead();
  await clock.advance(1_000);
  assert.deepEqual(stopped, [0x24]);
  assert.equal(late.write(pattern(1)), false);
  await assert.rejects(late.ready(), { code: "CANCELLED", remote: true });
});

test("Connection counts queued bytes and says when there is room again", async () => {
  const { clock, client } = await connectionPair({
    network: { delayMs: 5, bandwidthBytesPerS: 1_000_000 },
    limits: { maxOutboundBytes: 100_000 },
  });
  for (let count = 0; count < 100; count++) client.sendMessage(pattern(1_000));
  assert.equal(client.outboundBytes, 100_000);
  assert.equal(client.writable, false);
  let ready = false;
  void client.ready().then(() => ready = true);
  await clock.advance(20);
  assert.equal(ready, false);
  await clock.advanceUntil(() => ready, 1_000);
  assert.ok(client.outboundBytes <= 50_000);
  assert.equal(client.writable, true);
});

test("Connection cuts a peer that takes nothing while its queue is full", async () => {
  const { clock, client, atClient, atServer } = await connectionPair({
    network: { delayMs: 5 },
    limits: {
      maxOutboundBytes: 200_000,
      maxOutboundStreamBytes: 1_000_000,
      outboundStallTimeoutMs: 10_000,
      headerTimeoutMs: 60_000,
    },
    tuning: { streamWindowBytes: 2_000, maxStreamWindowBytes: 2_000 },
  });
  const stream = client.openUnidirectional();
  stream.write(Uint8Array.of(0x3f));
  stream.write(pattern(300_000));
  const waiting = assert.rejects(stream.ready(), { code: "UNAVAILABLE" });
  // Messages count apart, and are not held back by a slow stream.
  assert.equal(client.writable, true);
  await clock.advance(9_000);
  assert.equal(atClient.closeReason, undefined);
  await clock.advance(2_000);
  assert.equal(atClient.closeReason!.codeName, "TOO_SLOW");
  assert.equal(atServer.closeReason!.codeName, "TOO_SLOW");
  await waiting;
});

test("Connection tells everything alive that it is closed, once, and refuses what comes later", async () => {
  const { clock, client, server, atClient, atServer } = await connectionPair({ network: { delayMs: 5 } });
  const open = client.openBidirectional();
  const closed: Error[] = [];
  open.receive.sink = {
    onData: () => {},
    onReset: () => assert.fail("reset"),
    onClosed: (error) => void closed.push(error),
  };
  open.send.write(Uint8Array.of(0x3f));
  await clock.advance(20);
  const first = server.close(ConnectionCode.GOING_AWAY, "bye");
  const second = server.close(ConnectionCode.NO_ERROR, "ignored");
  assert.equal(server.state, "closing");
  await clock.advance(20);
  assert.equal((await first).codeName, "GOING_AWAY");
  assert.equal(await first, await second);
  assert.equal(atServer.closeReason!.by, "local");
  assert.equal(client.state, "closed");
  assert.deepEqual([atClient.closeReason!.by, atClient.closeReason!.reason], ["remote", "bye"]);
  assert.equal(closed.length, 1);
  assert.equal(open.send.ended, true);
  assert.throws(
    () => client.openUnidirectional(),
    (error) => error instanceof EchoStreamError && error.code === "UNAVAILABLE",
  );
  assert.equal(client.sendMessage(pattern(5_000)), undefined);
  await assert.rejects(client.ready(), { code: "UNAVAILABLE" });
  assert.equal(await client.close(), client.closeReason);
});

test("Connection resets the other half of a stream the peer reset before its first byte was read", async () => {
  const { clock, client, atServer } = await connectionPair({ network: { delayMs: 5 } });
  const { send, receive } = client.openBidirectional();
  const resets: number[] = [];
  receive.sink = { onData: () => assert.fail("data"), onReset: (code) => void resets.push(code) };
  await clock.advance(0);
  await send.opened;
  send.reset(0x20);
  await clock.advance(50);
  assert.deepEqual(atServer.streams, []);
  assert.deepEqual(resets, [0x20]);
});

test("Connection carries datagrams and says when they left", async () => {
  const { clock, client, atClient, atServer } = await connectionPair({ network: { delayMs: 5 } });
  client.sendDatagram(pattern(100));
  client.sendDatagram(pattern(200), 7);
  client.sendDatagram(pattern(5_000), 8);
  const nowUs = clock.nowUs();
  await clock.advance(10);
  assert.deepEqual(atServer.datagrams, [pattern(100), pattern(200)]);
  assert.deepEqual(atClient.sentDatagrams, [[7, nowUs], [8, 0]]);
});
