/**
 * Streaming calls of a caller that breaks rules.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { StreamId } from "../../src/connection/transport.ts";
import {
  decodeTrailer,
  encodeCallHeaders,
  encodeCallMessage,
  encodeEnd,
  encodeTrailer,
  type Trailer,
} from "../../src/protocol/call_frames.ts";
import { ConnectionCode, type EchoStreamError, StreamCode } from "../../src/protocol/error.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import { Writer } from "../../src/protocol/writer.ts";
import { type Network, testOverNetworks } from "../support/networks.ts";
import { RawPeer } from "../support/raw_peer.ts";

interface Scene {
  readonly network: Network;
  readonly rogue: RawPeer;
  /** How the channel's handlers ended, in order. */
  readonly ends: string[];
}

type Encode = (writer: Writer) => void;

const headers: Encode = (writer) => encodeCallHeaders(writer, { method: "items" });
const item: Encode = (writer) => encodeCallMessage(writer, { encoding: 0, payload: Uint8Array.of(1) });
const LARGE = new Uint8Array(1024 * 1024);

function testAgainstRogue(name: string, body: (scene: Scene) => Promise<void>, tuning: object = {}): void {
  testOverNetworks(name, async (network) => {
    const ends: string[] = [];
    const server = network.server().options({ tuning })
      .handler("echo", (_session, bytes) => bytes)
      .channel("items", async function* (_session, items, call) {
        try {
          for await (const bytes of items) yield bytes;
        } finally {
          ends.push(call.signal.aborted ? (call.signal.reason as EchoStreamError).code : "END");
        }
      })
      .build();
    const address = await network.start(server);
    const client = await network.connect(address);
    const rogue = await RawPeer.connect(network, address);
    // Handlers run once the connect hooks have let a session in; what ends before that never ran.
    await network.until(() => server.sessions.size === 2);
    await body({ network, rogue, ends });
    assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(7))), Uint8Array.of(7), "a bystander");
    await network.run(client.close());
  });
}

/** Open a bidirectional stream and write these frames. */
function call({ rogue }: Scene, encode: readonly Encode[], finish: boolean): StreamId {
  const writer = new Writer();
  for (const one of encode) one(writer);
  const stream = rogue.connection.open(true);
  rogue.connection.write(stream, writer.view().slice(), finish);
  return stream;
}

/** The trailer that answers `stream`. */
async function trailerOf({ network, rogue }: Scene, stream: StreamId): Promise<Trailer> {
  await network.until(() => rogue.close !== undefined || rogue.whole.get(stream) !== undefined);
  assert.equal(rogue.close, undefined);
  const decoder = new FrameDecoder(1 << 20);
  decoder.push(rogue.whole.get(stream)!);
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
    if (frame.type === FrameType.TRAILER) return decodeTrailer(frame.bytes, frame.start, frame.end);
  }
  return assert.fail("No TRAILER came");
}

const VIOLATIONS: Readonly<Record<string, readonly Encode[]>> = {
  "a MESSAGE before HEADERS": [item],
  "HEADERS twice": [headers, headers],
  "END twice": [headers, encodeEnd, encodeEnd],
  "a MESSAGE after END": [headers, encodeEnd, item],
  "a TRAILER of the caller": [headers, (writer) => encodeTrailer(writer)],
  "an END with a body": [headers, (writer) => void writer.u8(FrameType.END).u8(1).u8(0)],
  "HEADERS with unknown flags": [(writer) => void writer.u8(FrameType.HEADERS).u8(1).u8(0x80)],
  "HEADERS that end early": [(writer) => void writer.u8(FrameType.HEADERS).u8(2).u8(0).u8(9)],
};

for (const [what, frames] of Object.entries(VIOLATIONS)) {
  testAgainstRogue(`A streaming call with ${what} closes its connection only`, async (scene) => {
    const { network, rogue } = scene;
    call(scene, frames, false);
    await network.until(() => rogue.close !== undefined);
    assert.equal(rogue.close!.code, ConnectionCode.PROTOCOL_VIOLATION, rogue.close!.reason);
  });
}

testAgainstRogue(
  "A FIN without END is no end of the items: DATA_LOSS for the handler and the caller",
  async (scene) => {
    const stream = call(scene, [headers, item], true);
    const { failure } = await trailerOf(scene, stream);
    assert.equal(failure?.code, "DATA_LOSS");
    await scene.network.until(() => scene.ends.length === 1);
    assert.deepEqual(scene.ends, ["DATA_LOSS"]);
  },
);

testAgainstRogue("Frames of unknown type are stepped over, and frames may come byte by byte", async (scene) => {
  const { network, rogue } = scene;
  const writer = new Writer();
  for (const one of [headers, item]) one(writer);
  writer.u8(0x3f).u8(3).u8(1).u8(2).u8(3);
  for (const one of [item, encodeEnd]) one(writer);
  const bytes = writer.view().slice();
  const stream = rogue.connection.open(true);
  for (let at = 0; at < bytes.length; at++) {
    rogue.connection.write(stream, bytes.subarray(at, at + 1), at === bytes.length - 1);
    await network.until(() => (rogue.written.get(stream) ?? 0) > at);
  }
  assert.equal((await trailerOf(scene, stream)).failure, undefined);
  assert.deepEqual(scene.ends, ["END"]);
});

testAgainstRogue(
  "An item above the limit ends its call with RESOURCE_EXHAUSTED, and the connection lives",
  async (scene) => {
    const { network, rogue } = scene;
    const large: Encode = (writer) => encodeCallMessage(writer, { encoding: 0, payload: LARGE });
    const stream = call(scene, [headers, item, large], false);
    assert.equal((await trailerOf(scene, stream)).failure?.code, "RESOURCE_EXHAUSTED");
    await network.until(() => rogue.stopped.has(stream));
    const next = call(scene, [headers, encodeEnd], true);
    assert.equal((await trailerOf(scene, next)).failure, undefined);
  },
);

testAgainstRogue(
  "A bad name, an unknown method or encoding is answered by a TRAILER, whatever follows",
  async (scene) => {
    const methods: [string, string][] = [["missing", "UNIMPLEMENTED"], ["items", "UNIMPLEMENTED"]];
    for (const [method, code] of methods) {
      const stream = call(scene, [
        (writer) => encodeCallHeaders(writer, { method }),
        (writer) => encodeCallMessage(writer, { encoding: 99, payload: LARGE.subarray(0, 10) }),
        item,
        encodeEnd,
      ], true);
      const { failure } = await trailerOf(scene, stream);
      assert.equal(failure?.code, code, method);
    }
  },
);

testAgainstRogue("A call whose HEADERS do not come is stopped after the header timeout", async (scene) => {
  const { network, rogue } = scene;
  const stream = call(scene, [(writer) => void writer.u8(FrameType.HEADERS)], false);
  await network.until(() => rogue.stopped.has(stream) && rogue.resets.has(stream));
  assert.equal(rogue.stopped.get(stream), StreamCode.TIMED_OUT);
}, {});

testAgainstRogue("A stream that is reset at any point leaves nothing behind", async (scene) => {
  const { network, rogue } = scene;
  for (const frames of [[], [headers], [headers, item], [headers, item, encodeEnd]]) {
    const stream = call(scene, frames, false);
    rogue.connection.reset(stream, StreamCode.CANCELLED);
    rogue.connection.stop(stream, StreamCode.CANCELLED);
  }
  const last = call(scene, [headers, item, encodeEnd], true);
  assert.equal((await trailerOf(scene, last)).failure, undefined);
  await network.until(() => scene.ends.filter((end) => end === "END").length >= 1);
});
