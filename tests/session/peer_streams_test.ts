/**
 * What a session makes of the streams a peer opens, however they arrive.
 *
 * @module
 */

import assert from "node:assert/strict";
import { encodeEventAck } from "../../src/protocol/control_frames.ts";
import { encodeEvent } from "../../src/protocol/event_frame.ts";
import { encodeSettings } from "../../src/protocol/settings.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";
import { Writer } from "../../src/protocol/writer.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { pattern } from "../support/connection_pair.ts";
import { testOverMemory } from "../support/session_pair.ts";

testOverMemory("A stream of an unknown kind is stopped, and the session lives", {}, async (pair) => {
  pair.server.router.handle("echo", (_session, bytes) => bytes);
  let stopped = 0;
  for (const kind of [0x00, 0x3f, 0x40, 0xff]) {
    const stream = pair.client.connection.openUnidirectional();
    stream.onStopped = (code) => void (stopped += code);
    stream.write(new Uint8Array([kind, 1, 2, 3]));
  }
  await pair.clock.advance(10);
  assert.equal(stopped, 4 * 0x21);
  assert.equal((await pair.run(pair.client.session.request<Uint8Array>("echo", "x"))).length, 1);
});

testOverMemory("A stream that ends, empty, before its kind is ignored", {}, async (pair) => {
  pair.client.connection.openUnidirectional().finish();
  await pair.clock.advance(10);
  assert.equal(pair.client.connection.state, "established");
});

testOverMemory("Event and media streams may arrive byte by byte", {}, async (pair) => {
  const got: unknown[] = [];
  pair.server.listeners.add("e", (_session, bytes) => void got.push(bytes));
  const stream = pair.client.connection.openUnidirectional();
  const writer = new Writer();
  writer.u8(StreamKind.EVENTS);
  encodeEvent(writer, { sequence: 1, name: "e", encoding: 0, payload: pattern(300) });
  for (const byte of writer.view().slice()) {
    stream.write(new Uint8Array([byte]));
    await pair.clock.advance(1);
  }
  assert.deepEqual(got, [pattern(300)]);
});

testOverMemory("An event stream that ends between frames may be followed by another", {}, async (pair) => {
  const got: number[] = [];
  pair.server.listeners.add("e", (_session, bytes) => void got.push(bytes[0]));
  for (const sequence of [1, 2]) {
    const stream = pair.client.connection.openUnidirectional();
    const writer = new Writer();
    writer.u8(StreamKind.EVENTS);
    encodeEvent(writer, { sequence, name: "e", encoding: 0, payload: new Uint8Array([sequence]) });
    stream.finish(writer.view());
    // Sooner than the acknowledgement, which this client would take for a violation: its session sent nothing.
    await pair.clock.advance(2);
  }
  assert.deepEqual(got, [1, 2]);
});

const VIOLATIONS: readonly [what: string, kind: number, body: (writer: Writer) => unknown][] = [
  ["a second control stream", StreamKind.CONTROL, (writer) => encodeSettings(writer, {})],
  [
    "an event out of order",
    StreamKind.EVENTS,
    (writer) => encodeEvent(writer, { sequence: 2, name: "e", encoding: 0, payload: new Uint8Array(0) }),
  ],
  ["an acknowledgement on an event stream", StreamKind.EVENTS, (writer) => encodeEventAck(writer, 1)],
];

for (const [what, kind, body] of VIOLATIONS) {
  testOverMemory(`${what} is a violation`, {}, async (pair) => {
    const stream = pair.client.connection.openUnidirectional();
    const writer = new Writer().u8(kind);
    body(writer);
    stream.write(writer.view());
    const reason = await pair.run(pair.client.session.closed);
    assert.deepEqual([reason.by, reason.codeName], ["remote", "PROTOCOL_VIOLATION"]);
  });
}

testOverMemory(
  "An event above the limit costs the connection, because leaving it out would break the order",
  {},
  async (pair) => {
    const stream = pair.client.connection.openUnidirectional();
    const writer = new Writer().u8(StreamKind.EVENTS);
    encodeEvent(writer, { sequence: 1, name: "e", encoding: 0, payload: new Uint8Array(1_048_576) });
    stream.write(writer.view());
    const reason = await pair.run(pair.client.session.closed);
    assert.deepEqual([reason.by, reason.codeName], ["remote", "LIMIT_EXCEEDED"]);
  },
);

testOverMemory(
  "SETTINGS raise what may be sent",
  { limits: { maxMessageBytes: 4_000_000, maxMetadataEntries: 100 } },
  async (pair) => {
    pair.server.router.handle("size", (_session, bytes: Uint8Array, call) => [bytes.length, call.metadata.length], {
      output: cbor<number[]>(),
    });
    await pair.clock.advance(10);
    const metadata = Array.from({ length: 90 }, (_, n): [string, string] => [`n${n}`, ""]);
    const answer = await pair.run(pair.client.session.request("size", new Uint8Array(3_000_000), { metadata }));
    assert.deepEqual(answer, [3_000_000, 90]);
    const large = "x".repeat(2_000_000);
    pair.server.router.handle("same", (_session, value) => value, { input: cbor<string>() });
    assert.equal(await pair.run(pair.client.session.request("same", large)), large);
  },
);
