import assert from "node:assert/strict";
import { test } from "node:test";
import { EXPIRED_CODE, withConnection } from "./endpoints.ts";

const bytes = (length: number, value = 7) => new Uint8Array(length).fill(value);

test("Native transport lets urgent streams overtake a large one, and starves none", () =>
  withConnection({ server: { initialCreditBytes: 1 << 26, streamWindowBytes: 4 << 20 } }, async (endpoints) => {
    const { client, serverSink } = endpoints;
    serverSink.keepsData = false;
    const lengths = new Map<number, number>();
    const ends: number[] = [];
    serverSink.onStreamData = (stream, data, finished) => {
      lengths.set(stream, (lengths.get(stream) ?? 0) + data.length);
      if (finished) ends.push(lengths.get(stream)!);
    };
    client.write(client.open(false, 7), bytes(16 << 20), true);
    client.write(client.open(false), bytes(2 << 20), true);
    client.write(client.open(false, 0), bytes(1 << 20), true);
    await serverSink.until(() => ends.length === 3);
    assert.deepEqual(ends, [1 << 20, 2 << 20, 16 << 20]);
  }));

test("Native transport resets a stream that is not finished within its lifetime", () =>
  withConnection({}, async ({ client, clientSink, serverSink }) => {
    const stream = client.open(false, 3, 20);
    client.write(stream, bytes(10), false);
    await serverSink.until(() => serverSink.stream(2).resetCode !== undefined);
    assert.equal(serverSink.stream(2).resetCode, EXPIRED_CODE);
    await clientSink.until(() => clientSink.expired.length > 0);
    assert.deepEqual(clientSink.expired, [stream]);
    assert.deepEqual(clientSink.delivered, []);
  }));

test("Native transport says when all of a stream with a lifetime is acknowledged", () =>
  withConnection({}, async ({ client, clientSink, serverSink }) => {
    const streams = [0, 1, 2].map((index) => {
      const stream = client.open(false, 3, 10_000);
      client.write(stream, bytes(10_000, index), true);
      return stream;
    });
    await clientSink.until(() => clientSink.delivered.length === 3);
    assert.deepEqual(clientSink.delivered, streams);
    assert.deepEqual(clientSink.expired, []);
    assert.equal(serverSink.receivedBytes, 30_000);
  }));

test("Native transport gives a stream with an answer no lifetime", () =>
  withConnection({}, async ({ client, clientSink, server, serverSink }) => {
    client.write(client.open(true, 0, 1), bytes(10), false);
    const probe = client.open(false, 3, 20);
    await clientSink.until(() => clientSink.expired.length > 0);
    assert.deepEqual(clientSink.expired, [probe]);
    server.write(0, bytes(1), true);
    await clientSink.until(() => clientSink.stream(-1).finished);
    assert.equal(serverSink.stream(0).resetCode, undefined);
  }));

test("Native transport stamps streams and datagrams with their arrival on its clock", () =>
  withConnection({}, async ({ transport, client, clientSink, serverSink }) => {
    const beforeUs = transport.nowUs();
    client.write(client.open(false), bytes(10), true);
    client.sendDatagram(bytes(10), 1, 0, 0);
    await serverSink.until(() => serverSink.stream(2).finished && serverSink.datagrams.length === 1);
    await clientSink.until(() => clientSink.departures.has(1));
    const afterUs = transport.nowUs();
    const stamps = [clientSink.departures.get(1)!, serverSink.datagrams[0]!.arrivalUs];
    for (const stamp of [...stamps, serverSink.stream(2).arrivalUs]) {
      assert.ok(stamp >= beforeUs && stamp <= afterUs, `${beforeUs} ${stamp} ${afterUs}`);
    }
    assert.ok(stamps[0]! <= stamps[1]!, `left at ${stamps[0]}, arrived at ${stamps[1]}`);
  }));
