import assert from "node:assert/strict";
import { test } from "node:test";
import { PlayoutMoment } from "./playout_moment.ts";
import { Timeline } from "./timeline.ts";

function observe(timeline: Timeline, mediaUs: number, nowUs: number): void {
  timeline.observe(Object.assign(new PlayoutMoment(), { mediaUs, nowUs }));
}

test("Timeline turns ticks into microseconds since the first timestamp", () => {
  const timeline = new Timeline({ clockRateHz: 48_000 });
  assert.equal(timeline.mediaUs(1_000_000), 0);
  assert.equal(timeline.mediaUs(1_000_960), 20_000);
  assert.equal(timeline.mediaUs(999_040), -20_000);
});

test("Timeline follows timestamps of 32 bits across their wrap, both ways", () => {
  const timeline = new Timeline({ clockRateHz: 90_000, timestampBits: 32 });
  assert.equal(timeline.mediaUs(0xffff_ffff), 0);
  assert.equal(timeline.mediaUs(89_999), 1_000_000);
  assert.equal(timeline.mediaUs(0xffff_ffff - 90_000), -1_000_000);
});

test("Timeline tells the drift of the sender's clock under jitter", () => {
  const timeline = new Timeline();
  let state = 7;
  for (let n = 0; n < 3_000; n++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const mediaUs = n * 20_000;
    // The sender's clock is fast: its second lasts less than ours.
    observe(timeline, mediaUs, mediaUs * (1 - 50e-6) + 1_000_000 + 30_000 * (state / 2 ** 32) ** 2);
  }
  assert.ok(Math.abs(timeline.driftPpm - 50) < 3, `${timeline.driftPpm}`);
  assert.ok(Math.abs(timeline.arrivalUs(30_000_000) - (30_000_000 * (1 - 50e-6) + 1_000_000)) < 200);
});

test("Timeline takes a longer path for no drift", () => {
  const timeline = new Timeline();
  for (let n = 0; n < 3_000; n++) observe(timeline, n * 20_000, n * 20_000 + (n < 1_500 ? 0 : 120_000));
  assert.equal(timeline.driftPpm, 0);
  assert.equal(timeline.arrivalUs(0), 0);
});

test("Timeline begins anew after restart", () => {
  const timeline = new Timeline();
  timeline.mediaUs(5_000);
  observe(timeline, 0, 100);
  timeline.restart();
  assert.ok(Number.isNaN(timeline.arrivalUs(0)));
  assert.equal(timeline.mediaUs(9_000), 0);
});

test("Timeline rejects a clock rate that is not above 0", () => {
  for (const clockRateHz of [0, -1, NaN, Infinity]) assert.throws(() => new Timeline({ clockRateHz }), RangeError);
});
