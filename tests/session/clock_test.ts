/**
 * `session.clock`: two ends measure each other's clocks, over memory in virtual time and over QUIC.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Clock } from "../../src/clock.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { ErrorCode } from "../../src/protocol/error.ts";
import { encodeTimeAnswer, encodeTimeProbe, TimeDatagramKind } from "../../src/protocol/time_sync.ts";
import type { ClockStep } from "../../src/session/session_clock.ts";
import { failureOf, testOverMemory, testSessions } from "../support/session_pair.ts";
import { SkewedClock } from "../support/skewed_clock.ts";

/** A clock 4,000 s ahead of the other. */
function skewed(driftPpm = 0): { serverClock: (clock: Clock) => Clock; clock: () => SkewedClock } {
  let made!: SkewedClock;
  return { serverClock: (clock) => made = new SkewedClock(clock, 4_000e6, driftPpm), clock: () => made };
}

/** When datagrams of a kind are sent from now on, in virtual milliseconds. */
function watch(connection: Connection, kind: number): number[] {
  const sentMs: number[] = [];
  const send = connection.sendDatagram.bind(connection);
  connection.sendDatagram = (bytes, ...rest) => {
    if (bytes[0] === kind) sentMs.push(connection.clock.nowUs() / 1000);
    send(bytes, ...rest);
  };
  return sentMs;
}

testSessions("Each end knows the other's clock within its error bound", {}, async (pair) => {
  for (const { session } of [pair.client, pair.server]) {
    const { clock } = session;
    await pair.run(clock.ready());
    assert.equal(clock.state, "synchronized");
    assert.ok(clock.errorBoundUs < Infinity);
    assert.ok(Math.abs(clock.offsetUs) <= clock.errorBoundUs, `${clock.offsetUs} ± ${clock.errorBoundUs} µs`);
    assert.ok(clock.dispersionUs >= 0 && clock.uncertaintyUs < Infinity && clock.roundTripTimeUs >= 0);
  }
});

const bad = skewed(40);
testOverMemory("Clocks that drift apart are followed over a path that delays and loses", {
  serverClock: bad.serverClock,
  network: { delayMs: 10, jitterMs: 5, datagramLoss: 0.1, seed: 3 },
}, async (pair) => {
  const [there, back] = [pair.client.session.clock, pair.server.session.clock];
  await pair.run(there.ready());
  await pair.run(back.ready());
  for (let second = 0; second < 60; second++) {
    await pair.clock.advance(1_000);
    const errorUs = there.offsetUs - bad.clock().offsetUs;
    assert.ok(Math.abs(errorUs) <= there.errorBoundUs, `${errorUs} of ${there.errorBoundUs} µs after ${second} s`);
    assert.ok(Math.abs(back.offsetUs + bad.clock().offsetUs) <= back.errorBoundUs);
  }
  assert.ok(Math.abs(there.toLocalUs(there.nowUs()) - pair.clock.nowUs()) < 1);
  assert.deepEqual([there.state, there.steps, there.ignored], ["synchronized", 0, 0]);
});

testOverMemory("Probes are sent in a burst, then by need", {}, async (pair) => {
  const { clock, client, server } = pair;
  const [sentMs, serverSentMs] = [client, server].map(({ connection }) =>
    watch(connection, TimeDatagramKind.PROBE)
  ) as [number[], number[]];
  const count = async (ms: number): Promise<number> => {
    const before = sentMs.length;
    await clock.advance(ms);
    return sentMs.length - before;
  };
  client.session.direct.parts.clockProbing.start();
  assert.equal(await count(200), 8);
  assert.equal(await count(60_000), 0, "nobody needs it");
  assert.deepEqual(serverSentMs, [], "a server measures nobody unless somebody needs it");

  server.streams.handle("media", async (_session, stream) => {
    for await (const _frame of stream);
  });
  const stream = await pair.run(client.session.createStream("media"));
  assert.equal(await count(200), 8, "a burst after a pause");
  assert.ok(serverSentMs.length >= 8, "who receives media needs the clock as well");
  const flowing = await count(10_000);
  assert.ok(flowing >= 39 && flowing <= 41, `${flowing} in 10 s of media`);
  await pair.run(stream.end());
  const lingering = await count(15_000);
  assert.ok(lingering <= 7, `${lingering} after the end`);
  assert.equal(await count(60_000), 0, "the media has ended");

  assert.equal(client.session.clock.state, "holdover");
  assert.equal(await count(200), 8, "it is read, after a pause");
  const read = await count(20_000);
  assert.ok(read >= 9 && read <= 11, `${read} in 20 s`);
});

testOverMemory("ready() tells what was reached when it gives up", { network: { delayMs: 20 } }, async (pair) => {
  const { clock } = pair.client.session;
  const late = pair.run(failureOf(clock.ready({ maxErrorUs: 1_000, timeoutMs: 2_000 })));
  const error = await late;
  assert.equal(error.code, ErrorCode.DEADLINE_EXCEEDED);
  assert.match(
    error.message,
    /not ready after 2000 ms: its error bound is 20\d\d\d µs, more than 1000; half .* 40000 µs/,
  );
  assert.ok(clock.errorBoundUs < 25_000);
  await pair.run(clock.ready({ maxErrorUs: 25_000 }));
});

testOverMemory("A peer that never answers leaves the clock unsynchronized, without an error", {
  network: { datagramLoss: 1 },
}, async (pair) => {
  const { clock } = pair.client.session;
  const error = await pair.run(failureOf(clock.ready()));
  assert.equal(error.code, ErrorCode.DEADLINE_EXCEEDED);
  assert.match(error.message, /not ready after 10000 ms: no probe was answered/);
  await pair.clock.advance(600_000);
  assert.deepEqual([clock.state, clock.errorBoundUs, clock.offsetUs], ["unsynchronized", Infinity, 0]);
  assert.equal(pair.client.connection.state, "established");
  assert.deepEqual(pair.client.records, []);
});

testOverMemory("ready() ends with its signal, or with the session, and leaves nothing", {
  network: { datagramLoss: 1 },
}, async (pair) => {
  const { session, connection } = pair.client;
  const controller = new AbortController();
  const reason = new Error("no longer of interest");
  const aborted = failureOf(session.clock.ready({ signal: controller.signal }));
  controller.abort(reason);
  assert.equal(await aborted, reason);
  assert.equal(await failureOf(session.clock.ready({ signal: AbortSignal.abort(reason) })), reason);

  const ended = failureOf(session.clock.ready());
  await pair.run(session.close("", { graceMs: 0 }));
  assert.equal((await ended).code, ErrorCode.UNAVAILABLE);
  assert.equal((await failureOf(session.clock.ready())).code, ErrorCode.UNAVAILABLE);
  await pair.run(pair.server.session.closed);
  assert.equal(
    (await failureOf(pair.server.session.clock.ready())).code,
    ErrorCode.UNAVAILABLE,
    "first use after the end",
  );
  assert.deepEqual([connection.timers.size, pair.server.connection.timers.size], [0, 0]);
});

testOverMemory("ready() refuses options that make no sense", {}, async (pair) => {
  const { clock } = pair.client.session;
  for (const maxErrorUs of [0, -1, NaN]) {
    await assert.rejects(
      clock.ready({ maxErrorUs }),
      new RangeError(`maxErrorUs is ${maxErrorUs}, expected more than zero`),
    );
  }
  for (const timeoutMs of [0, -1, NaN, Infinity]) {
    await assert.rejects(
      clock.ready({ timeoutMs }),
      new RangeError(`timeoutMs is ${timeoutMs}, expected more than zero`),
    );
  }
});

testOverMemory("Forged and replayed answers are ignored and counted", {}, async (pair) => {
  const { session, connection } = pair.client;
  const answers: Uint8Array[] = [];
  const onDatagram = connection.onDatagram.bind(connection);
  connection.onDatagram = (bytes, arrivalUs) => (answers.push(bytes.slice()), onDatagram(bytes, arrivalUs));
  await pair.run(session.clock.ready());
  const { offsetUs } = session.clock;
  const nowUs = pair.clock.nowUs();
  const { ignored } = session.clock;
  for (const answer of answers.slice(0, 3)) onDatagram(answer, nowUs);
  for (let sequence = 0; sequence < 20; sequence++) {
    onDatagram(encodeTimeAnswer({ sequence, nonce: 7, t2: 9e9, t3: 9e9 }), nowUs);
  }
  onDatagram(Uint8Array.of(TimeDatagramKind.ANSWER, 0, 0), nowUs);
  assert.deepEqual([session.clock.ignored - ignored, session.clock.offsetUs], [23, offsetUs]);
});

testOverMemory("Probes are answered once each, 50 a second at most", {}, async (pair) => {
  const answeredMs = watch(pair.server.connection, TimeDatagramKind.ANSWER);
  const probe = (sequence: number): void =>
    pair.client.connection.sendDatagram(encodeTimeProbe({ sequence, nonce: 1 }));
  probe(1);
  await pair.clock.advance(1_000);
  assert.equal(answeredMs.length, 1);
  for (let sequence = 0; sequence < 1_000; sequence++) probe(sequence);
  await pair.clock.advance(0);
  assert.equal(answeredMs.length, 51);
  await pair.clock.advance(1_000);
  for (let sequence = 0; sequence < 1_000; sequence++) probe(sequence);
  pair.client.connection.sendDatagram(Uint8Array.of(TimeDatagramKind.PROBE, 1, 2));
  await pair.clock.advance(0);
  assert.equal(answeredMs.length, 101);
});

const sleeper = skewed();
testOverMemory("A computer that slept is noticed by its wall clock, and the step is told once", {
  serverClock: sleeper.serverClock,
  network: { delayMs: 5, seed: 2 },
}, async (pair) => {
  const { clock } = pair.client.session;
  const steps: ClockStep[] = [];
  clock.onStep(() => {
    throw new Error("a listener's own");
  });
  const remove = clock.onStep((step) => steps.push(step));
  await pair.run(clock.ready());
  await pair.clock.advance(10_000);
  const sentMs = watch(pair.client.connection, TimeDatagramKind.PROBE);

  sleeper.clock().aheadUs += 3_600e6;
  pair.clock.stepWallClock(3_600_000);
  await pair.clock.advance(3_000);
  assert.ok(sentMs.length >= 8, `${sentMs.length} probes: a burst`);
  assert.deepEqual([clock.steps, steps.length, clock.state], [1, 1, "synchronized"]);
  assert.ok(Math.abs(steps[0]!.stepUs - 3_600e6) < 20_000, `${steps[0]!.stepUs}`);
  assert.ok(Math.abs(clock.offsetUs - sleeper.clock().offsetUs) <= clock.errorBoundUs);
  assert.deepEqual(pair.client.messages("error"), ["A listener of onStep failed"]);

  remove();
  sleeper.clock().aheadUs += 60e6;
  await pair.clock.advance(30_000);
  assert.deepEqual([clock.steps, steps.length], [2, 1]);
});

const busy = skewed();
testOverMemory("Probes do not queue behind work (meteor-timesync #1)", {
  serverClock: busy.serverClock,
  network: { delayMs: 10, bandwidthBytesPerS: 1_000_000 },
}, async (pair) => {
  const { session, connection } = pair.client;
  pair.server.router.handle("sink", () => {});
  const calls = Array.from({ length: 4 }, () => session.request("sink", new Uint8Array(1_000_000)));
  await pair.clock.advance(10);
  assert.ok(connection.outboundBytes > 3_000_000, "seconds of work wait");
  await pair.clock.advance(1_000);
  const { clock } = session;
  await pair.run(clock.ready({ maxErrorUs: 60_000, timeoutMs: 1_000 }));
  assert.ok(connection.outboundBytes > 1_000_000, "and still do");
  assert.ok(clock.roundTripTimeUs < 120_000, `${clock.roundTripTimeUs} µs`);
  assert.ok(Math.abs(clock.offsetUs - busy.clock().offsetUs) <= clock.errorBoundUs);
  await pair.run(Promise.all(calls));
});

for (const seed of [1, 2, 3, 4, 5]) {
  const fresh = skewed(-60);
  testOverMemory(
    `A clock is synchronized within a second, and never claims to know more than it does, seed ${seed} (snapcast #314, #383)`,
    {
      serverClock: fresh.serverClock,
      network: { delayMs: 20, jitterMs: 3, datagramLoss: 0.05, seed },
    },
    async (pair) => {
      const { clock } = pair.client.session;
      for (let ms = 0; ms < 5_000; ms += 50) {
        await pair.clock.advance(50);
        const errorUs = Math.abs(clock.offsetUs - fresh.clock().offsetUs);
        assert.ok(errorUs <= clock.errorBoundUs, `seed ${seed}: ${errorUs} of ${clock.errorBoundUs} µs after ${ms} ms`);
        if (ms >= 1_000) assert.equal(clock.state, "synchronized", `seed ${seed}, after ${ms} ms`);
        if (ms >= 1_000) assert.ok(errorUs < 2_000, `seed ${seed}: ${errorUs} µs after ${ms} ms`);
      }
      assert.equal(clock.steps, 0);
    },
  );
}

for (const [jitterMs, perSecond] of [[0, 4], [40, 10]] as const) {
  testOverMemory(
    `While media flows a clock is asked ${perSecond} times a second on a path with ${jitterMs} ms of jitter`,
    {
      network: { delayMs: 10, jitterMs, seed: 4 },
    },
    async (pair) => {
      pair.server.streams.handle("s", async (_session, incoming) => {
        await incoming[Symbol.asyncIterator]().next();
      });
      const stream = await pair.run(pair.client.session.createStream("s"));
      await pair.clock.advance(8_000);
      const sentMs = watch(pair.client.connection, TimeDatagramKind.PROBE);
      await pair.clock.advance(2_000);
      assert.ok(Math.abs(sentMs.length - 2 * perSecond) <= 1, `${sentMs}`);
      stream.abort();
    },
  );
}
