/**
 * What holds of a playout whatever arrives, in which order and when.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Playout } from "../../src/stream/playout.ts";
import { VirtualClock } from "../../src/virtual_clock.ts";
import { FakeSource } from "../support/fake_source.ts";

const FRAME_MS = 20;

test("Frames come out in order, once, and never before their time, whatever the order of arrival", async () => {
  const delays = fc.array(fc.option(fc.integer({ min: 0, max: 200 }), { freq: 10 }), { minLength: 1, maxLength: 40 });
  const target = fc.constantFrom("adaptive" as const, 0, 60);
  await fc.assert(
    fc.asyncProperty(
      delays,
      target,
      fc.constantFrom("drop" as const, "deliver" as const),
      async (delaysMs, targetMs, late) => {
        const clock = new VirtualClock();
        const source = new FakeSource(clock);
        const playout = new Playout(source, clock, { targetMs, late });
        let next: number | undefined;
        const playing = (async () => {
          for await (const item of playout) {
            if (item.kind === "frame") assert.ok(item.playoutUs <= clock.nowUs() && item.lateUs >= 0);
            const count = item.kind === "frame" ? 1 : item.count;
            if (count === 0) continue;
            if (next !== undefined) assert.equal(item.sequence, next);
            next = item.sequence + count;
          }
        })();
        const arrivals = delaysMs.flatMap((delayMs, n) =>
          delayMs === null ? [] : [{ n, atMs: n * FRAME_MS + delayMs }]
        );
        for (const { n, atMs } of arrivals.sort((a, b) => a.atMs - b.atMs)) {
          await clock.advance(atMs - clock.nowUs() / 1000);
          source.push(n);
        }
        source.end();
        await clock.run(playing);
        assert.equal(clock.pendingTimers, 0);
      },
    ),
    { numRuns: 60 },
  );
});

test("A million frames come out one by one, and nothing is left of them", () => {
  const clock = new VirtualClock();
  const source = new FakeSource(clock);
  const playout = new Playout(source, clock, { targetMs: 0 });
  let played = 0;
  for (let n = 0; n < 1_000_000; n++) {
    source.pushAt(n, n * 1_000);
    for (let item = playout.pull(n * 1_000); item !== undefined; item = playout.pull(n * 1_000)) played++;
  }
  assert.equal(played, 1_000_000);
  assert.equal(playout.nextPlayoutUs(), 1_000_000_000);
  assert.equal(clock.pendingTimers, 0);
});
