import assert from "node:assert/strict";
import { test } from "node:test";
import { cbor } from "../../src/rpc/schema.ts";
import type { Faults } from "../support/impairment.ts";
import { Network } from "../support/networks.ts";
import { UdpProxy } from "../support/udp_proxy.ts";

/** What a bad network does at once. */
const BAD: Faults = { drop: 0.05, corrupt: 0.05, duplicate: 0.05, reorder: 0.1, truncate: 0.02 };

const CALLS = 300;
const EVENTS = 300;
const FRAMES = 100;

/** `length` bytes that only the same length and seed give. */
function pattern(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 7 + (at >> 8)) & 0xff);
}

for (const seed of [1, 2, 3]) {
  test(`Calls, events and a stream cross a bad network once each, in order and unchanged (seed ${seed})`, async () => {
    const network = new Network();
    const runs = new Map<number, number>();
    const events: number[] = [];
    const frames: Uint8Array[] = [];
    const server = network.server()
      .handler("echo", cbor<{ n: number; bytes: Uint8Array }>(), (_session, input) => {
        runs.set(input.n, (runs.get(input.n) ?? 0) + 1);
        return input;
      })
      .listener("count", cbor<number>(), (_session, n) => void events.push(n))
      .stream("frames", async (_session, incoming) => {
        for await (const { payload } of incoming) frames.push(payload);
      })
      .build();
    const proxy = await UdpProxy.open(await network.start(server), { seed, faults: BAD });
    const client = await network.connect<typeof server>(proxy.address);

    const calls = Array.from({ length: CALLS }, async (_, n) => {
      const bytes = pattern(n, n % 10 === 0 ? 20_000 : n % 200);
      assert.deepEqual(await client.request("echo", { n, bytes }), { n, bytes });
    });
    const emitted = (async () => {
      for (let n = 0; n < EVENTS; n++) await client.emit("count", n);
    })();
    const streamed = (async () => {
      const stream = await client.createStream("frames");
      for (let n = 0; n < FRAMES; n++) await stream.send(pattern(n, 3_000));
      await stream.end();
    })();
    await Promise.all([...calls, emitted, streamed]);
    await network.until(() => events.length >= EVENTS);
    // An orderly close waits for what is in flight, so what would come twice has come by then.
    await client.close();

    assert.equal(runs.size, CALLS);
    assert.ok([...runs.values()].every((count) => count === 1), "a handler ran twice");
    assert.deepEqual(events, Array.from({ length: EVENTS }, (_, n) => n));
    assert.equal(frames.length, FRAMES);
    for (const [n, frame] of frames.entries()) assert.deepEqual(frame, pattern(n, 3_000), `frame ${n}`);
    const { overflowed: _bottleneck, ...counts } = proxy.counts;
    for (const [what, count] of Object.entries(counts)) assert.ok(count > 0, `nothing was ${what}`);
    await proxy.close();
    await network.close();
  });
}

test("A handshake survives a first packet that arrives changed, cut short or twice", async () => {
  const network = new Network();
  const server = network.server().handler("echo", (_session, bytes) => bytes).build();
  const address = await network.start(server);
  await Promise.all([{ corrupt: 1 }, { truncate: 1 }, { drop: 1 }, { duplicate: 1 }].map(async (faults) => {
    const proxy = await UdpProxy.open(address, { faults });
    const connecting = network.connect(proxy.address);
    await network.until(() => proxy.counts.passed + proxy.counts.dropped > 0);
    proxy.faults = {};
    const client = await connecting;
    assert.deepEqual(await client.request("echo", Uint8Array.of(1)), Uint8Array.of(1), JSON.stringify(faults));
    await client.close();
    await proxy.close();
  }));
  await network.close();
});

test("A network that goes dead ends everything that is pending with UNAVAILABLE, on both sides", async () => {
  const network = new Network();
  // The proxy lives in this process: longer than a busy machine may keep it from running.
  const tuning = { idleTimeoutMs: 2_000, keepAliveIntervalMs: 500 };
  const aborted: unknown[] = [];
  const reasons: string[] = [];
  const server = network.server().options({ tuning })
    .handler("never", (_session, _bytes, call) =>
      new Promise<Uint8Array>((_, reject) => {
        call.signal.addEventListener("abort", () => {
          aborted.push(call.signal.reason);
          reject(call.signal.reason);
        });
      }))
    .stream("slow", () => new Promise<void>(() => {}))
    .onDisconnect((_session, reason) => void reasons.push(reason.by))
    .build();
  const proxy = await UdpProxy.open(await network.start(server));
  const client = await network.connect(proxy.address, { tuning, reconnect: false });
  const stream = await client.createStream("slow");
  let isOver = false;
  // Whoever waits is attached from the start: should the connection end before the network does, that is what fails.
  const pending = Promise.allSettled([
    ...[1, 2, 3].map(() => client.request("never", new Uint8Array(0))),
    client.request("never", new Uint8Array(500_000)),
    (async () => {
      for (;;) await stream.send(new Uint8Array(50_000));
    })(),
  ]);
  void client.closed.then(() => isOver = true);
  await network.until(() => isOver || [...server.sessions][0]?.stats.callsRunning === 4);
  assert.ok(!isOver, "ended while the network was alive");
  proxy.cut = true;
  for (const result of await pending) {
    assert.ok(result.status === "rejected");
    assert.equal(result.reason.code, "UNAVAILABLE");
    assert.match(result.reason.message, /127\.0\.0\.1:\d+ timed out/);
  }
  assert.equal((await client.closed).by, "timeout");
  await network.until(() => reasons.length === 1 && aborted.length === 4);
  assert.deepEqual(reasons, ["timeout"]);
  await assert.rejects(client.request("never", new Uint8Array(0)), {
    code: "UNAVAILABLE",
    disposition: "notProcessed",
  });
  await proxy.close();
  await network.close();
});
