import assert from "node:assert/strict";
import type { Socket } from "node:dgram";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import { seededRandom } from "../../src/connection/memory_link.ts";
import type { SocketAddress } from "../../src/connection/transport.ts";
import type { EchoStreamError } from "../../src/protocol/error.ts";
import { cryptoFrame, firstPacketEnd, sealInitial } from "../support/quic_initial.ts";
import { type ServerProcess, startServer } from "../support/server_process.ts";
import { openSocket, UdpProxy } from "../support/udp_proxy.ts";

const random = seededRandom(20);
const below = (limit: number): number => Math.floor(random() * limit);
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256));
const PING = Uint8Array.of(0x01);
/** Of the server (`target_server.ts`), and of `native/src/connection/ending.rs`. */
const HANDSHAKE_TIMEOUT_MS = 200;
const LINGER_MS = 500;

/** A server under attack, somebody who uses it meanwhile, and what an honest client once sent. */
interface Scene {
  readonly server: ServerProcess;
  readonly bystander: RpcClient;
  readonly socket: Socket;
  readonly captured: readonly Uint8Array[];
  /** Of what was sent. */
  sentBytes: number;
  /** Datagrams that came back. */
  readonly answers: Uint8Array[];
}

async function withScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  const server = await startServer("tests/support/target_server.ts");
  const address = { address: "127.0.0.1", port: server.port };
  const socket = await openSocket();
  const proxy = await UdpProxy.open(address, { capture: 20 });
  try {
    const honest = await connect(proxy.address);
    await honest.request("echo", noise(5_000));
    await honest.close();
    const bystander = await connect(address);
    const scene: Scene = { server, bystander, socket, captured: proxy.captured, sentBytes: 0, answers: [] };
    while (await count(scene, "sessions") > 1);
    socket.on("message", (bytes) => scene.answers.push(Uint8Array.from(bytes)));
    await body(scene);
    await bystander.close();
    assert.ok(server.alive());
    assert.equal(server.errors(), "", "a panic, or anything else worth a word");
  } finally {
    socket.close();
    await proxy.close();
    await server.kill();
  }
}

/** A client that is served. Busy machines may need more time for a handshake than the target grants, and it may have no room for one. */
async function connect(address: SocketAddress): Promise<RpcClient> {
  for (;;) {
    const client = await RpcClient.connect(address, { timeoutMs: 400 }).catch(ignoreUnavailable);
    if (client !== undefined && await client.request("echo", PING).catch(ignoreUnavailable) !== undefined) {
      return client;
    }
  }
}

function ignoreUnavailable(error: EchoStreamError): undefined {
  assert.equal(error.code, "UNAVAILABLE");
}

/** Send datagrams no faster than the server takes them; the bystander's calls must all succeed meanwhile. */
async function flood(scene: Scene, count: number, make: (n: number) => Uint8Array): Promise<void> {
  for (let n = 0; n < count; n++) {
    const packet = make(n);
    scene.sentBytes += packet.length;
    scene.socket.send(packet, scene.server.port, "127.0.0.1");
    if (n % 50 === 49) assert.deepEqual(await scene.bystander.request("echo", PING), PING);
  }
}

/** What the server says of itself. */
async function count({ bystander }: Scene, what: "memory" | "sessions"): Promise<number> {
  return Number(new TextDecoder().decode(await bystander.request(what, "") as Uint8Array));
}

/** The connection id at `at`, where its length is. */
function idAt(packet: Uint8Array, at: number): string {
  return packet.subarray(at, at + 1 + packet[at]!).toString();
}

/** The id the server chose for a connection, in a packet of its handshake. */
function serverId(packet: Uint8Array): string {
  return idAt(packet, 6 + packet[5]!);
}

function bytesOf(packets: readonly Uint8Array[]): number {
  return packets.reduce((sum, { length }) => sum + length, 0);
}

/** What a version of QUIC that is not spoken is answered with (RFC 9000 §6). */
function isVersionNegotiation(packet: Uint8Array): boolean {
  return packet[0]! >= 0x80 && packet.subarray(1, 5).every((byte) => byte === 0);
}

test("Garbage of every kind and size leaves a server and its other clients alone, and gets less than it costs", () =>
  withScene(async (scene) => {
    const { captured, answers } = scene;
    const startMs = performance.now();
    const pick = (n: number): Uint8Array => captured[n % captured.length]!.slice();
    const long = (first: number, bytes: Uint8Array): Uint8Array => {
      bytes.set([first, 0, 0, 0, 1, 8]);
      return bytes;
    };
    await flood(scene, 1_500, (n) => new Uint8Array(n)); // zeroes, the empty datagram included
    await flood(scene, 1_500, (n) => new Uint8Array(n).fill(0xff));
    await flood(scene, 2_000, () => noise(1 + below(1_500)));
    await flood(scene, 2_000, () => long(0xc0 | below(64), noise(30 + below(1_400)))); // all types of long headers
    await flood(scene, 1_000, () => {
      const short = noise(17 + below(60));
      short[0] = 0x40 | below(64);
      return short;
    });
    await flood(scene, 2_000, (n) => { // what the honest client sent, changed
      const bytes = pick(n);
      bytes[below(firstPacketEnd(bytes))]! ^= 1 << below(8);
      return bytes;
    });
    await flood(scene, 2_000, (n) => {
      const bytes = pick(n);
      return bytes.subarray(0, 1 + below(bytes.length - 1));
    });
    await flood(scene, 3_000, () => { // first packets of new connections that are not authentic
      const bytes = captured[0]!.slice();
      bytes.set(noise(8), 6);
      return bytes;
    });
    // Of a connection nobody knows (RFC 9000 §10.3), 100 of them a second.
    const resets = answers.filter((packet) => packet[0]! >= 0x40 && packet[0]! < 0x80 && packet.length <= 43);
    const most = 100 * (2 + (performance.now() - startMs) / 1000);
    assert.ok(resets.length <= most, `${resets.length} resets, ${most} at most`);
    assert.equal(answers.length, resets.length + answers.filter(isVersionNegotiation).length);
    assert.ok(bytesOf(answers) < scene.sentBytes / 2, `${bytesOf(answers)} for ${scene.sentBytes} bytes`);
  }));

test("Replays of a whole first flight begin one handshake at a time, whose answers are as bounded as a stranger's", () =>
  withScene(async (scene) => {
    const { captured, answers } = scene;
    const [first, second] = captured as [Uint8Array, Uint8Array];
    const startMs = performance.now();
    let replays = 0;
    const replay = (n: number): Uint8Array => {
      const packet = captured[n % captured.length]!;
      if (idAt(packet, 5) === idAt(first, 5)) replays++;
      return packet;
    };
    // What the server keeps of the honest connection takes them in until it is forgotten.
    while (answers.length === 0) await flood(scene, 50, () => replay(0));
    await flood(scene, 4_000, replay);
    // What else the honest client once sent is answered by resets.
    const handshakeAnswers = answers.filter((packet) => packet[0]! >= 0x80);
    const handshakes = new Set(handshakeAnswers.map(serverId));
    // The id in the packet is taken while a handshake waits for its end, and while it repeats that.
    const most = 1 + Math.floor((performance.now() - startMs) / (HANDSHAKE_TIMEOUT_MS + LINGER_MS));
    assert.ok(handshakes.size <= most, `${handshakes.size} handshakes, ${most} at most`);
    for (const id of handshakes) {
      const packets = handshakeAnswers.filter((packet) => serverId(packet) === id);
      const flight = packets.filter((packet) => packet.length >= 1_200);
      const closes = packets.filter((packet) => packet.length < 1_200);
      // What a client hears that does not show that it receives it (RFC 9000 §8.1).
      assert.ok(bytesOf(flight) <= 3 * bytesOf([first, second]), `${bytesOf(flight)} bytes`);
      // One close, repeated for the first late packet, the second, the fourth, the eighth (RFC 9000 §10.2.1).
      assert.ok(closes.length <= 2 + Math.log2(replays), `${closes.length} closes, ${replays} replays`);
    }
  }));

test("A first packet of less than 1,200 bytes, or to an id of less than 8, gets no answer", () =>
  withScene(async (scene) => {
    await flood(scene, 500, (n) => sealInitial(noise(8), PING, 60 + n));
    await flood(scene, 500, (n) => sealInitial(noise(n % 8), PING));
    assert.equal(scene.answers.length, 0);
    // Behind these, one that is as it should be is answered.
    scene.socket.send(sealInitial(noise(8), PING), scene.server.port, "127.0.0.1");
    await new Promise<void>((resolve) => scene.socket.once("message", () => resolve()));
    assert.equal(scene.answers.length, 1);
  }));

test("A flood of handshakes that never end costs bounded memory, and passes", () =>
  withScene(async (scene) => {
    const before = await count(scene, "memory");
    const hello = cryptoFrame(0, Uint8Array.of(1, 0, 8, 0, 3, 3, ...noise(500))); // the first quarter of a ClientHello
    await flood(scene, 1_000, () => sealInitial(noise(8), noise(60)));
    await flood(scene, 1_000, () => sealInitial(noise(8), cryptoFrame(below(2 ** 40), noise(300))));
    await flood(scene, 4_000, () => sealInitial(noise(8), hello));
    // 22 KB for each of 1,000; without a bound it would be more than 100 MB.
    const grown = await count(scene, "memory") - before;
    assert.ok(grown < 64 << 20, `${grown} bytes`);
    // Their time runs out, and then there is room again.
    const late = await connect({ address: "127.0.0.1", port: scene.server.port });
    assert.deepEqual(await late.request("echo", PING), PING);
    await late.close();
  }));
