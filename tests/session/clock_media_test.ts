/**
 * Media that is stamped as it is sent tells the receiver's clock of the sender something.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../src/clock.ts";
import { memoryPair, type SessionPair, testSessions } from "../support/session_pair.ts";
import { SkewedClock } from "../support/skewed_clock.ts";

/** What the server's clock of the client is told of its media from now on: departures and arrivals. */
function watchTransits({ server }: SessionPair): [number, number][] {
  const { clock } = server.session;
  const transits: [number, number][] = [];
  const insert = clock.insertTransit.bind(clock);
  clock.insertTransit = (departureUs, arrivalUs) => {
    transits.push([departureUs, arrivalUs]);
    insert(departureUs, arrivalUs);
  };
  return transits;
}

for (const delivery of ["reliable", "expiring", "datagram"] as const) {
  testSessions(
    `Frames of delivery "${delivery}" that are stamped as they are sent are told to the clock`,
    {},
    async (pair) => {
      const transits = watchTransits(pair);
      let frames = 0;
      pair.server.streams.handle("s", async (_session, incoming) => {
        for await (const _frame of incoming) frames++;
      });
      const { clock } = pair.client.connection;
      const startUs = clock.nowUs();
      const stream = await pair.run(pair.client.session.createStream("s", { delivery, clockRate: 48_000 }));
      const wait = (untilUs: number) =>
        pair.until(() => clock.nowUs() >= untilUs || (clock.setTimer(() => {}, 5), false));
      for (let n = 0; n < 30; n++) {
        await pair.run(stream.send(new Uint8Array(100)));
        await wait(startUs + n * 10_000);
      }
      await pair.run(stream.end());
      assert.ok(frames > 0 && transits.length > 0 && transits.length <= 4, `${transits.length} of ${frames}`);
      for (const [departureUs, arrivalUs] of transits) {
        assert.ok(departureUs >= startUs - 21 && departureUs <= arrivalUs, `${startUs} ${departureUs} ${arrivalUs}`);
      }
    },
  );
}

testSessions("Frames that state when they were captured are not told to the clock", {}, async (pair) => {
  const transits = watchTransits(pair);
  pair.server.streams.handle("s", async (_session, incoming) => {
    for await (const _frame of incoming);
  });
  const stream = await pair.run(pair.client.session.createStream("s"));
  for (let n = 0; n < 10; n++) {
    await pair.run(stream.send("a", n % 2 === 0 ? { timestamp: n * 1_000_000 } : { captureUs: n * 1_000_000 }));
  }
  await pair.run(stream.end());
  assert.deepEqual(transits, []);
});

test("A clock whose way back is loaded is known better with media, and its bound holds", async () => {
  const boundUsOf = async (seed: number, withMedia: boolean): Promise<number> => {
    let skewed!: SkewedClock;
    const serverClock = (clock: Clock): Clock => skewed = new SkewedClock(clock, 4_000e6, 30);
    const pair = await memoryPair({ serverClock, network: { delayMs: 10, jitterMs: 60, seed } });
    const { clock } = pair.client.session;
    pair.client.streams.handle("s", async (_session, incoming) => {
      for await (const _frame of incoming);
    });
    await pair.run(clock.ready());
    const stream = await pair.run(pair.server.session.createStream("s", { delivery: "datagram" }));
    for (let n = 0; n < 1_000; n++) {
      if (withMedia) void stream.send("a");
      await pair.clock.advance(10);
      const errorUs = Math.abs(clock.offsetUs - skewed.offsetUs);
      assert.ok(errorUs <= clock.errorBoundUs, `${errorUs} of ${clock.errorBoundUs} µs seed ${seed}, frame ${n}`);
    }
    const boundUs = clock.errorBoundUs;
    stream.abort();
    await pair.close();
    return boundUs;
  };
  const sumsUs = [0, 0];
  for (const seed of [1, 2, 3, 4, 5]) {
    for (const withMedia of [true, false]) sumsUs[withMedia ? 1 : 0]! += await boundUsOf(seed, withMedia);
  }
  assert.ok(sumsUs[1]! < sumsUs[0]!, `${sumsUs}`);
});
