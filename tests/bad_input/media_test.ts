import assert from "node:assert/strict";
import { seededRandom } from "../../src/connection/memory_link.ts";
import { ConnectionCode } from "../../src/protocol/error.ts";
import { encodeMediaFragment, encodeMediaParity } from "../../src/protocol/media_fragment.ts";
import { encodeMediaPacket, MediaFlag } from "../../src/protocol/media_packet.ts";
import { MessageType } from "../../src/protocol/message.ts";
import { type Delivery, encodeMediaHeader, StreamKind } from "../../src/protocol/stream_header.ts";
import { Writer } from "../../src/protocol/writer.ts";
import { type Network, testOverNetworks } from "../support/networks.ts";
import { RawPeer } from "../support/raw_peer.ts";

const EMPTY = new Uint8Array(0);
const SEED = 33;

/** A peer that breaks rules of media, and what a handler of its server was given. */
interface Scene {
  readonly network: Network;
  readonly rogue: RawPeer;
  /** Stream name and sequence of every frame. */
  readonly seen: string[];
}

function testAgainstRogue(name: string, body: (scene: Scene) => Promise<void>): void {
  testOverNetworks(name, async (network) => {
    const seen: string[] = [];
    const server = network.server()
      .stream("camera", async (_session, incoming) => {
        for await (const { sequence } of incoming) seen.push(`camera ${sequence}`);
        seen.push("camera end");
      })
      .build();
    const address = await network.start(server);
    const rogue = await RawPeer.connect(network, address);
    await body({ network, rogue, seen });
  });
}

function bytesOf(encode: (writer: Writer) => void): number[] {
  const writer = new Writer();
  encode(writer);
  return [...writer.view()];
}

function header(mediaStreamId: number, delivery: Delivery, name = "camera", maxLatencyMs = 100): number[] {
  return bytesOf((writer) =>
    encodeMediaHeader(writer, { mediaStreamId, name, clockRateHz: 1_000, delivery, maxLatencyMs, parityEvery: 0 })
  );
}

function frame(sequence: number, payload: Uint8Array = EMPTY, flags = 0): number[] {
  return bytesOf((writer) => encodeMediaPacket(writer, { flags, sequence, timestamp: 0, payload }));
}

function unit(mediaStreamId: number, ...frames: readonly (readonly number[])[]): number[] {
  return [StreamKind.MEDIA_UNIT, ...bytesOf((writer) => writer.varint(mediaStreamId)), ...frames.flat()];
}

/** The rogue is connected, and its streams are taken. */
async function assertAlive({ network, rogue, seen }: Scene, mediaStreamId: number): Promise<void> {
  seen.length = 0;
  rogue.stream([...header(mediaStreamId, "reliable"), ...frame(0), ...frame(1, EMPTY, MediaFlag.END)], true);
  await network.until(() => seen.includes("camera end") || rogue.close !== undefined);
  assert.equal(rogue.close, undefined);
}

const FATAL: readonly (readonly [what: string, ...streams: readonly (readonly number[])[]])[] = [
  ["a unit whose id exceeds 2^53", [StreamKind.MEDIA_UNIT, ...new Array(8).fill(0xff)]],
  ["a unit for a reliable stream", header(1, "reliable"), unit(1, frame(0))],
  ["a unit for a stream of datagrams", header(1, "datagram"), unit(1, frame(0))],
  ["a unit with a clock reference", header(1, "expiring"), unit(1, [0x31, 16, ...new Array(16).fill(0)])],
  ["a unit with a frame cut short", header(1, "expiring"), unit(1, [0x30, 1, 0])],
  ["a frame beside the end of an expiring stream", [...header(1, "expiring"), ...frame(0)]],
  ["a clock reference cut short", [...header(1, "expiring"), 0x31, 1, 0]],
  ["a media stream id twice", header(1, "expiring"), header(1, "datagram")],
];

for (const [what, ...streams] of FATAL) {
  testAgainstRogue(`A peer that sends ${what} is cut with PROTOCOL_VIOLATION`, async ({ network, rogue }) => {
    for (const bytes of streams) {
      const stream = rogue.stream(bytes, false);
      // In this order.
      await network.until(() => rogue.written.has(stream) || rogue.close !== undefined);
    }
    await network.until(() => rogue.close !== undefined);
    assert.equal(rogue.close!.code, ConnectionCode.PROTOCOL_VIOLATION, rogue.close!.reason);
  });
}

testAgainstRogue("Frames that overtake their header are taken when it comes", async ({ network, rogue, seen }) => {
  rogue.stream(unit(1, frame(0, new Uint8Array(9_000)), frame(1)), true);
  const open = rogue.stream(unit(1, frame(2)), false);
  // What is behind the end of a unit is ignored.
  rogue.stream(unit(1, frame(0, EMPTY, MediaFlag.END), frame(9)), true);
  for (const sequence of [0, 1]) {
    const fragment = { packet: sequence, index: 0, count: 1, sequence, timestamp: 0, payload: EMPTY };
    rogue.connection.sendDatagram(encodeMediaFragment(2, fragment), 0, 0);
  }
  await network.until(() => rogue.written.has(open));
  rogue.stream(header(1, "expiring"), false);
  await network.until(() => seen.length === 3);
  rogue.connection.write(open, Uint8Array.from(frame(3)), true);
  await network.until(() => seen.length === 4);
  rogue.stream([...header(2, "datagram"), ...frame(2, EMPTY, MediaFlag.END)], true);
  await network.until(() => seen.includes("camera end"));
  assert.deepEqual([...seen].sort(), [
    "camera 0",
    "camera 0",
    "camera 1",
    "camera 1",
    "camera 2",
    "camera 3",
    "camera end",
  ]);
});

testAgainstRogue("Units that come byte by byte are taken as if they came whole", async ({ network, rogue, seen }) => {
  for (const bytes of [header(64, "expiring"), unit(64, frame(0, Uint8Array.of(1, 2, 3)), frame(1))]) {
    const stream = rogue.connection.open(false);
    for (const [at, byte] of bytes.entries()) {
      rogue.connection.write(stream, Uint8Array.of(byte), false);
      // Each in a packet of its own.
      await network.until(() => rogue.written.get(stream) === at + 1);
    }
  }
  await network.until(() => seen.length === 2);
  assert.deepEqual(seen, ["camera 0", "camera 1"]);
});

testAgainstRogue("Units of a stream that was refused, or never comes, are stopped", async (scene) => {
  const { network, rogue } = scene;
  rogue.stream(header(1, "expiring", "nope"), false);
  await network.until(() => rogue.messages.length === 1);
  const refused = rogue.stream(unit(1, frame(0)), false);
  const orphans = Array.from({ length: 300 }, (_, n) => rogue.stream(unit(1_000 + n, frame(0)), false));
  await network.until(() => [refused, ...orphans].every((stream) => rogue.stopped.has(stream)));
  await assertAlive(scene, 5);
});

testAgainstRogue("A unit with a frame of 2^53 bytes fails its stream, and the connection lives", async (scene) => {
  const { network, rogue } = scene;
  rogue.stream(header(1, "expiring"), false);
  rogue.stream(unit(1, [0x30, 0xc0, 0x1f, ...new Array(6).fill(0xff), 0]), false);
  await network.until(() => rogue.messages.length === 1 || rogue.close !== undefined);
  const [status] = rogue.messages;
  assert.ok(status?.type === MessageType.STREAM_STATUS);
  assert.equal(status.code, "RESOURCE_EXHAUSTED");
  await assertAlive(scene, 2);
});

testAgainstRogue("Units in progress hold a bounded amount of memory, what is too much is stopped", async (scene) => {
  const { network, rogue } = scene;
  rogue.stream(header(1, "expiring"), false);
  const begun = [0x30, ...bytesOf((writer) => writer.varint(1_000_000)), ...new Array(100).fill(0)];
  const units = Array.from({ length: 200 }, () => rogue.stream(unit(1, begun), false));
  // Of 8 MiB, half a frame for each does not fit.
  await network.until(() => units.filter((stream) => rogue.stopped.has(stream)).length >= 190);
  for (const stream of units) rogue.connection.reset(stream, 0);
  const whole = frame(7, new Uint8Array(1_000_000));
  const stream = rogue.stream(unit(1, whole), true);
  await network.until(() => scene.seen.includes("camera 7") || rogue.close !== undefined || rogue.stopped.has(stream));
  assert.ok(scene.seen.includes("camera 7"));
});

testAgainstRogue("A gap of millions of frames, and an end that lies, cost nothing", async (scene) => {
  const { network, rogue, seen } = scene;
  rogue.stream([...header(1, "expiring"), ...frame(4_000_000_000, EMPTY, MediaFlag.END)], true);
  rogue.stream(unit(1, frame(0), frame(50_000_000), frame(3_999_999_999), frame(3_999_999_999)), true);
  await network.until(() => seen.includes("camera end"));
  assert.deepEqual(seen, ["camera 0", "camera 50000000", "camera 3999999999", "camera end"]);
  await assertAlive(scene, 2);
});

testAgainstRogue("Datagrams of nonsense are dropped, whatever they say", async (scene) => {
  const { network, rogue, seen } = scene;
  const random = seededRandom(SEED);
  const below = (limit: number): number => Math.floor(random() * limit);
  rogue.stream(
    bytesOf((writer) =>
      encodeMediaHeader(writer, {
        mediaStreamId: 1,
        name: "camera",
        clockRateHz: 1_000,
        delivery: "datagram",
        maxLatencyMs: 100,
        parityEvery: 4,
      })
    ),
    false,
  );
  for (let n = 0; n < 5_000; n++) {
    const payload = Uint8Array.from({ length: below(1_000) }, () => below(256));
    const [packet, sequence] = [below(2) * 0x8000_0000 + below(50), below(2) * 0x8000_0000 + below(50)];
    const fragment = { packet, index: below(1_024), count: 1_024, sequence, timestamp: below(5), payload };
    const datagram = below(2) === 0
      ? encodeMediaFragment(below(3), fragment)
      : encodeMediaParity(below(3), { packet, count: 1 + below(32), lengths: below(2_000), bytes: payload });
    if (below(2) === 0) datagram[below(Math.min(30, datagram.length))] = below(256);
    rogue.connection.sendDatagram(below(4) === 0 ? datagram.subarray(0, below(datagram.length)) : datagram, 0, 0);
    if (n % 200 === 0) await network.until(() => rogue.established);
  }
  await assertAlive(scene, 9);
  const good = { packet: 7, index: 0, count: 1, sequence: 77, timestamp: 0, payload: EMPTY };
  rogue.connection.sendDatagram(encodeMediaFragment(1, good), 0, 0);
  await network.until(() => seen.includes("camera 77") || rogue.close !== undefined);
  assert.equal(rogue.close, undefined, `seed ${SEED}`);
});
