/**
 * Cases of the QUIC interop runner that apply, and calls through a bottleneck, each way between us and the other implementations.
 * A case with faults passes when all of its repetitions do; the seed of each is its number.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import type { Faults } from "../support/impairment.ts";
import { initialToken } from "../support/quic_initial.ts";
import { waitUntil } from "../support/wait_until.ts";
import { sequence } from "./our_protocol_cases.ts";
import { ours } from "./ours.ts";
import { type Pair, type PairOptions, type PeerOptions, type Role, testPair } from "./pairs.ts";
import { aioquic, type Peer, quicGo } from "./peers.ts";

const PEERS: readonly Peer[] = [aioquic, quicGo];
const ROLES: readonly Role[] = ["peer calls", "we call"];

const CHACHA20 = { cipher: "chacha20" };
/** A chain that takes more than three times what a client's first datagram has. */
const LONG_CHAIN: PairOptions = { extraCertificates: 8 };
/** So slow that something can happen meanwhile: 10 Mbit/s, 15 ms each way. */
const MTU_BYTES = 1_472;
const SLOW: Faults = { rateBytesPerS: 1_250_000, delayMs: 15, mtuBytes: MTU_BYTES };
const BOTTLENECK: Faults = { rateBytesPerS: 1_250_000, queuePackets: 25, mtuBytes: MTU_BYTES };
/** Half of it each way. */
const GOODPUT_BYTES = 10_000_000;
const REPETITIONS = Number(process.env["ECHOSTREAM_INTEROP_REPEAT"] ?? 20);
/** How many repetitions share the machine. */
const AT_ONCE = 20;

everywhere("handshake", (pair) => pair.run("handshake"));
everywhere("ipv6", (pair) => pair.run("handshake"), { host: "::1" });
everywhere("transfer", (pair) => pair.run("transfer", undefined, { bytes: 5_000_000 }));
everywhere("resumption", (pair) => pair.run("resumption"));
everywhere("early-data", (pair) => pair.run("early-data"), { earlyData: true, serverOptions: { earlyData: true } });
everywhere("multiplexing", (pair) => pair.run("multiplexing"));
everywhere("long-rtt", async (pair) => {
  const { address } = await pair.proxy(1, { delayMs: 750 });
  await pair.run("handshake", [address]);
});

everywhere("retry", async (pair) => {
  const proxy = await pair.proxy(1, {});
  await pair.run("handshake", [proxy.address]);
  const tokens = proxy.captured.map(initialToken).map((token) => token?.length ?? 0);
  assert.ok(tokens[0] === 0 && tokens.some((bytes) => bytes > 0), `tokens of ${tokens.join()} bytes`);
}, { accept: { retryThreshold: 0 }, serverOptions: { retry: true } });
everywhere("goodput", async (pair) => {
  const proxy = await pair.proxy(1, { ...BOTTLENECK, delayMs: 15 });
  const running = pair.run("transfer", [proxy.address], { bytes: GOODPUT_BYTES / 2 });
  // A program of the peer takes its time to start.
  await during(running, () => proxy.counts.passed > 0);
  const startedMs = performance.now();
  await running;
  const seconds = (performance.now() - startedMs) / 1000;
  const { passedBytes, dropped } = proxy.counts;
  const sentBytes = passedBytes + dropped * MTU_BYTES;
  pair.note(
    `${(GOODPUT_BYTES * 8 / 1e6 / seconds).toFixed(2)} Mbit/s of 10, ${
      (sentBytes / GOODPUT_BYTES).toFixed(3)
    } bytes sent for one`,
  );
  assert.ok(sentBytes < 2 * GOODPUT_BYTES, `${sentBytes} bytes sent`);
});

testPair("chacha20", aioquic, "peer calls", (pair) => pair.run("handshake", undefined, CHACHA20));
testPair("chacha20", aioquic, "we call", (pair) => pair.run("handshake"), { serverOptions: CHACHA20 });
for (const role of ROLES) testPair("key-update", aioquic, role, (pair) => pair.run("key-update"));
testPair("key-update", quicGo, "peer calls", (pair) => pair.run("key-update"));

everywhere("blackhole", async (pair) => {
  const proxy = await pair.proxy(1, SLOW);
  const running = pair.run("transfer", [proxy.address], { bytes: 2_000_000 });
  for (const bytes of [500_000, 3_000_000]) {
    await during(running, () => proxy.counts.passedBytes > bytes);
    proxy.cut = true;
    // Both ends have noticed and tried again.
    const { dropped: there } = { ...proxy.there.counts };
    const { dropped: back } = { ...proxy.back.counts };
    await during(running, () => proxy.there.counts.dropped + proxy.back.counts.dropped > there + back + 3);
    proxy.cut = false;
  }
  await running;
});

everywhere("rebind-port", (pair) => rebinding(pair, []));
everywhere("rebind-address", (pair) => rebinding(pair, ["127.0.0.2", "127.0.0.3", "127.0.0.4"]));

everywhere("migration", moving);

for (const peer of PEERS) {
  testPair("amplification", peer, "peer calls", async (pair) => {
    const proxy = await pair.proxy(1, {});
    const running = pair.run("handshake", [proxy.address]);
    await during(running, () => proxy.there.counts.passed > 0);
    proxy.there.cut = true;
    // The client has tried again in vain, while the server does not know whether its address is its own.
    await during(running, () => proxy.there.counts.dropped > 1);
    const sent = proxy.back.counts.passedBytes;
    const received = proxy.there.counts.passedBytes;
    assert.ok(sent <= 3 * received, `${sent} bytes for ${received}`);
    proxy.there.cut = false;
    await running;
  }, LONG_CHAIN);
  // The server may not send all of its certificates before the client's next packet.
  testPair("amplification", peer, "we call", (pair) => pair.run("handshake"), LONG_CHAIN);
}

repeated("handshake-loss", "handshake", { drop: 0.3, delayMs: 15 });
repeated("handshake-corruption", "handshake", { corrupt: 0.3, delayMs: 15 });
repeated("transfer-loss", "transfer", { ...SLOW, drop: 0.02 }, { bytes: 1_000_000 }, 4);
repeated("transfer-corruption", "transfer", { ...SLOW, corrupt: 0.02 }, { bytes: 1_000_000 }, 4);
// A lost FIN would leave a call without an answer.
repeated("short-calls", "short-calls", BOTTLENECK);
repeatedBetween(quicGo, "peer calls", "short-streams", "short-streams", BOTTLENECK);
for (const peer of [quicGo, ours]) repeatedBetween(peer, "we call", "short-streams", "short-streams", BOTTLENECK);
repeatedBetween(ours, "we call", "short-calls", "short-calls", BOTTLENECK);

function everywhere(name: string, body: (pair: Pair) => Promise<void>, options?: PairOptions): void {
  for (const peer of PEERS) {
    for (const role of ROLES) testPair(name, peer, role, body, options);
  }
}

/** As {@link repeatedBetween}, everywhere. */
function repeated(name: string, what: string, faults: Faults, options?: PeerOptions, share?: number): void {
  for (const peer of PEERS) {
    for (const role of ROLES) repeatedBetween(peer, role, name, what, faults, options, share);
  }
}

/** Run a case over a path with faults, each time with another seed, `share` times less often than the cheapest. */
function repeatedBetween(
  peer: Peer,
  role: Role,
  name: string,
  what: string,
  faults: Faults,
  options?: PeerOptions,
  share = 1,
): void {
  testPair(name, peer, role, async (pair) => {
    const seeds = sequence(Math.ceil(REPETITIONS / share)).map((n) => n + 1);
    for (let begun = 0; begun < seeds.length; begun += AT_ONCE) {
      const some = seeds.slice(begun, begun + AT_ONCE);
      const proxies = await Promise.all(some.map((seed) => pair.proxy(seed, faults)));
      try {
        await pair.run(what, proxies.map(({ address }) => address), options);
      } catch (cause) {
        throw new Error(`Failed with one of the seeds ${some.join()}: ${cause}`, { cause });
      }
      for (const proxy of proxies) await proxy.close();
    }
  });
}

/** Once in each direction of a transfer the client moves to another socket. */
async function moving(pair: Pair): Promise<void> {
  const { address } = await pair.proxy(1, SLOW);
  await pair.run("migration", [address], { bytes: 2_000_000 });
}

/** Three times in a transfer the server sees the client at another port, and at another address when there is one. */
async function rebinding(pair: Pair, hosts: readonly string[]): Promise<void> {
  const proxy = await pair.proxy(1, SLOW);
  const running = pair.run("transfer", [proxy.address], { bytes: 2_000_000 });
  for (const [n, bytes] of [500_000, 1_500_000, 3_000_000].entries()) {
    await during(running, () => proxy.counts.passedBytes > bytes);
    await proxy.rebind(hosts[n]);
  }
  await running;
}

/** Wait until `done()` holds, or `running` has ended: then a failure is its own. */
async function during(running: Promise<void>, done: () => boolean): Promise<void> {
  let isOver = false;
  void running.then(() => isOver = true, () => isOver = true);
  await waitUntil(() => isOver || done());
  if (isOver) {
    await running;
    assert.ok(done(), "ended too soon");
  }
}
