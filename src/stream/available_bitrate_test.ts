import assert from "node:assert/strict";
import { test } from "node:test";
import { AvailableBitrate } from "./available_bitrate.ts";

const ROUND_TRIP_US = 50_000;

/** Observe every 10 ms from `fromMs` to `toMs`. */
function observe(estimate: AvailableBitrate, fromMs: number, toMs: number, bitrate: number, isLimited: boolean): void {
  for (let ms = fromMs; ms <= toMs; ms += 10) {
    estimate.observe({ bitrate, isLimited, roundTripTimeUs: ROUND_TRIP_US }, ms * 1000);
  }
}

test("AvailableBitrate is a lower bound while less is sent than the path carries", () => {
  const estimate = new AvailableBitrate();
  assert.deepEqual([estimate.bitrate(0), estimate.isMeasured(0)], [0, false]);
  observe(estimate, 0, 1_000, 300_000, false);
  assert.deepEqual([estimate.bitrate(1e6), estimate.isMeasured(1e6)], [300_000, false]);
});

test("AvailableBitrate is measured once something has waited for the path for a round trip", () => {
  const estimate = new AvailableBitrate();
  observe(estimate, 0, 40, 800_000, true);
  assert.equal(estimate.isMeasured(40_000), false);
  observe(estimate, 50, 50, 900_000, true);
  assert.deepEqual([estimate.bitrate(50_000), estimate.isMeasured(50_000)], [900_000, true]);
});

test("AvailableBitrate is not measured while the rate still grows", () => {
  const estimate = new AvailableBitrate();
  for (let round = 0; round < 6; round++) {
    observe(estimate, round * 50, round * 50 + 40, 100_000 * 2 ** round, true);
    assert.equal(estimate.isMeasured(round * 50_000 + 40_000), false, `round ${round}`);
  }
  observe(estimate, 300, 300, 3_300_000, true);
  assert.deepEqual([estimate.bitrate(300_000), estimate.isMeasured(300_000)], [3_300_000, true]);
});

test("AvailableBitrate asks for the round trip there was when something began to wait, not for the queue it made", () => {
  const estimate = new AvailableBitrate();
  for (let ms = 0; ms <= 60; ms += 10) {
    estimate.observe({ bitrate: 500_000, isLimited: true, roundTripTimeUs: 50_000 + ms * 10_000 }, ms * 1000);
  }
  assert.equal(estimate.isMeasured(60_000), true);
});

test("AvailableBitrate takes bursts shorter than a round trip for no measurement", () => {
  const estimate = new AvailableBitrate();
  for (let ms = 0; ms < 1_000; ms += 100) {
    observe(estimate, ms, ms + 30, 800_000, true);
    observe(estimate, ms + 40, ms + 90, 800_000, false);
  }
  assert.equal(estimate.isMeasured(1e6), false);
});

test("AvailableBitrate keeps what was measured while less is sent, for ten seconds", () => {
  const estimate = new AvailableBitrate();
  observe(estimate, 0, 100, 1_000_000, true);
  observe(estimate, 110, 10_090, 200_000, false);
  assert.deepEqual([estimate.bitrate(10_090_000), estimate.isMeasured(10_090_000)], [1_000_000, true]);
  assert.deepEqual([estimate.bitrate(10_100_000), estimate.isMeasured(10_100_000)], [200_000, false]);
});

test("AvailableBitrate forgets a measurement that is exceeded by far", () => {
  const estimate = new AvailableBitrate();
  observe(estimate, 0, 100, 1_000_000, true);
  observe(estimate, 110, 110, 1_200_000, false);
  assert.deepEqual([estimate.bitrate(110_000), estimate.isMeasured(110_000)], [1_000_000, true]);
  observe(estimate, 120, 120, 1_300_000, false);
  assert.deepEqual([estimate.bitrate(120_000), estimate.isMeasured(120_000)], [1_300_000, false]);
});

test("AvailableBitrate is measured by nothing while the congestion controller knows no rate", () => {
  const estimate = new AvailableBitrate();
  observe(estimate, 0, 1_000, 0, true);
  assert.equal(estimate.isMeasured(1e6), false);
});
