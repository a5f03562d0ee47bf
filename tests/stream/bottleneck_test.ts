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
  body: (client: RpcClient, arrivals: readonly Arrival[], path: { network: Network; proxy: UdpProxy }) => Promise<void>,
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
    await body(client as unknown as RpcClient, arrivals, { network, proxy });
  } finally {
    await client.close();
    await proxy.close();
    await network.close();
  }
}

test("A congested expiring stream delivers its newest frames, and reports the stale ones it resets", () =>
  withBottleneck(NARROW, async (client, arrivals) => {
    const COUNT = 100;
    const FRAME_BYTES = 12_000;
    const MAX_LATENCY_MS = 2_000;
    const stream = await client.createStream("fresh", { delivery: "expiring", maxLatencyMs: MAX_LATENCY_MS });
    // All in one turn: none has left before the others are there.
    await Promise.all(Array.from({ length: COUNT }, (_, n) => stream.send(pattern(FRAME_BYTES, n))));
    await stream.end();
    // The first one may leave before the others are there, all the same. Which of the rest comes first is decided by what is lost and sent
    // again, too; but a third of them is all that the path carries in their time, and with newest first that is the newest third.
    const rest = arrivals.map(([, sequence]) => sequence).filter((sequence) => sequence > 0);
    assert.ok(NARROW.rateBytesPerS * MAX_LATENCY_MS / 1000 < COUNT * FRAME_BYTES / 2);
    assert.ok(rest.length > 0 && rest.every((sequence) => sequence >= COUNT / 2), `in the order ${rest}`);
    const { framesDropped, framesExpired } = stream.stats;
    assert.equal(framesDropped, framesExpired);
    assert.ok(framesDropped >= COUNT - arrivals.length, `${framesDropped} dropped, ${arrivals.length} arrived`);
  }));

test("Frames of an urgent stream pass a bulk stream that fills the path", () =>
  withBottleneck(NARROW, async (client, arrivals, { network }) => {
    const BULK_BYTES = 20_000;
    // Nothing can pass the path's queue, and what was lost there may hold up as much again, which then arrives all at once.
    const most = 2 * Math.ceil(NARROW.queuePackets * NARROW.mtuBytes / BULK_BYTES);
    const bulk = await client.createStream("bulk", { priority: 6 });
    const urgent = await client.createStream("urgent", { priority: 1 });
    // What is there when the first urgent frame leaves, and what may come before each of the two.
    const frames = Array.from({ length: 3 * most }, (_, n) => bulk.send(pattern(BULK_BYTES, n)));
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
  withBottleneck({ ...NARROW, queuePackets: 40 }, async (client, arrivals, { proxy }) => {
    const INTERVAL_MS = 20;
    const GREATEST = 6_400_000;
    const PATH_BITRATE = 8 * NARROW.rateBytesPerS;
    /** Frames over which what arrives is looked at, and after which the sender has not found what the path carries. */
    const WINDOW = 50;
    const MOST = 2_000;
    const stream = await client.createStream("fresh", { delivery: "expiring", maxLatencyMs: 400 });
    const states: boolean[] = [];
    stream.onCongestion = ({ congested }) => void states.push(congested);
    assert.equal(stream.stats.availableBitrateMeasured, false);
    const startMs = performance.now();
    let lastMs = startMs;
    let bitrate = GREATEST;
    let carried = 0;
    let sent = 0;
    let adapted = 0;
    const delivered = (): number => arrivals.filter(([, sequence]) => sequence >= sent - WINDOW).length;
    const isDone = (): boolean => states.at(-1) === false && sent - adapted > WINDOW && delivered() >= 0.9 * WINDOW;
    while (bitrate === GREATEST || !isDone()) {
      assert.ok(sent < MOST, `${delivered()} of the last ${WINDOW} frames arrived at ${bitrate} bit/s, ${states}`);
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
      const nowMs = performance.now();
      // On a slow machine timers are late, and the frames larger: the bitrate is that of an encoder, whatever the machine.
      const sinceMs = Math.min(nowMs - lastMs, 10 * INTERVAL_MS);
      lastMs = nowMs;
      await stream.send(pattern(Math.ceil(bitrate * sinceMs / 8000), sent++));
      const { availableBitrate, availableBitrateMeasured } = stream.stats;
      // A program that stood still is congested, too, but has measured nothing.
      if (states.at(-1) !== true || !availableBitrateMeasured || 0.7 * availableBitrate >= bitrate) continue;
      bitrate = 0.7 * availableBitrate;
      carried = 8000 * proxy.there.counts.passedBytes / (nowMs - startMs);
      adapted = sent;
    }
    await stream.end();
    assert.deepEqual(states.slice(0, 2), [true, false]);
    // The path is as slow as the machine when that stands still; and what is sent in bursts passes the path's queue faster than it is.
    const least = Math.min(carried, PATH_BITRATE) / 4;
    assert.ok(
      bitrate > least && bitrate < 2 * PATH_BITRATE,
      `${bitrate} bit/s, expected ${least} to ${2 * PATH_BITRATE}`,
    );
  }));
