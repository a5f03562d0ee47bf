import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamId } from "../../src/connection/transport.ts";
import { OPTIONS, withConnection } from "./endpoints.ts";

const bytes = (length: number, value = 7) => new Uint8Array(length).fill(value);

for (const host of ["127.0.0.1", "::1"]) {
  test(`Native transport echoes a bidirectional stream over ${host}`, () =>
    withConnection({
      host,
      client: { serverName: "localhost" },
      onAccept: (sink, connection) => sink.onStreamData = (stream, data, end) => connection.write(stream, data, end),
    }, async ({ client, clientSink, serverSink }) => {
      const stream = client.open(true);
      client.write(stream, Uint8Array.of(1, 2, 3), false);
      client.write(stream, Uint8Array.of(4), true);
      await clientSink.until(() => clientSink.stream(stream).finished);
      assert.deepEqual(clientSink.stream(stream).bytes, [1, 2, 3, 4]);
      assert.deepEqual(clientSink.opened, [stream]);
      assert.equal(clientSink.written.get(stream), 4);
      assert.equal(serverSink.connection?.remote.address, host);
    }));
}

test("Native transport delivers a small unidirectional stream as one event", () =>
  withConnection({}, async ({ server, clientSink }) => {
    const stream = server.open(false);
    server.write(stream, bytes(100), true);
    // Server-initiated, unidirectional, the first (RFC 9000 §2.1).
    await clientSink.until(() => clientSink.stream(3).finished);
    assert.equal(clientSink.stream(3).events, 1);
    assert.equal(clientSink.stream(3).bytes.length, 100);
  }));

test("Native transport ends an empty stream", () =>
  withConnection({}, async ({ client, serverSink }) => {
    client.write(client.open(false), bytes(0), true);
    await serverSink.until(() => serverSink.stream(2).finished);
    assert.equal(serverSink.stream(2).bytes.length, 0);
  }));

test("Native transport carries the codes of reset and stop, beyond 32 bits", () =>
  withConnection({}, async ({ client, clientSink, server, serverSink }) => {
    const stream = client.open(true);
    client.write(stream, bytes(10), false);
    await serverSink.until(() => serverSink.stream(0).events === 1);
    client.reset(stream, 2 ** 40 + 5);
    await serverSink.until(() => serverSink.stream(0).resetCode !== undefined);
    assert.equal(serverSink.stream(0).resetCode, 2 ** 40 + 5);

    const other = client.open(true);
    client.write(other, bytes(10), false);
    await serverSink.until(() => serverSink.stream(4).events === 1);
    server.stop(4, 0x21);
    await clientSink.until(() => clientSink.stream(other).stoppedCode !== undefined);
    assert.equal(clientSink.stream(other).stoppedCode, 0x21);
    server.reset(4, 0x22);
    await clientSink.until(() => clientSink.stream(other).resetCode !== undefined);
    assert.equal(clientSink.stream(other).resetCode, 0x22);
  }));

test("Native transport keeps opens and their data in order beyond the peer's stream credit", () =>
  withConnection({ server: { maxUnidirectionalStreams: 4 } }, async ({ client, clientSink, serverSink }) => {
    const order: number[] = [];
    serverSink.onStreamData = (_stream, data) => order.push(data[0]!);
    const streams: StreamId[] = [];
    for (let index = 0; index < 40; index++) {
      const stream = client.open(false);
      streams.push(stream);
      client.write(stream, Uint8Array.of(index), true);
    }
    client.reset(streams[20]!, 1);
    await serverSink.until(() => order.length === 39);
    assert.deepEqual(order.sort((one, other) => one - other), [...Array(40).keys()].filter((index) => index !== 20));
    assert.deepEqual(clientSink.opened, streams.filter((_, index) => index !== 20));
  }));

test("Native transport delivers no more of a stream than was granted", () =>
  withConnection({ server: { initialCreditBytes: 1000 } }, async ({ client, server, serverSink }) => {
    client.write(client.open(false), bytes(5000), true);
    // A later stream that arrives proves that the first one's data was there and held back.
    client.write(client.open(false), bytes(1), true);
    await serverSink.until(() => serverSink.stream(6).finished);
    assert.equal(serverSink.stream(2).bytes.length, 1000);
    server.grant(2, 500);
    await serverSink.until(() => serverSink.stream(2).bytes.length === 1500);
    server.grant(2, 10_000);
    await serverSink.until(() => serverSink.stream(2).finished);
    assert.equal(serverSink.stream(2).bytes.length, 5000);
  }));

test("Native transport holds a writer back while nobody reads, and moves 50 MB once somebody does", () =>
  withConnection({ server: { initialCreditBytes: 1 << 16 } }, async ({ client, clientSink, server, serverSink }) => {
    serverSink.keepsData = false;
    const chunk = bytes(1 << 16);
    const total = 50 << 20;
    const stream = client.open(false);
    let queued = 0;
    const fill = () => {
      const written = clientSink.written.get(stream) ?? 0;
      while (queued < total && queued - written < 256 << 10) {
        queued += chunk.length;
        client.write(stream, chunk, queued === total);
      }
    };
    fill();
    // What QUIC takes without being read: the stream's window and the credit.
    await serverSink.until(() => serverSink.receivedBytes === 1 << 16);
    const echo = client.open(false);
    client.write(echo, bytes(1), true);
    await serverSink.until(() => serverSink.receivedBytes === (1 << 16) + 1);
    fill();
    assert.ok((clientSink.written.get(stream) ?? 0) <= OPTIONS.streamWindowBytes + (1 << 16));

    const pump = setInterval(fill, 1);
    let finished = false;
    serverSink.onStreamData = (id, data, end) => {
      server.grant(id, data.length);
      finished ||= end;
    };
    server.grant(2, 1 << 20);
    await serverSink.until(() => finished);
    clearInterval(pump);
    assert.equal(serverSink.receivedBytes, total + 1);
    await clientSink.until(() => clientSink.written.get(stream) === total);
  }));
