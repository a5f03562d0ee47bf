import assert from "node:assert/strict";
import { test } from "node:test";
import { MESSAGE_KIND, withConnection } from "./endpoints.ts";

/** Messages of a whole block, each behind its length (RFC 9000 §16, one or two bytes here). */
function* messagesOf(block: Uint8Array): Generator<Uint8Array> {
  assert.equal(block[0], MESSAGE_KIND);
  let at = 1;
  while (at < block.length) {
    const long = block[at]! >= 0x40;
    const length = long ? (block[at]! & 0x3f) << 8 | block[at + 1]! : block[at]!;
    at += long ? 2 : 1;
    yield block.subarray(at, at + length);
    at += length;
  }
}

test("Native transport delivers 10,000 small messages exactly once, many to a stream", () =>
  withConnection({}, async ({ client, clientSink, serverSink }) => {
    const count = 10_000;
    const seen = new Uint8Array(count);
    let received = 0;
    let blocks = 0;
    serverSink.onStreamData = (stream, _bytes, finished) => {
      // What was lost and sent again may come in parts.
      if (!finished) return;
      blocks++;
      for (const message of messagesOf(Uint8Array.from(serverSink.stream(stream).bytes))) {
        seen[new DataView(message.buffer, message.byteOffset).getUint32(0)]!++;
        received++;
      }
    };
    const message = new Uint8Array(64);
    for (let index = 0; index < count; index++) {
      new DataView(message.buffer).setUint32(0, index);
      client.sendMessage(message);
    }
    await serverSink.until(() => received >= count);
    assert.ok(seen.every((times) => times === 1));
    assert.ok(blocks < count / 10, `${blocks} streams`);
    await clientSink.until(() => clientSink.messagesSentBytes === count * 64);
  }));

test("Native transport gives a message larger than a packet a stream of its own", () =>
  withConnection({}, async ({ client, serverSink }) => {
    client.sendMessage(new Uint8Array(40_000).fill(9));
    await serverSink.until(() => serverSink.stream(2).finished);
    assert.deepEqual(serverSink.stream(2).bytes.slice(0, 6), [MESSAGE_KIND, 0x80, 0x00, 0x9c, 0x40, 9]);
    assert.equal(serverSink.stream(2).bytes.length, 1 + 4 + 40_000);
  }));

test("Native transport stamps datagrams when they leave and when they arrive", () =>
  withConnection({}, async ({ transport, client, clientSink, serverSink }) => {
    const beforeUs = transport.nowUs();
    client.sendDatagram(Uint8Array.of(1, 2, 3), 41, 0);
    await serverSink.until(() => serverSink.datagrams.length === 1);
    await clientSink.until(() => clientSink.departures.has(41));
    const afterUs = transport.nowUs();
    const departureUs = clientSink.departures.get(41)!;
    const { bytes, arrivalUs } = serverSink.datagrams[0]!;
    assert.deepEqual([...bytes], [1, 2, 3]);
    assert.ok(beforeUs <= departureUs && departureUs <= afterUs);
    assert.ok(beforeUs <= arrivalUs && arrivalUs <= afterUs);
  }));

test("Native transport reports datagrams that are too large as dropped and leaves the others alone", () =>
  withConnection({}, async ({ client, clientSink, serverSink }) => {
    client.sendDatagram(new Uint8Array(70_000), 1, 0);
    client.sendDatagram(new Uint8Array(10), 2, 0);
    await serverSink.until(() => serverSink.datagrams.length === 1);
    await clientSink.until(() => clientSink.departures.size === 2);
    assert.equal(clientSink.departures.get(1), 0);
    assert.ok(clientSink.departures.get(2)! > 0);
    assert.ok(client.stats().maxDatagramBytes >= 1000);
  }));
