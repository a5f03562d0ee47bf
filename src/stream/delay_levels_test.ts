import assert from "node:assert/strict";
import { test } from "node:test";
import { DelayLevels } from "./delay_levels.ts";

/** Holding a level for two seconds costs as much as missing it once. */
const REBUY_US = 2_000_000;

/** A frame every 20 ms for `seconds`, one of them 100 ms late every `everyMs`. */
function learned(seconds: number, everyMs: number): DelayLevels {
  const levels = new DelayLevels(REBUY_US);
  for (let ms = 0; ms <= seconds * 1000; ms += 20) levels.observe(ms % everyMs === 0 ? 100_000 : 0, ms * 1000);
  return levels;
}

test("DelayLevels holds a level that is needed often until it is needed again", () => {
  assert.ok(learned(60, 1_000).worthUs(500_000, 60_900_000) >= 100_000);
});

test("DelayLevels gives up at once what is needed too seldom to be held", () => {
  assert.ok(learned(60, 10_000).worthUs(500_000, 60_100_000) < 20_000);
});

test("DelayLevels holds no more than what was held", () => {
  assert.equal(learned(60, 1_000).worthUs(50_000, 60_100_000), 50_000);
});

test("The likelihood that a stall outlasts the delay is learned, and a heavy tail's before", () => {
  assert.equal(new DelayLevels(REBUY_US).likelihood(30_000, 60_000), 0.5);
  const levels = learned(60, 1_000);
  // Every frame that was 20 ms late was 100 ms late.
  assert.ok(levels.likelihood(20_000, 90_000) > 0.9);
  assert.ok(levels.likelihood(20_000, 200_000) < 0.1);
});

test("DelayLevels forgets", () => {
  const levels = learned(60, 1_000);
  levels.clear();
  assert.ok(levels.worthUs(500_000, 61_000_000) < 20_000);
});
