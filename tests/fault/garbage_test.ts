import assert from "node:assert/strict";
import type { Socket } from "node:dgram";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import { seededRandom } from "../../src/connection/memory_link.ts";
import type { EchoStreamError } from "../../src/protocol/error.ts";
import { cryptoFrame, sealInitial } from "../support/quic_initial.ts";
import { type ServerProcess, startServer } from "../support/server_process.ts";
import { openSocket, UdpProxy } from "../support/udp_proxy.ts";

const random = seededRandom(20);
const below = (limit: number): number => Math.floor(random() * limit);
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256));
const PING = Uint8Array.of(0x01);

/** A server under attack, somebody who uses it meanwhile, and what an honest client once sent. */
interface Scene {
  readonly server: ServerProcess;
  readonly bystander: RpcClient;
  readonly socket: Socket;
  readonly captured: readonly Uint8Array[];
  /** Datagrams that came back. */
  answers: number;
}

async function withScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  const server = await startServer("tests/support/target_server.ts");
  const address = { address: "127.0.0.1", port: server.port };
  const socket = await openSocket();
  try {
    const proxy = await UdpProxy.open(address, { capture: 20 });
    const honest = await RpcClient.connect(proxy.address);
    await honest.request("echo", noise(5_000));
    await honest.close();
    await proxy.close();
    const bystander = await RpcClient.connect(address);
    const scene = { server, bystander, socket, captured: proxy.captured, answers: 0 };
    socket.on("message", () => scene.answers++);
    await body(scene);
    await bystander.close();
    assert.ok(server.alive());
    assert.equal(server.errors(), "", "a panic, or anything else worth a word");
  } finally {
    socket.close();
    await server.kill();
  }
}

/** Send datagrams no faster than the server takes them; the bystander's calls must all succeed meanwhile. */
async function flood(scene: Scene, count: number, make: (n: number) => Uint8Array): Promise<void> {
  for (let n = 0; n < count; n++) {
    scene.socket.send(make(n), scene.server.port, "127.0.0.1");
    if (n % 50 === 49) assert.deepEqual(await scene.bystander.request("echo", PING), PING);
  }
}

async function residentBytes({ bystander }: Scene): Promise<number> {
  return Number(new TextDecoder().decode(await bystander.request("memory", "") as Uint8Array));
}

test("Garbage of every kind and size leaves a server and its other clients alone, and gets no answer", () =>
  withScene(async (scene) => {
    const { captured } = scene;
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
      bytes[below(bytes.length)]! ^= 1 << below(8);
      return bytes;
    });
    await flood(scene, 2_000, (n) => {
      const bytes = pick(n);
      return bytes.subarray(0, 1 + below(bytes.length));
    });
    await flood(scene, 2_000, pick); // and unchanged, again and again
    await flood(scene, 3_000, () => { // first packets of new connections that are not authentic
      const bytes = captured[0]!.slice();
      bytes.set(noise(8), 6);
      return bytes;
    });
    const answers = scene.answers;
    // A replay of a whole first flight may be answered as long as the server knows no better; nothing else is. It begins one handshake,
    // whose flight of up to 4 packets is repeated after 1, 3 and 7 s (RFC 9002 §6.2) where the machine is so slow that the flood lasts on.
    assert.ok(answers <= 16, `${answers} answers`);
  }));

test("A first packet of less than 1,200 bytes, or to an id of less than 8, gets no answer", () =>
  withScene(async (scene) => {
    await flood(scene, 500, (n) => sealInitial(noise(8), PING, 60 + n));
    await flood(scene, 500, (n) => sealInitial(noise(n % 8), PING));
    assert.equal(scene.answers, 0);
    // Behind these, one that is as it should be is answered.
    scene.socket.send(sealInitial(noise(8), PING), scene.server.port, "127.0.0.1");
    await new Promise<void>((resolve) => scene.socket.once("message", () => resolve()));
    assert.equal(scene.answers, 1);
  }));

test("A flood of handshakes that never end costs bounded memory, and passes", () =>
  withScene(async (scene) => {
    const before = await residentBytes(scene);
    const hello = cryptoFrame(0, Uint8Array.of(1, 0, 8, 0, 3, 3, ...noise(500))); // the first quarter of a ClientHello
    await flood(scene, 1_000, () => sealInitial(noise(8), noise(60)));
    await flood(scene, 1_000, () => sealInitial(noise(8), cryptoFrame(below(2 ** 40), noise(300))));
    await flood(scene, 4_000, () => sealInitial(noise(8), hello));
    // 22 KB for each of 1,000; without a bound it would be more than 100 MB.
    const grown = await residentBytes(scene) - before;
    assert.ok(grown < 64 << 20, `${grown} bytes`);
    // Their time runs out, and then there is room again.
    const address = { address: "127.0.0.1", port: scene.server.port };
    let late: RpcClient | undefined;
    while (late === undefined) {
      late = await RpcClient.connect(address, { timeoutMs: 400 }).catch((error: EchoStreamError) => {
        assert.equal(error.code, "UNAVAILABLE");
        return undefined;
      });
    }
    assert.deepEqual(await late.request("echo", PING), PING);
    await late.close();
  }));
