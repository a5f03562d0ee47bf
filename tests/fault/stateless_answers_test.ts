import assert from "node:assert/strict";
import { test } from "node:test";
import type { RpcClient } from "../../src/client/client.ts";
import type { AcceptOptions } from "../../src/connection/accept_options.ts";
import { seededRandom } from "../../src/connection/memory_link.ts";
import type { EchoStreamError } from "../../src/protocol/error.ts";
import type { RpcServer } from "../../src/server/server.ts";
import { Network } from "../support/networks.ts";
import { Stranger } from "../support/stranger.ts";
import { UdpProxy } from "../support/udp_proxy.ts";
import { waitUntil } from "../support/wait_until.ts";

const random = seededRandom(21);
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random() * 256));
const PING = Uint8Array.of(0x01);

/** A server, and somebody who sends it whatever comes to his mind. */
async function withStranger(
  accept: Partial<AcceptOptions>,
  body: (stranger: Stranger, server: RpcServer) => Promise<void>,
): Promise<void> {
  const network = new Network();
  const server = network.server().options({ accept }).build();
  const stranger = await Stranger.open(await network.start(server));
  try {
    await body(stranger, server);
  } finally {
    stranger[Symbol.dispose]();
    await network.close();
  }
}

/** A packet with a long header of any version. */
function longPacket(version: number, destination: Uint8Array, source: Uint8Array, length: number): Uint8Array {
  const packet = noise(length);
  packet[0]! |= 0xc0;
  new DataView(packet.buffer).setUint32(1, version);
  packet.set([destination.length, ...destination, source.length, ...source], 5);
  return packet;
}

/** A packet of an established connection, as far as one can see. */
function shortPacket(length: number): Uint8Array {
  const packet = noise(length);
  packet[0] = 0x40 | (packet[0]! & 0x3f);
  return packet;
}

test("A client of another version is told which there are, in fewer bytes than it sent", () =>
  withStranger({}, async (stranger, server) => {
    for (const [version, idBytes] of [[0x6b33_43cf, 8], [0xff00_001d, 0], [0x1a2a_3a4a, 255]] as const) {
      const [destination, source] = [noise(idBytes), noise(idBytes)];
      const answer = await stranger.ask(longPacket(version, destination, source, 1200));
      const ids = Uint8Array.of(source.length, ...source, destination.length, ...destination);
      assert.ok(answer[0]! >= 0xc0);
      assert.deepEqual(answer.slice(1, 5 + ids.length), Uint8Array.of(0, 0, 0, 0, ...ids));
      const versions = new DataView(answer.buffer, 5 + ids.length);
      assert.equal(versions.byteLength, 8);
      // One that is reserved, so that clients learn to pass over what they do not know (RFC 9000 §15).
      assert.equal(versions.getUint32(0) & 0x0f0f_0f0f, 0x0a0a_0a0a);
      assert.notEqual(versions.getUint32(0), version);
      assert.equal(versions.getUint32(4), 1);
    }
    assert.equal(server.endpointStats.versionNegotiationsSent, 3);
    assert.equal(server.endpointStats.connections, 0);
  }));

test("Short packets of another version, and Version Negotiation packets, get no answer", () =>
  withStranger({}, async (stranger, server) => {
    stranger.send(longPacket(0x6b33_43cf, noise(8), noise(8), 1199));
    stranger.send(longPacket(0, noise(8), noise(8), 1200));
    await waitUntil(() => server.endpointStats.droppedShort === 1 && server.endpointStats.droppedUnknown === 1);
    assert.equal(server.endpointStats.versionNegotiationsSent, 0);
    assert.equal(stranger.answers.length, 0);
  }));

test("A packet of a connection nobody knows is answered by a reset that is shorter", () =>
  withStranger({}, async (stranger, server) => {
    for (const length of [22, 30, 43, 44, 100, 1200]) {
      const answer = await stranger.ask(shortPacket(length));
      assert.equal(answer[0]! & 0xc0, 0x40);
      assert.ok(answer.length >= 21 && answer.length < length && answer.length <= 43, `${answer.length} for ${length}`);
    }
    stranger.send(shortPacket(21));
    await waitUntil(() => server.endpointStats.droppedUnknown === 1);
    assert.deepEqual([server.endpointStats.resetsSent, stranger.answers.length], [6, 6]);
  }));

test("So many resets are sent in a second and no more", () =>
  withStranger({ maxResetsPerS: 5 }, async (stranger, server) => {
    const startMs = performance.now();
    for (let n = 1; n <= 500; n++) {
      stranger.send(shortPacket(50));
      if (n % 50 === 0) {
        await waitUntil(() => server.endpointStats.resetsSent + server.endpointStats.resetsWithheld === n);
      }
    }
    // Seconds of a clock that were touched.
    const seconds = 2 + Math.floor((performance.now() - startMs) / 1000);
    const { resetsSent } = server.endpointStats;
    assert.ok(resetsSent > 0 && resetsSent <= 5 * seconds, `${resetsSent} in ${seconds} s`);
  }));

/**
 * A client whose packets reach, from one moment on, another server than the one it knows, which hears nothing of it; each has its secret.
 * `body` begins before that moment, which is when it mends `proxy`: until then nothing the client sends by itself can tell it.
 */
async function withRestart(
  secrets: readonly [Uint8Array | undefined, Uint8Array | undefined],
  body: (network: Network, client: RpcClient, proxy: UdpProxy) => Promise<void>,
  options: { readonly reconnect: boolean },
  moves = 0,
): Promise<void> {
  const network = new Network();
  const [first, second] = secrets.map((secret, at) =>
    network.server().options({ accept: { secret } })
      .handler("echo", (_session, bytes) => bytes)
      .handler("whichServer", () => Uint8Array.of(at))
      .build()
  );
  const proxy = await UdpProxy.open(await network.start(first!));
  try {
    const tuning = { idleTimeoutMs: 2_000, keepAliveIntervalMs: 0 };
    const client = await network.connect(proxy.address, { ...options, tuning });
    await client.request("echo", PING);
    for (let move = 0; move < moves; move++) {
      await client.migrate();
      await client.request("echo", PING);
    }
    proxy.cut = true;
    proxy.target = await network.start(second!);
    // One I/O thread serves both: as long as the first knows the connection, no packet of it is unknown to the second.
    await first!.shutdown({ graceMs: 0 });
    await body(network, client, proxy);
  } finally {
    await network.close();
    await proxy.close();
  }
}

test("A client learns at once that its server was started anew with the same secret", () => {
  const secret = noise(32);
  return withRestart([secret, secret], async (network, client, proxy) => {
    const asked = client.request("echo", PING);
    proxy.cut = false;
    await assert.rejects(asked, (error: EchoStreamError) => {
      assert.deepEqual([error.code, error.disposition], ["UNAVAILABLE", "perhapsProcessed"]);
      assert.match(error.message, /^Connection to 127\.0\.0\.1:\d+ was reset: the peer does not know it any more$/);
      return true;
    });
    const { by, codeName, application } = await client.closed;
    assert.deepEqual([by, codeName, application], ["reset", "STATELESS_RESET", false]);
    assert.deepEqual(network.messages("error"), []);
  }, { reconnect: false });
});

test("A client that has moved twice learns it too", () => {
  const secret = noise(32);
  return withRestart(
    [secret, secret],
    async (_network, client, proxy) => {
      proxy.cut = false;
      await assert.rejects(client.request("echo", PING), { code: "UNAVAILABLE" });
      assert.equal((await client.closed).by, "reset");
    },
    { reconnect: false },
    2,
  );
});

test("A client that reconnects is served by a server that was started anew", () => {
  const secret = noise(32);
  return withRestart([secret, secret], async (_network, client, proxy) => {
    proxy.cut = false;
    // Anything the client sends before may have told it already.
    await client.request("echo", PING).catch(({ code }) => assert.equal(code, "UNAVAILABLE"));
    assert.deepEqual(await client.request("whichServer", PING), Uint8Array.of(1));
  }, { reconnect: true });
});

test("A reset of a server with another secret ends nothing", () =>
  withRestart([undefined, undefined], async (_network, client, proxy) => {
    proxy.cut = false;
    await assert.rejects(client.request("echo", PING), { code: "UNAVAILABLE" });
    assert.equal((await client.closed).by, "timeout");
  }, { reconnect: false }));
