/**
 * Deliveries that lose frames rather than wait, between two sessions over memory: virtual time, seeded loss.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { FrameSink } from "../../src/stream/frame_source.ts";
import type { IncomingStream, MediaFrame } from "../../src/stream/incoming_stream.ts";
import type { CongestionState } from "../../src/stream/media_sender_stats.ts";
import type { Protection, StreamOptions } from "../../src/stream/stream_options.ts";
import { pattern } from "../support/connection_pair.ts";
import { deferred, failureOf, type SessionPair, testOverMemory, testSessions } from "../support/session_pair.ts";

/** Collects what arrives on streams called `name` at the server. */
function collect(pair: SessionPair, name: string): { frames: MediaFrame[]; stream: () => IncomingStream } {
  const frames: MediaFrame[] = [];
  let incoming: IncomingStream | undefined;
  pair.server.streams.handle(name, async (_session, stream) => {
    incoming = stream;
    for await (const frame of stream) frames.push(frame);
  });
  return { frames, stream: () => incoming! };
}

const EXPIRING: StreamOptions = { delivery: "expiring", maxLatencyMs: 400 };
const DATAGRAM: StreamOptions = { delivery: "datagram", maxLatencyMs: 400 };

for (const options of [EXPIRING, DATAGRAM]) {
  testSessions(`Frames of delivery "${options.delivery}" arrive whole, and the end is told`, {
    network: { delayMs: 1 },
  }, async (pair) => {
    const { frames, stream } = collect(pair, "s");
    const sender = await pair.run(pair.client.session.createStream("s", { ...options, clockRate: 90_000 }));
    const sizes = [0, 1, 1_000, 3_000, 70_000, 5];
    for (const [n, size] of sizes.entries()) await pair.run(sender.send(pattern(size, n), { timestamp: n * 3_000 }));
    await pair.run(sender.end());
    frames.sort((a, b) => a.sequence - b.sequence);
    assert.deepEqual(frames.map(({ sequence, timestamp }) => [sequence, timestamp]), [
      [0, 0],
      [1, 3_000],
      [2, 6_000],
      [3, 9_000],
      [4, 12_000],
      [5, 15_000],
    ]);
    for (const [n, size] of sizes.entries()) assert.deepEqual(frames[n]!.payload, pattern(size, n));
    assert.equal(stream().delivery, options.delivery);
    assert.deepEqual([stream().stats.framesLost, stream().stats.framesDropped], [0, 0]);
    assert.deepEqual([sender.stats.framesSent, sender.stats.framesDropped], [6, 0]);
  });

  testOverMemory(`A handler that does not read a stream of delivery "${options.delivery}" loses the oldest frames`, {
    limits: { maxHeldStreamBytes: 100_000 },
  }, async (pair) => {
    const gate = deferred();
    const sequences: number[] = [];
    let incoming: IncomingStream | undefined;
    pair.server.streams.handle("s", async (_session, stream) => {
      incoming = stream;
      await gate.promise;
      for await (const { sequence } of stream) sequences.push(sequence);
    });
    const sender = await pair.run(pair.client.session.createStream("s", options));
    for (let n = 0; n < 300; n++) {
      await sender.send(new Uint8Array(1_000));
      await pair.clock.advance(5);
    }
    const ended = sender.end();
    await pair.clock.advance(1_000);
    gate.resolve();
    await pair.run(ended);
    assert.ok(sequences.length > 100 && sequences.length < 160, `${sequences.length} frames were held`);
    assert.equal(sequences.at(-1), 299);
    assert.equal(incoming?.stats.framesDropped, 300 - sequences.length);
  });

  testOverMemory(`A stream of delivery "${options.delivery}" nobody takes is refused`, {}, async (pair) => {
    const sender = await pair.run(pair.client.session.createStream("nope", options));
    const failure = await pair.run(failureOf(sender.closed));
    assert.equal(failure.code, "UNIMPLEMENTED");
    assert.equal(await failureOf(sender.send("x")), failure);
    assert.equal(await failureOf(sender.end()), failure);
  });

  testOverMemory(`A handler that leaves a stream of delivery "${options.delivery}" ends it`, {}, async (pair) => {
    pair.server.streams.handle("s", async (_session, incoming) => {
      for await (const _frame of incoming) break;
    });
    const sender = await pair.run(pair.client.session.createStream("s", options));
    await sender.send("x");
    assert.equal((await pair.run(failureOf(sender.closed))).code, "CANCELLED");
  });

  testOverMemory(
    `Abort and the end of the connection end a stream of delivery "${options.delivery}"`,
    {},
    async (pair) => {
      const codes: unknown[] = [];
      pair.server.streams.handle("s", async (_session, incoming) => {
        try {
          for await (const _frame of incoming);
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      });
      const [aborted, cut] = [
        await pair.run(pair.client.session.createStream("s", options)),
        await pair.run(pair.client.session.createStream("s", options)),
      ];
      await aborted.send(new Uint8Array(100_000));
      await cut.send("x");
      await pair.clock.advance(10);
      aborted.abort();
      await pair.clock.advance(10);
      await pair.run(pair.client.session.close("", { graceMs: 0 }));
      await pair.clock.advance(10);
      assert.deepEqual(codes, ["CANCELLED", "UNAVAILABLE"]);
      assert.equal((await failureOf(cut.closed)).code, "UNAVAILABLE");
    },
  );
}

testOverMemory("A datagram frame larger than a packet arrives whole, and a frame that misses a part never does", {
  network: { datagramLoss: 0.05, delayMs: 20, seed: 7 },
}, async (pair) => {
  const { frames, stream } = collect(pair, "s");
  const sender = await pair.run(pair.client.session.createStream("s", DATAGRAM));
  for (let n = 0; n < 200; n++) {
    await sender.send(pattern(5_000, n));
    await pair.clock.advance(33);
  }
  await pair.run(sender.end());
  for (const { sequence, payload } of frames) assert.deepEqual(payload, pattern(5_000, sequence));
  // Five packets of which each is lost once in twenty.
  assert.ok(frames.length > 130 && frames.length < 175, `${frames.length} of 200 arrived`);
  assert.equal(stream().stats.framesLost, 200 - frames.length);
});

for (
  const [protection, name, least] of [
    [{ parityEvery: 4 }, "parity recovers a lost fragment", 180],
    ["duplicate", "duplicate recovers a lost datagram", 190],
  ] as readonly (readonly [Protection, string, number])[]
) {
  testOverMemory(
    `With protection, ${name}`,
    { network: { datagramLoss: 0.05, delayMs: 20, seed: 7 } },
    async (pair) => {
      const { frames, stream } = collect(pair, "s");
      const sender = await pair.run(pair.client.session.createStream("s", { ...DATAGRAM, protection }));
      for (let n = 0; n < 200; n++) {
        await sender.send(pattern(5_000, n));
        await pair.clock.advance(33);
      }
      await pair.run(sender.end());
      for (const { sequence, payload } of frames) assert.deepEqual(payload, pattern(5_000, sequence));
      assert.ok(frames.length >= least, `${frames.length} of 200 arrived`);
      assert.equal(stream().stats.fragmentsRecovered > 0, protection !== "duplicate");
      assert.equal(new Set(frames.map(({ sequence }) => sequence)).size, frames.length);
    },
  );
}

testOverMemory("Small frames sent now and then are protected too, before they are too old", {
  network: { datagramLoss: 0.2, delayMs: 5, seed: 3 },
}, async (pair) => {
  const { frames } = collect(pair, "pose");
  const sender = await pair.run(
    pair.client.session.createStream("pose", {
      delivery: "datagram",
      maxLatencyMs: 100,
      protection: { parityEvery: 8 },
    }),
  );
  for (let n = 0; n < 200; n++) {
    await sender.send(pattern(50, n));
    await pair.clock.advance(200);
  }
  await pair.run(sender.end());
  // One in five is lost, and one in five of those has lost its parity too.
  assert.ok(frames.length > 185, `${frames.length} of 200 arrived`);
});

testOverMemory("Under a slow path the newest frame leaves first, old ones are dropped, and send never waits", {
  network: { bandwidthBytesPerS: 100_000 },
}, async (pair) => {
  const { frames } = collect(pair, "video");
  const sender = await pair.run(pair.client.session.createStream("video", EXPIRING));
  const sentUs = new Map<number, number>();
  // Twice of what the path carries.
  for (let n = 0; n < 100; n++) {
    sentUs.set(n, pair.clock.nowUs());
    await sender.send(new Uint8Array(10_000));
    await pair.clock.advance(50);
  }
  await pair.run(sender.end());
  const { framesSent, framesExpired, framesOverflowed, queuedFrames } = sender.stats;
  assert.ok(framesExpired >= 40 && framesExpired <= 60, `${framesExpired} expired`);
  assert.deepEqual([framesOverflowed, queuedFrames], [0, 0]);
  assert.ok(frames.length >= 40 && frames.length <= framesSent, `${frames.length} arrived`);
  // What arrives is as old as the frame before it, which was leaving already, and itself take to leave.
  const ages = frames.map(({ sequence, arrivalUs }) => arrivalUs - sentUs.get(sequence)!);
  assert.ok(ages.filter((ageUs) => ageUs < 260_000).length > ages.length * 0.9, `ages ${ages}`);
});

testOverMemory("Frames of a group share a stream and arrive in order, a new group begins when it is told to", {
  network: { delayMs: 5 },
}, async (pair) => {
  const { frames } = collect(pair, "video");
  const sender = await pair.run(
    pair.client.session.createStream("video", { delivery: "expiring", framesPerGroup: 5, maxLatencyMs: 2_000 }),
  );
  const opened = (): number => pair.client.connection.transport.open(false);
  const before = opened();
  for (let n = 0; n < 20; n++) {
    await sender.send(pattern(5_000, n), { newGroup: n % 4 === 0 && n >= 12 });
    await pair.clock.advance(10);
  }
  // Groups of 5, 5, 2, 4 and 4: handles of streams are counted downwards.
  await pair.run(sender.end());
  assert.equal(before - opened() - 1, 5);
  for (const { sequence, payload } of frames) assert.deepEqual(payload, pattern(5_000, sequence));
  assert.deepEqual(frames.map(({ sequence }) => sequence), Array.from({ length: 20 }, (_, n) => n));
  assert.deepEqual([frames.length, sender.stats.framesDropped], [20, 0]);
});

testOverMemory("A group that takes longer than its frames may be old goes on without loss", {
  network: { delayMs: 20 },
}, async (pair) => {
  const { frames } = collect(pair, "video");
  const sender = await pair.run(
    pair.client.session.createStream("video", { delivery: "expiring", framesPerGroup: 300, maxLatencyMs: 100 }),
  );
  for (let n = 0; n < 100; n++) {
    await sender.send(pattern(2_000, n));
    await pair.clock.advance(33);
  }
  await pair.run(sender.end());
  assert.deepEqual([frames.length, sender.stats.framesExpired], [100, 0]);
});

testOverMemory("An expiring frame past maxLatencyMs is reset and reported", {}, async (pair) => {
  const { frames } = collect(pair, "s");
  const sender = await pair.run(pair.client.session.createStream("s", { delivery: "expiring", maxLatencyMs: 200 }));
  await sender.send("first");
  await pair.clock.advance(50);
  pair.setCut(true);
  await sender.send("lost");
  await pair.clock.advance(250);
  assert.equal(sender.stats.framesExpired, 1);
  pair.setCut(false);
  await sender.send("later");
  await pair.run(sender.end());
  assert.deepEqual(frames.map(({ sequence }) => sequence), [0, 2]);
});

testOverMemory("Streams of more urgent priority leave first", {
  network: { bandwidthBytesPerS: 100_000 },
}, async (pair) => {
  for (const delivery of ["expiring", "datagram"] as const) {
    const arrived: Record<string, number> = {};
    for (const priority of [7, 0]) {
      const name = `${delivery} ${priority}`;
      arrived[name] = 0;
      pair.server.streams.handle(name, async (_session, incoming) => {
        for await (const _frame of incoming) arrived[name]!++;
      });
    }
    const [idle, urgent] = [
      await pair.run(pair.client.session.createStream(`${delivery} 7`, { delivery, priority: 7 })),
      await pair.run(pair.client.session.createStream(`${delivery} 0`, { delivery, priority: 0 })),
    ];
    for (let n = 0; n < 60; n++) {
      await idle.send(new Uint8Array(1_000));
      await idle.send(new Uint8Array(1_000));
      await urgent.send(new Uint8Array(1_000));
      await pair.clock.advance(20);
    }
    await pair.run(Promise.all([idle.end(), urgent.end()]));
    assert.equal(arrived[`${delivery} 0`], 60, delivery);
    // The path carries 2 of 3 frames.
    assert.ok(arrived[`${delivery} 7`]! < 110, `${delivery}: ${arrived[`${delivery} 7`]}`);
  }
});

testOverMemory("A sender adapts by onCongestion, and learns when it is over", {
  network: { bandwidthBytesPerS: 100_000 },
}, async (pair) => {
  const { frames } = collect(pair, "video");
  const sender = await pair.run(pair.client.session.createStream("video", EXPIRING));
  let frameBytes = 20_000;
  const states: CongestionState[] = [];
  sender.onCongestion = (state) => {
    states.push(state);
    frameBytes = state.congested ? 2_000 : 4_000;
  };
  for (let n = 0; n < 150; n++) {
    await sender.send(new Uint8Array(frameBytes));
    await pair.clock.advance(50);
  }
  await pair.run(sender.end());
  assert.deepEqual(states.map(({ congested }) => congested), [true, false]);
  assert.ok(states[0]!.queueDelayMs > 0 || states[0]!.framesDropped > 0);
  assert.ok(frames.slice(-60).every(({ payload }) => payload.length === 4_000));
});

testOverMemory("An onCongestion that throws is logged, and nothing else happens", {
  network: { bandwidthBytesPerS: 10_000 },
}, async (pair) => {
  collect(pair, "s");
  const sender = await pair.run(pair.client.session.createStream("s", { ...EXPIRING, maxLatencyMs: 100 }));
  sender.onCongestion = () => {
    throw new Error("a mistake");
  };
  for (let n = 0; n < 20; n++) {
    await sender.send(new Uint8Array(1_000));
    await pair.clock.advance(10);
  }
  assert.deepEqual(pair.client.messages("error"), ['onCongestion of stream "s" failed']);
  await pair.run(sender.end());
});

testOverMemory("A receiver reports what it gets, and its sender shows it", {
  network: { datagramLoss: 0.2, delayMs: 10, jitterMs: 8, seed: 5 },
}, async (pair) => {
  collect(pair, "s");
  const sender = await pair.run(pair.client.session.createStream("s", DATAGRAM));
  const congested: boolean[] = [];
  sender.onCongestion = (state) => void congested.push(state.congested);
  for (let n = 0; n < 300; n++) {
    await sender.send(new Uint8Array(100));
    await pair.clock.advance(10);
  }
  const { packetsLost, fractionLost, jitter, roundTripTime, framesDropped } = sender.stats;
  assert.ok(packetsLost > 25 && packetsLost < 70, `${packetsLost} lost`);
  assert.ok(fractionLost > 0.1 && fractionLost < 0.35, `${fractionLost}`);
  assert.ok(jitter > 0.001 && jitter < 0.008, `jitter of ${jitter} s`);
  assert.deepEqual([roundTripTime, framesDropped], [0.02, 0]);
  assert.deepEqual(congested, [true]);
  await pair.run(sender.end());
});

testOverMemory("A sender hears of congestion at whoever plays its frames", {}, async (pair) => {
  const sink: FrameSink & { frames: MediaFrame[] } = {
    isCongested: true,
    frames: [],
    onFrame: (frame) => void sink.frames.push(frame),
    onEnd: () => ended.resolve(),
  };
  const ended = deferred();
  pair.server.streams.handle("s", async (_session, incoming) => {
    incoming.attach(sink);
    assert.throws(() => incoming.attach(sink), TypeError);
    await ended.promise;
  });
  const sender = await pair.run(pair.client.session.createStream("s"));
  const congested: boolean[] = [];
  sender.onCongestion = (state) => void congested.push(state.congested);
  for (let n = 0; n < 20; n++) {
    await pair.run(sender.send(new Uint8Array(100_000)));
    await pair.clock.advance(100);
  }
  assert.deepEqual([sink.frames.length, congested], [20, [true]]);
  await pair.run(sender.end());
});

for (const delivery of ["reliable", "expiring", "datagram"] as const) {
  testOverMemory(`A receiver of delivery "${delivery}" knows where timestamps stand on its sender's clock`, {
    network: { delayMs: 30 },
  }, async (pair) => {
    const streams: IncomingStream[] = [];
    pair.server.streams.handle("s", async (_session, incoming) => {
      streams.push(incoming);
      for await (const _frame of incoming);
    });
    const stamped = await pair.run(pair.client.session.createStream("s", { delivery, clockRate: 90_000 }));
    const explicit = await pair.run(pair.client.session.createStream("s", { delivery, clockRate: 90_000 }));
    await pair.clock.advance(100);
    const nowUs = pair.clock.nowUs();
    await stamped.send("x");
    await explicit.send("x", { timestamp: 900, captureUs: nowUs - 5_000 });
    await pair.run(Promise.all([stamped.end(), explicit.end()]));
    const [first, second] = streams.map((stream) => stream.clockReference);
    assert.ok(Math.abs(first!.senderUs - first!.timestamp * 1e6 / 90_000) <= 1);
    assert.ok(Math.abs(first!.senderUs - nowUs) <= 12);
    assert.deepEqual(second, { timestamp: 900, senderUs: nowUs - 5_000 });
  });
}

testOverMemory("createStream and send refuse what cannot be", {}, async (pair) => {
  const { session } = pair.client;
  const wrong: [object, typeof RangeError | typeof TypeError][] = [
    [{ clockRate: 0 }, RangeError],
    [{ clockRate: 0.5 }, RangeError],
    [{ delivery: "expiring", maxLatencyMs: -1 }, RangeError],
    [{ delivery: "expiring", maxLatencyMs: NaN }, RangeError],
    [{ delivery: "datagram", maxLatencyMs: 0 }, RangeError],
    [{ maxLatencyMs: 100 }, TypeError],
    [{ delivery: "carrier pigeon" }, TypeError],
    [{ priority: 8 }, RangeError],
    [{ priority: -1 }, RangeError],
    [{ protection: "duplicate" }, TypeError],
    [{ framesPerGroup: 2 }, TypeError],
    [{ delivery: "expiring", framesPerGroup: 0 }, RangeError],
    [{ delivery: "datagram", protection: "twice" }, TypeError],
    [{ delivery: "datagram", protection: { parityEvery: 0 } }, RangeError],
    [{ delivery: "datagram", protection: { parityEvery: 33 } }, RangeError],
  ];
  for (const [options, type] of wrong) {
    await assert.rejects(session.createStream("s", options), type, JSON.stringify(options));
  }
  assert.equal(session.stats.streamsOpened, 0);
  for (const options of [EXPIRING, DATAGRAM]) {
    const { frames } = collect(pair, options.delivery!);
    const sender = await pair.run(session.createStream(options.delivery!, options));
    await assert.rejects(sender.send(new Uint8Array(1_048_576)), RangeError);
    await assert.rejects(sender.send("x", { timestamp: 0.5 }), RangeError);
    await assert.rejects(sender.send("x", { captureUs: NaN }), RangeError);
    await assert.rejects(sender.send(1 as never), TypeError);
    await sender.send("fits");
    const ended = sender.end();
    await assert.rejects(sender.send("late"), TypeError);
    await pair.run(ended);
    assert.equal(frames.length, 1);
  }
});
