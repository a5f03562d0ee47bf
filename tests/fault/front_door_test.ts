import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import type { AcceptOptions } from "../../src/connection/accept_options.ts";
import type { EndpointStats } from "../../src/connection/endpoint_stats.ts";
import { seededRandom } from "../../src/connection/memory_link.ts";
import type { TransportTuning } from "../../src/connection/options.ts";
import type { SocketAddress } from "../../src/connection/transport.ts";
import { Network } from "../support/networks.ts";
import { cryptoFrame, sealInitial } from "../support/quic_initial.ts";
import { readRetry, type Retry } from "../support/quic_retry.ts";
import { Stranger } from "../support/stranger.ts";
import { waitUntil } from "../support/wait_until.ts";

const random = seededRandom(20);
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random() * 256));
const PING = Uint8Array.of(0x01);

/** A server that is attacked. */
interface Scene {
  readonly network: Network;
  readonly address: SocketAddress;
  readonly stats: () => EndpointStats;
  /** One more stranger at a port of its own. */
  readonly stranger: () => Promise<Stranger>;
}

async function withServer(
  accept: Partial<AcceptOptions>,
  body: (scene: Scene) => Promise<void>,
  tuning: TransportTuning = {},
): Promise<void> {
  const network = new Network();
  const strangers: Stranger[] = [];
  try {
    const server = network.server().options({ accept, tuning }).handler("echo", (_session, bytes) => bytes).build();
    const address = await network.start(server);
    await body({
      network,
      address,
      stats: () => server.endpointStats,
      async stranger() {
        const stranger = await Stranger.open(address);
        strangers.push(stranger);
        return stranger;
      },
    });
  } finally {
    for (const stranger of strangers) stranger[Symbol.dispose]();
    await network.close();
  }
}

/** The first packet of a handshake that goes no further: the beginning of a ClientHello. */
function hello(id: Uint8Array, token?: Uint8Array): Uint8Array {
  return sealInitial(id, cryptoFrame(0, Uint8Array.of(1, 0, 8, 0, 3, 3, ...noise(500))), 1200, token);
}

/** Begin `count` handshakes that go no further, without a proof of the address. */
async function beginHandshakes({ stats, stranger }: Scene, count: number): Promise<void> {
  const someone = await stranger();
  const before = stats().handshakes;
  for (let n = 0; n < count; n++) someone.send(hello(noise(8)));
  await waitUntil(() => stats().handshakes === before + count);
}

/** Be asked to prove the address. */
async function askedToRetry(stranger: Stranger): Promise<Retry> {
  const id = noise(8);
  const retry = readRetry(await stranger.ask(hello(id)), id);
  assert.ok(retry !== undefined);
  return retry;
}

test("A client proves its address where the server asks for it, and is served", () =>
  withServer({ retryThreshold: 0 }, async ({ network, address, stats }) => {
    for (let n = 1; n <= 3; n++) {
      const client = await network.connect(address);
      assert.deepEqual(await client.request("echo", PING), PING);
      assert.equal(stats().tokensAccepted, n);
    }
    assert.ok(stats().retriesSent >= 3);
    assert.equal(stats().tokensRefused, 0);
  }));

test("From the threshold of handshakes on, nothing is kept of a client that has not proved its address", () =>
  withServer({ retryThreshold: 5 }, async (scene) => {
    const { network, address, stats, stranger } = scene;
    await beginHandshakes(scene, 5);
    assert.equal(stats().retriesSent, 0);
    const asked = await stranger();
    for (let n = 1; n <= 100; n++) {
      await askedToRetry(asked);
      assert.deepEqual([stats().handshakes, stats().retriesSent], [5, n]);
    }
    assert.ok(asked.receivedBytes < asked.sentBytes / 4, `${asked.receivedBytes} for ${asked.sentBytes} bytes`);
    const client = await network.connect(address);
    assert.deepEqual(await client.request("echo", PING), PING);
  }));

test("A token is taken from the client it was given to, for the handshake it was given for", () =>
  withServer({ retryThreshold: 0 }, async ({ stats, stranger }) => {
    const [owner, thief] = [await stranger(), await stranger()];
    const { id, token } = await askedToRetry(owner);
    const forged = token.slice();
    forged[40]! ^= 1;
    thief.send(hello(id, token)); // from another port
    owner.send(hello(noise(16), token)); // for another handshake
    owner.send(hello(id, forged));
    await waitUntil(() => stats().tokensRefused === 3);
    assert.equal(stats().handshakes, 0);
    await owner.ask(hello(id, token));
    assert.deepEqual([stats().handshakes, stats().tokensAccepted, stats().tokensRefused], [1, 1, 3]);
    assert.equal(thief.answers.length, 0);
    assert.equal(owner.answers.length, 2);
  }));

test("A token of another server is refused, and one that is no Retry token counts as none", () =>
  withServer({ retryThreshold: 0 }, (other) =>
    withServer({ retryThreshold: 0 }, async ({ stats, stranger }) => {
      const { id, token } = await askedToRetry(await other.stranger());
      const someone = await stranger();
      someone.send(hello(id, token));
      await waitUntil(() => stats().tokensRefused === 1);
      assert.equal(someone.answers.length, 0);
      // A client may have it of another implementation, with NEW_TOKEN (RFC 9000 §8.1.3).
      const fresh = noise(8);
      const retry = readRetry(await someone.ask(hello(fresh, noise(50))), fresh);
      assert.ok(retry !== undefined);
      assert.deepEqual([stats().tokensRefused, stats().handshakes], [2, 0]);
    })));

test("Servers that share a secret take each other's tokens", () => {
  const secret = noise(32);
  return withServer({ retryThreshold: 0, secret }, (one) =>
    withServer({ retryThreshold: 0, secret }, async (other) => {
      const stranger = await one.stranger();
      const { id, token } = await askedToRetry(stranger);
      stranger.sendTo(other.address, hello(id, token));
      await waitUntil(() => other.stats().tokensAccepted === 1);
    }));
});

test("Beyond the handshakes that may be under way nobody is answered, until some have ended", () =>
  withServer({ maxHandshakes: 4 }, async (scene) => {
    const { network, address, stats, stranger } = scene;
    await beginHandshakes(scene, 4);
    const refused = await stranger();
    for (let n = 0; n < 10; n++) refused.send(hello(noise(8)));
    await waitUntil(() => stats().refusedHandshakes === 10);
    assert.deepEqual([stats().handshakes, refused.answers.length], [4, 0]);
    // Their time runs out, and then there is room again.
    await waitUntil(() => stats().handshakes === 0);
    assert.deepEqual([stats().handshakesFailed, stats().handshakesCompleted], [4, 0]);
    await network.connect(address);
    await waitUntil(() => stats().handshakesCompleted === 1);
    assert.equal(stats().handshakesFailed, 4);
  }, { handshakeTimeoutMs: 1_500 }));

test("A handshake that TLS ends is counted as failed", () =>
  withServer({}, async ({ network, address, stats }) => {
    const pin = "00".repeat(32);
    await assert.rejects(network.connect(address, { tls: { pin } }), { code: "UNAUTHENTICATED" });
    await waitUntil(() => stats().handshakesFailed === 1);
    assert.deepEqual([stats().handshakes, stats().handshakesCompleted, stats().connections], [0, 0, 0]);
  }));

test("Clients that have proved one address have so many handshakes under way, others of it are asked for a proof", () =>
  withServer({ maxHandshakesPerAddress: 2, exemptLoopback: false }, async (scene) => {
    const { stats, stranger } = scene;
    await beginHandshakes(scene, 2);
    const someone = await stranger();
    for (let n = 1; n <= 2; n++) {
      const { id, token } = await askedToRetry(someone);
      await someone.ask(hello(id, token));
      assert.equal(stats().handshakes, 2 + n);
    }
    someone.send(hello(noise(8)));
    await waitUntil(() => stats().refusedHandshakesOfAddress === 1);
    assert.equal(stats().handshakes, 4);
  }));

test("Loopback addresses have no limit of their own unless asked for", () =>
  withServer({ maxHandshakesPerAddress: 2, maxConnectionsPerAddress: 2 }, async (scene) => {
    await beginHandshakes(scene, 5);
    assert.equal(scene.stats().retriesSent, 0);
  }));

for (
  const [what, accept, counter] of [
    ["of the server", { maxConnections: 2 }, "refusedConnections"],
    ["of one address", { maxConnectionsPerAddress: 2, exemptLoopback: false }, "refusedConnectionsOfAddress"],
  ] as const
) {
  test(`Beyond the connections ${what} nobody is let in, until one has ended`, () =>
    withServer(accept, async ({ network, address, stats }) => {
      const [first] = [await network.connect(address), await network.connect(address)];
      await assert.rejects(RpcClient.connect(address, { ...network.options, timeoutMs: 200 }), { code: "UNAVAILABLE" });
      await waitUntil(() => stats()[counter] > 0);
      assert.equal(stats().connections, 2);
      await first.close();
      const next = await network.connect(address, { timeoutMs: 60_000 });
      assert.deepEqual(await next.request("echo", PING), PING);
    }));
}

test("What is dropped at the door is counted by its reason", () =>
  withServer({}, async ({ stats, stranger }) => {
    const someone = await stranger();
    const broken = hello(noise(8));
    broken[700]! ^= 1;
    for (
      const [counter, packet] of [
        ["droppedMalformed", Uint8Array.of(0xc0, 0, 0, 0, 1, 255)],
        ["droppedShort", sealInitial(noise(8), PING, 1199)],
        ["droppedShort", sealInitial(noise(7), PING)],
        ["droppedUnauthentic", broken],
      ] as const
    ) {
      const before = stats()[counter];
      someone.send(packet);
      await waitUntil(() => stats()[counter] === before + 1);
    }
    assert.equal(someone.answers.length, 0);
  }));
