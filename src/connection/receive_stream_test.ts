import assert from "node:assert/strict";
import { test } from "node:test";

import { connectionPair, pattern } from "../../tests/support/connection_pair.ts";
import { type ReceiveSink } from "./receive_stream.ts";

/** Takes everything and writes its length down. */
class Lengths implements ReceiveSink {
  readonly all: (number | string)[] = [];
  onData(bytes: Uint8Array, finished: boolean): void {
    if (bytes.length > 0) this.all.push(bytes.length);
    if (finished) this.all.push("finished");
  }
  onReset(code: number): void {
    this.all.push(`reset ${code}`);
  }
  onClosed(error: Error): void {
    this.all.push(error.name);
  }
}

test("ReceiveStream keeps what arrives before it has a sink, within its credit", async () => {
  const { clock, client, server, atServer } = await connectionPair({ tuning: { initialCreditBytes: 100 } });
  const stream = client.openUnidirectional();
  stream.write(Uint8Array.of(0x3f));
  await clock.advance(1);
  stream.finish(pattern(500));
  await clock.advance(1);
  const { receive } = atServer.streams[0]!;
  assert.equal(receive.receivedBytes, 100);
  assert.equal(receive.creditBytes, 0);
  assert.equal(server.inbound.heldBytes, 100);
  const lengths = new Lengths();
  receive.sink = lengths;
  assert.equal(server.inbound.heldBytes, 0);
  receive.cover(301);
  receive.cover(300);
  await clock.advance(1);
  receive.grant(1_000);
  await clock.advance(1);
  assert.deepEqual(lengths.all, [100, 301, 100, "finished"]);
  assert.equal(receive.ended, true);
});

test("ReceiveStream lets a sink hand over to another in the middle", async () => {
  const { clock, client, atServer } = await connectionPair();
  const stream = client.openUnidirectional();
  stream.write(Uint8Array.of(0x3f));
  await clock.advance(1);
  const { receive } = atServer.streams[0]!;
  const rest = new Lengths();
  receive.sink = { onData: () => void (receive.sink = rest), onReset: () => assert.fail("reset") };
  stream.finish(pattern(10));
  await clock.advance(1);
  assert.deepEqual(rest.all, [10, "finished"]);
});

test("ReceiveStream delivers nothing after a stop", async () => {
  const { clock, client, server, atServer } = await connectionPair({ network: { delayMs: 5 } });
  const stream = client.openUnidirectional();
  stream.write(Uint8Array.of(0x3f));
  await clock.advance(10);
  const { receive } = atServer.streams[0]!;
  const lengths = new Lengths();
  receive.sink = lengths;
  stream.write(pattern(100));
  receive.stop(0x22);
  receive.stop(0x23);
  await clock.advance(50);
  assert.deepEqual(lengths.all, [1]);
  assert.equal(server.stats().receivingStreams, 0);
  assert.equal(atServer.streams.length, 1);
});

test("ReceiveStream tells its sink of a reset, and of a connection that is gone, also when it comes late", async () => {
  const { clock, client, server, atServer } = await connectionPair();
  const sinks = [new Lengths(), new Lengths(), new Lengths()];
  const streams = sinks.map(() => client.openUnidirectional());
  for (const stream of streams) stream.write(Uint8Array.of(0x3f));
  await clock.advance(1);
  const receiving = atServer.streams.map(({ receive }) => receive);
  receiving[0]!.sink = sinks[0];
  receiving[2]!.sink = sinks[2];
  streams[0]!.reset(7);
  streams[1]!.reset(8);
  await clock.advance(1);
  receiving[1]!.sink = sinks[1];
  void server.close();
  await clock.advance(1);
  assert.deepEqual(sinks.map(({ all }) => all), [[1, "reset 7"], ["reset 8"], [1, "EchoStreamError"]]);
  assert.equal(server.inbound.heldBytes, 0);
});
