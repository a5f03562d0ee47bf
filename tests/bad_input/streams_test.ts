import assert from "node:assert/strict";
import { encodeSettings } from "../../src/protocol/settings.ts";
import { ConnectionCode, StreamCode } from "../../src/protocol/error.ts";
import { encodeEvent } from "../../src/protocol/event_frame.ts";
import { encodeMediaPacket, MediaFlag } from "../../src/protocol/media_packet.ts";
import { encodeCancel, encodeRequest, type FailureMessage, MessageType } from "../../src/protocol/message.ts";
import { encodeMediaHeader, StreamKind } from "../../src/protocol/stream_header.ts";
import { Writer } from "../../src/protocol/writer.ts";
import { type Network, testOverNetworks } from "../support/networks.ts";
import { RawPeer } from "../support/raw_peer.ts";

const EMPTY = new Uint8Array(0);
/** The longest varint that is still a number to JavaScript: 2^53 − 1. */
const LARGEST_VARINT = [0xc0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const LARGE = 1024 * 1024;

/** A server's network, a peer of it that breaks rules, and what came of that; a client must not notice. */
interface Scene {
  readonly network: Network;
  readonly rogue: RawPeer;
  /** What handlers, listeners and streams were given, in order. */
  readonly seen: string[];
}

function testAgainstRogue(
  name: string,
  body: (scene: Scene) => Promise<void>,
  options: { readonly limits?: object; readonly tuning?: object } = {},
): void {
  testOverNetworks(name, async (network) => {
    const seen: string[] = [];
    const server = network.server().options(options)
      .handler("echo", (_session, bytes) => bytes)
      .handler("large", () => new Uint8Array(LARGE / 2))
      .handler("never", (_session, _bytes, call) =>
        new Promise<Uint8Array>((_, reject) => {
          call.signal.addEventListener("abort", () => reject(call.signal.reason));
        }))
      .listener("event", (_session, bytes) => void seen.push(`event ${bytes}`))
      .stream("camera", async (_session, incoming) => {
        for await (const { payload } of incoming) seen.push(`frame ${payload}`);
        seen.push("end");
      })
      .build();
    const address = await network.start(server);
    const client = await network.connect(address);
    const rogue = await RawPeer.connect(network, address);
    await body({ network, rogue, seen });
    assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(7))), Uint8Array.of(7), "a bystander");
    await network.run(client.close());
  });
}

/** The bytes `encode` appends. */
function bytesOf(...encode: readonly ((writer: Writer) => void)[]): number[] {
  const writer = new Writer();
  for (const one of encode) one(writer);
  return [...writer.view()];
}

function request(callId: number, method: string, payload: Uint8Array = EMPTY, encoding = 0): (writer: Writer) => void {
  return (writer) => encodeRequest(writer, { callId, method, encoding, payload });
}

const settings = bytesOf((writer) => encodeSettings(writer, {}));
const cameraHeader = bytesOf((writer) =>
  encodeMediaHeader(writer, { mediaStreamId: 1, name: "camera", clockRateHz: 1000, delivery: "reliable" })
);

/** The rogue is still connected, and its calls are answered. */
async function assertAlive({ network, rogue }: Scene, callId: number): Promise<void> {
  rogue.message(request(callId, "echo", Uint8Array.of(1)));
  const answered = (): boolean =>
    rogue.messages.some((message) => message.type === MessageType.ANSWER && message.callId === callId);
  await network.until(() => answered() || rogue.close !== undefined);
  assert.equal(rogue.close, undefined);
}

async function assertCut({ network, rogue }: Scene, code: number): Promise<void> {
  await network.until(() => rogue.close !== undefined);
  const { by, application, code: actual, reason } = rogue.close!;
  assert.deepEqual({ by, application, code: actual }, { by: "remote", application: true, code }, reason);
}

async function failureOf({ network, rogue }: Scene, callId: number): Promise<FailureMessage> {
  const find = (): FailureMessage | undefined =>
    rogue.messages.find((message): message is FailureMessage =>
      message.type === MessageType.FAILURE && message.callId === callId
    );
  await network.until(() => find() !== undefined || rogue.close !== undefined);
  assert.equal(rogue.close, undefined);
  return find()!;
}

testAgainstRogue("A stream of unknown kind is stopped with UNKNOWN_KIND, and the connection lives", async (scene) => {
  const { network, rogue } = scene;
  const streams = [[0x06], [0x3f, 1, 2, 3], [0x40, 0x80], [0x00], [...new Array(2000).fill(0xff)]]
    .map((bytes) => rogue.stream(bytes, false));
  await network.until(() => streams.every((stream) => rogue.stopped.has(stream)));
  for (const stream of streams) assert.equal(rogue.stopped.get(stream), StreamCode.UNKNOWN_KIND);
  await assertAlive(scene, 1);
});

testAgainstRogue(
  "Messages, events and media frames that come byte by byte are taken as if they came whole",
  async (scene) => {
    const { network, rogue, seen } = scene;
    const message = bytesOf(request(1, "echo", Uint8Array.of(1, 2, 3)));
    const streams = [
      [StreamKind.CONTROL, ...settings],
      [StreamKind.MESSAGES, message.length, ...message],
      [
        StreamKind.EVENTS,
        ...bytesOf((writer) =>
          encodeEvent(writer, { sequence: 1, name: "event", encoding: 0, payload: Uint8Array.of(5) })
        ),
      ],
      [
        ...cameraHeader,
        ...bytesOf(
          (writer) => encodeMediaPacket(writer, { flags: 0, sequence: 0, timestamp: 1, payload: Uint8Array.of(6) }),
          (writer) => encodeMediaPacket(writer, { flags: MediaFlag.END, sequence: 1, timestamp: 1, payload: EMPTY }),
        ),
      ],
    ];
    for (const bytes of streams) {
      const stream = rogue.connection.open(false);
      const finish = bytes[0] === StreamKind.MESSAGES || bytes[0] === StreamKind.MEDIA;
      for (const [at, byte] of bytes.entries()) {
        rogue.connection.write(stream, Uint8Array.of(byte), finish && at === bytes.length - 1);
        // Each in a packet of its own.
        await network.until(() => rogue.written.get(stream) === at + 1);
      }
    }
    await network.until(() => rogue.messages.length === 2 && seen.length === 3);
    assert.deepEqual(rogue.messages.map(({ type }) => type).sort(), [MessageType.ANSWER, MessageType.STREAM_STATUS]);
    assert.deepEqual(seen, ["event 5", "frame 6", "end"]);
  },
);

/** Streams that end the connection, by the code it ends with; each is written without its end. */
const FATAL: readonly (readonly [what: string, code: number, ...streams: readonly (readonly number[])[]])[] = [
  ["a second control stream", ConnectionCode.PROTOCOL_VIOLATION, [StreamKind.CONTROL, ...settings], [
    StreamKind.CONTROL,
    ...settings,
  ]],
  ["SETTINGS twice", ConnectionCode.PROTOCOL_VIOLATION, [StreamKind.CONTROL, ...settings, ...settings]],
  ["a setting twice", ConnectionCode.PROTOCOL_VIOLATION, [StreamKind.CONTROL, 0x10, 8, 4, 1, 0, 0, 4, 1, 0, 0]],
  ["a control frame of 2^53 bytes", ConnectionCode.PROTOCOL_VIOLATION, [
    StreamKind.CONTROL,
    ...settings,
    0x11,
    ...LARGEST_VARINT,
  ]],
  ["an acknowledgement of events never sent", ConnectionCode.PROTOCOL_VIOLATION, [
    StreamKind.CONTROL,
    ...settings,
    0x13,
    1,
    1,
  ]],
  ["an event frame of 2^53 bytes", ConnectionCode.LIMIT_EXCEEDED, [StreamKind.EVENTS, 0x20, ...LARGEST_VARINT]],
  ["events out of sequence", ConnectionCode.PROTOCOL_VIOLATION, [
    StreamKind.EVENTS,
    ...bytesOf((writer) => encodeEvent(writer, { sequence: 2, name: "event", encoding: 0, payload: EMPTY })),
  ]],
  ["a media header of 2^53 bytes", ConnectionCode.PROTOCOL_VIOLATION, [StreamKind.MEDIA, ...LARGEST_VARINT]],
  ["a media frame out of sequence", ConnectionCode.PROTOCOL_VIOLATION, [
    ...cameraHeader,
    ...bytesOf((writer) => encodeMediaPacket(writer, { flags: 0, sequence: 7, timestamp: 0, payload: EMPTY })),
  ]],
  ["a length above 2^53", ConnectionCode.PROTOCOL_VIOLATION, [StreamKind.MESSAGES, ...new Array(8).fill(0xff)]],
  [
    "a call id twice",
    ConnectionCode.PROTOCOL_VIOLATION,
    ...[1, 2].map(() => {
      const message = bytesOf(request(9, "never"));
      return [StreamKind.MESSAGES, message.length, ...message];
    }),
  ],
  ["unknown flags", ConnectionCode.PROTOCOL_VIOLATION, [StreamKind.MESSAGES, 6, 1, 0x80, 1, 1, 97, 0]],
  ["a status of 17", ConnectionCode.PROTOCOL_VIOLATION, [StreamKind.MESSAGES, 5, 5, 1, 17, 0, 0]],
];

for (const [what, code, ...streams] of FATAL) {
  testAgainstRogue(`A peer that sends ${what} is cut with code ${code}, others don't notice`, async (scene) => {
    for (const bytes of streams) scene.rogue.stream(bytes, false);
    await assertCut(scene, code);
  });
}

testAgainstRogue("A control stream that is reset is a violation", async (scene) => {
  const { network, rogue } = scene;
  const stream = rogue.stream([StreamKind.CONTROL, ...settings], false);
  await network.until(() => rogue.written.has(stream));
  rogue.connection.reset(stream, 0);
  await assertCut(scene, ConnectionCode.PROTOCOL_VIOLATION);
});

testAgainstRogue(
  "What is unknown or of no use is stepped over: frames, messages, answers nobody waits for",
  async (scene) => {
    const { network, rogue } = scene;
    const control = rogue.stream([StreamKind.CONTROL, ...settings, 0x15, 0x80, 0x20, 0, 0], false); // a frame of 2 MiB
    const filler = new Uint8Array(64 * 1024);
    for (let sent = 0; sent < 2 * LARGE; sent += filler.length) {
      rogue.connection.write(control, filler, false);
      await network.until(() => (rogue.written.get(control) ?? 0) >= sent || rogue.close !== undefined);
    }
    rogue.message(
      (writer) => writer.u8(0x3f).varint(5), // unknown type
      (writer) => writer.u8(0x02).u8(0).varint(77).varint(0), // ANSWER
      (writer) => writer.u8(0x03).u8(0).varint(78).u8(1).u8(0).text(""), // FAILURE
      (writer) => writer.u8(0x05).varint(5).u8(0).varint(0).text(""), // STREAM_STATUS
      (writer) => writer.u8(0x06).varint(1).varint(1).text("nope"), // EVENT_UNHEARD
    );
    rogue.connection.sendDatagram(Uint8Array.of(0xff, 0xff), 0, 0);
    rogue.stream([], true);
    await assertAlive(scene, 1);
  },
);

testAgainstRogue(
  "A message of 2^53 bytes ends its call and stops its stream, and the connection lives",
  async (scene) => {
    const { network, rogue } = scene;
    const head = bytesOf(request(5, "echo", new Uint8Array(100)));
    const stream = rogue.stream([StreamKind.MESSAGES, ...LARGEST_VARINT, ...head], false);
    const failure = await failureOf(scene, 5);
    assert.deepEqual([failure.code, failure.disposition], ["RESOURCE_EXHAUSTED", "notProcessed"]);
    await network.until(() => rogue.stopped.has(stream));
    assert.equal(rogue.stopped.get(stream), StreamCode.LIMIT_EXCEEDED);
    await assertAlive(scene, 6);
  },
);

testAgainstRogue(
  "A media frame of 2^53 bytes ends its stream with a status, and the connection lives",
  async (scene) => {
    const { network, rogue } = scene;
    const stream = rogue.stream([...cameraHeader, 0x30, ...LARGEST_VARINT, 0], false);
    await network.until(() => rogue.stopped.has(stream) && rogue.messages.length > 0);
    assert.equal(rogue.stopped.get(stream), StreamCode.LIMIT_EXCEEDED);
    const [status] = rogue.messages;
    assert.ok(status?.type === MessageType.STREAM_STATUS);
    assert.equal(status.code, "RESOURCE_EXHAUSTED");
    await assertAlive(scene, 6);
  },
);

testAgainstRogue(
  "A stream that does not say what it is is stopped in time, and the connection lives",
  async (scene) => {
    const { network, rogue } = scene;
    const stream = rogue.stream([StreamKind.MEDIA], false);
    const header = rogue.stream(cameraHeader.slice(0, -1), false);
    await network.until(() => rogue.stopped.has(stream) && rogue.stopped.has(header));
    assert.equal(rogue.stopped.get(stream), StreamCode.TIMED_OUT);
    assert.equal(rogue.stopped.get(header), StreamCode.TIMED_OUT);
    await assertAlive(scene, 1);
  },
  { limits: { headerTimeoutMs: 50 } },
);

testAgainstRogue("A flood of tiny streams is worked off, and the connection lives", async (scene) => {
  const { rogue } = scene;
  for (let round = 0; round < 10; round++) {
    for (let n = 0; n < 1000; n++) {
      // Unknown messages, unknown kinds, and streams abandoned at once.
      if (n % 3 === 0) rogue.message((writer) => writer.u8(0x3f));
      else if (n % 3 === 1) rogue.stream([0x07], true);
      else rogue.connection.reset(rogue.stream([StreamKind.MEDIA], false), 0);
    }
    await assertAlive(scene, round);
  }
});

testAgainstRogue("A burst of 2,000 cancels is taken; a peer that goes on is cut with LIMIT_EXCEEDED", async (scene) => {
  const { rogue } = scene;
  const cancels = (count: number, from: number): void => {
    const all = Array.from({ length: count }, (_, n) => (writer: Writer) => encodeCancel(writer, from + n));
    rogue.message(...all);
  };
  cancels(2000, 1000);
  await assertAlive(scene, 1);
  for (let n = 0; n < 20; n++) cancels(1000, 10_000 + 1000 * n);
  await assertCut(scene, ConnectionCode.LIMIT_EXCEEDED);
});

testAgainstRogue(
  "A peer that reads no answer is cut with TOO_SLOW, and what waits for it is bounded",
  async (scene) => {
    const { rogue } = scene;
    rogue.reads = false;
    for (let callId = 0; callId < 200; callId++) rogue.message(request(callId, "large"));
    await assertCut(scene, ConnectionCode.TOO_SLOW);
    // Back-pressure keeps handlers from running whose answers have no room: 4 MiB here, and what the windows took.
    assert.ok(rogue.receivedBytes < 64 * LARGE);
  },
  { limits: { outboundStallTimeoutMs: 200 } },
);

testAgainstRogue("Half-sent messages hold no more than the budget, and give it back", async (scene) => {
  const { network, rogue } = scene;
  const message = bytesOf(request(1, "echo", new Uint8Array(LARGE - 100)));
  const head = [StreamKind.MESSAGES, ...bytesOf((writer) => writer.varint(message.length))];
  const half = message.slice(0, message.length / 2);
  const streams = Array.from({ length: 40 }, () => rogue.stream([...head, ...half], false));
  const left = (): number => streams.reduce((sum, stream) => sum + (rogue.written.get(stream) ?? 0), 0);
  await network.until(() => left() >= 8 * LARGE);
  for (const stream of streams) rogue.connection.reset(stream, 0);
  rogue.stream([...head, ...message], true);
  const answered = (): boolean => rogue.messages.some((one) => one.type === MessageType.ANSWER && one.callId === 1);
  await network.until(() => answered() || rogue.close !== undefined);
  assert.ok(answered());
});
