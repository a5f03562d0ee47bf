/**
 * Streams over real QUIC through a path that carries less than is sent: what is fresh and what is urgent goes first, and the sender learns of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RpcClient } from "../../src/client/client.ts";
import { pattern } from "../support/connection_pair.ts";
import type { Faults } from "../support/impairment.ts";
import { Network } from "../support/networks.ts";
import { UdpProxy } from "../support/udp_proxy.ts";

/** A path of 1.6 Mbit/s with packets as on the internet. */
const NARROW = { delayMs: 10, rateBytesPerS: 200_000, queuePackets: 100, mtuBytes: 1_452 } as const satisfies Faults;

/** Something that arrived: the stream's name and the frame's sequence. */
type Arrival = readonly [name: string, sequence: number];

/** Run `body` with a client behind a narrow path, and the frames its server receives, in the order of their arrival. */
async function withBottleneck(
  faults: Faults,
  body: (client: RpcClient, arrivals: readonly Arrival[], network: Network) => Promise<void>,
): Promise<void> {
  const network = new Network();
  const arrivals: Arrival[] = [];
  const server = network.server();
  for (const name of ["fresh", "bulk", "urgent"]) {
    server.stream(name, async (_session, incoming) => {
      for await (const { sequence, payload } of incoming) {
        assert.deepEqual(payload, pattern(payload.length, sequence));
        arrivals.push([name, sequence]);
      }
    });
  }
  const proxy = await UdpProxy.open(await network.start(server.build()), { seed: 5, faults });
  const client = await network.connect(proxy.address);
  try {
    await body(client as unknown as RpcClient, arrivals, network);
  } finally {
    await client.close();
    await proxy.close();
    await network.close();
  }
}

test("A congested expiring stream delivers its newest frame first, and reports the stale ones it resets", () =>
  withBottleneck(NARROW, async (client, arrivals) => {
    const stream = await client.createStream("fresh", { delivery: "expiring", maxLatencyMs: 500 });
    const count = 30;
    for (let n = 0; n < count; n++) await stream.send(pattern(12_000, n));
    await stream.end();
    const sequences = arrivals.map(([, sequence]) => sequence);
    // The first one had left before there was another; from then on the newest goes first. A busy machine has some sent twice, late.
    const rest = sequences.slice(1);
    const descents = rest.filter((sequence, at) => at > 0 && sequence < rest[at - 1]!).length;
    assert.ok(rest.length > 1 && descents >= (rest.length - 1) / 2, `in the order ${sequences}`);
    assert.ok(sequences[0] === 0 && rest.every((sequence) => sequence > count / 2), `in the order ${sequences}`);
    const { framesDropped, framesExpired } = stream.stats;
    assert.equal(framesDropped, framesExpired);
    assert.ok(framesDropped >= count - sequences.length, `${framesDropped} dropped, ${sequences.length} arrived`);
  }));

test("Frames of an urgent stream pass a bulk stream that fills the path", () =>
  withBottleneck(NARROW, async (client, arrivals, network) => {
    const BULK_BYTES = 20_000;
    // Nothing can pass the path's queue, and what was lost there may hold up as much again, which then arrives all at once.
    const most = 2 * Math.ceil(NARROW.queuePackets * NARROW.mtuBytes / BULK_BYTES);
    const bulk = await client.createStream("bulk", { priority: 6 });
    const urgent = await client.createStream("urgent", { priority: 1 });
    const frames = Array.from({ length: 40 }, (_, n) => bulk.send(pattern(BULK_BYTES, n)));
    const arrived = (name: string): number => arrivals.filter(([each]) => each === name).length;
    await network.until(() => arrived("bulk") > 0);
    for (let n = 0; n < 2; n++) {
      const before = arrived("bulk");
      assert.ok(before + most < frames.length, `only ${frames.length - before} bulk frames are left to be passed`);
      await urgent.send(pattern(500, n));
      await network.until(() => arrived("urgent") > n);
      const ahead = arrived("bulk") - before;
      assert.ok(ahead <= most, `${ahead} bulk frames came before urgent frame ${n}, expected ${most} at most`);
    }
    await Promise.all(frames);
    await bulk.end();
    await urgent.end();
  }));

test("onCongestion tells a sender that it sends too much, and by availableBitrate it finds what the path carries", () =>
  withBottleneck({ ...NARROW, queuePackets: 40 }, async (client, arrivals) => {
    const FRAMES_PER_S = 50;
    const stream = await client.createStream("fresh", { delivery: "expiring", maxLatencyMs: 400 });
    const states: boolean[] = [];
    stream.onCongestion = ({ congested }) => void states.push(congested);
    assert.equal(stream.stats.availableBitrateMeasured, false);
    const GREATEST = 6_400_000;
    let bitrate = GREATEST;
    let sent = 0;
    for (let left = Infinity; left > 0; sent++, left--) {
      await stream.send(pattern(Math.round(bitrate / 8 / FRAMES_PER_S), sent));
      await new Promise((resolve) => setTimeout(resolve, 1000 / FRAMES_PER_S));
      const { availableBitrate, availableBitrateMeasured } = stream.stats;
      // A program that stood still is congested, too, but has measured nothing.
      if (states.at(-1) === true && availableBitrateMeasured) bitrate = Math.min(bitrate, 0.7 * availableBitrate);
      if (left === Infinity && states.at(-1) === false && bitrate < GREATEST) left = 50;
    }
    await stream.end();
    assert.deepEqual(states.slice(0, 2), [true, false]);
    // A busy machine lets packets through the path in bursts, which are faster than it is.
    const pathBitrate = 8 * NARROW.rateBytesPerS;
    assert.ok(bitrate > pathBitrate / 4 && bitrate < pathBitrate * 2, `${bitrate} bit/s on a path of ${pathBitrate}`);
    const delivered = arrivals.filter(([, sequence]) => sequence >= sent - 50).length;
    assert.ok(delivered >= 45, `${delivered} of the last 50 frames arrived`);
  }));
