/**
 * Deliveries over real QUIC through a proxy that loses packets: nothing that is lost holds up what follows.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MediaFrame } from "../../src/stream/incoming_stream.ts";
import type { StreamOptions } from "../../src/stream/stream_options.ts";
import { pattern } from "../support/connection_pair.ts";
import type { Faults } from "../support/impairment.ts";
import { Network } from "../support/networks.ts";
import { UdpProxy } from "../support/udp_proxy.ts";

/** Send `count` frames through a proxy; what arrives, and the sender's word at the end. */
async function deliver(
  options: StreamOptions,
  faults: Faults,
  count: number,
  bytes: number,
): Promise<{ frames: MediaFrame[]; proxy: UdpProxy; dropped: number; packetsLost: number }> {
  const network = new Network();
  const frames: MediaFrame[] = [];
  const server = network.server()
    .stream("frames", async (_session, incoming) => {
      for await (const frame of incoming) frames.push(frame);
    })
    .build();
  const proxy = await UdpProxy.open(await network.start(server), { seed: 11 });
  const client = await network.connect<typeof server>(proxy.address);
  const stream = await client.createStream("frames", options);
  proxy.faults = faults;
  for (let n = 0; n < count; n++) {
    await stream.send(pattern(bytes, n));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await stream.end();
  const { framesDropped, packetsLost } = stream.stats;
  await client.close();
  await proxy.close();
  await network.close();
  return { frames, proxy, dropped: framesDropped, packetsLost };
}

test("One lost packet never makes later frames fail or wait (pion #256), expiring", async () => {
  const { frames, proxy, dropped } = await deliver(
    { delivery: "expiring", maxLatencyMs: 2_000 },
    { drop: 0.05, delayMs: 20 },
    100,
    3_000,
  );
  assert.ok(proxy.counts.dropped > 0, "nothing was lost");
  for (const { sequence, payload } of frames) assert.deepEqual(payload, pattern(3_000, sequence));
  // What was lost was sent again, and nothing was too late.
  assert.deepEqual([frames.length, dropped], [100, 0]);
  // Frames overtook those that waited for what was lost.
  assert.ok(frames.some(({ sequence }, at) => at > 0 && sequence < frames[at - 1]!.sequence), "no frame was overtaken");
});

test("One lost packet never makes later frames fail or wait (pion #256), datagram", async () => {
  const { frames, proxy, dropped } = await deliver(
    { delivery: "datagram", maxLatencyMs: 2_000 },
    { drop: 0.05, delayMs: 20 },
    200,
    100,
  );
  assert.ok(proxy.counts.dropped > 0, "nothing was lost");
  for (const { sequence, payload } of frames) assert.deepEqual(payload, pattern(100, sequence));
  assert.equal(dropped, 0);
  assert.ok(frames.length > 160 && frames.length < 200, `${frames.length} of 200 arrived`);
  assert.ok(frames.every(({ sequence }, at) => at === 0 || sequence > frames[at - 1]!.sequence), "frames are in order");
});

for (const protection of ["duplicate", { parityEvery: 4 }] as const) {
  test(`Protection ${JSON.stringify(protection)} brings lost datagrams back over a real network`, async () => {
    const { frames } = await deliver({ delivery: "datagram", protection }, { drop: 0.05 }, 200, 1_000);
    for (const { sequence, payload } of frames) assert.deepEqual(payload, pattern(1_000, sequence));
    assert.ok(frames.length > 190, `${frames.length} of 200 arrived`);
  });
}

test("A datagram frame larger than a packet arrives whole over a real network", async () => {
  const { frames } = await deliver({ delivery: "datagram" }, {}, 20, 30_000);
  assert.equal(frames.length, 20);
  for (const { sequence, payload } of frames) assert.deepEqual(payload, pattern(30_000, sequence));
});

test("An expiring frame past maxLatencyMs is reset and reported over a real network", async () => {
  const network = new Network();
  const sequences: number[] = [];
  const server = network.server()
    .stream("frames", async (_session, incoming) => {
      for await (const { sequence } of incoming) sequences.push(sequence);
    })
    .build();
  const proxy = await UdpProxy.open(await network.start(server));
  const client = await network.connect<typeof server>(proxy.address);
  const stream = await client.createStream("frames", { delivery: "expiring", maxLatencyMs: 150 });
  proxy.cut = true;
  // More than may be under way unacknowledged: packets that wait in the proxy's socket when the cut ends cannot make it whole.
  await stream.send(pattern(500_000));
  await network.until(() => stream.stats.framesExpired === 1);
  proxy.cut = false;
  // Where the machine stands still for longer than `maxLatencyMs`, any frame expires.
  while (sequences.length === 0) {
    const { framesExpired } = stream.stats;
    await stream.send("later");
    await network.until(() => sequences.length > 0 || stream.stats.framesExpired > framesExpired);
  }
  await stream.end();
  assert.ok(!sequences.includes(0), "a frame that expired during the cut arrived");
  await client.close();
  await proxy.close();
  await network.close();
});
