import assert from "node:assert/strict";
import { test } from "node:test";
import { DelayLevels } from "./delay_levels.ts";
import { PlayoutMoment } from "./playout_moment.ts";

/** Holding a level for two seconds costs as much as missing it once. */
const REBUY_US = 2_000_000;

function moment(known: Partial<PlayoutMoment>): PlayoutMoment {
  return Object.assign(new PlayoutMoment(), known);
}

function worthUs(levels: DelayLevels, delayUs: number, nowUs: number): number {
  const now = moment({ nowUs, delayUs });
  levels.weigh(now);
  return now.worthUs;
}

/** A frame every 20 ms for `seconds`, one of them 100 ms late every `everyMs`. */
function learned(seconds: number, everyMs: number): DelayLevels {
  const levels = new DelayLevels(REBUY_US);
  for (let ms = 0; ms <= seconds * 1000; ms += 20) {
    levels.observe(moment({ nowUs: ms * 1000, excessUs: ms % everyMs === 0 ? 100_000 : 0 }));
  }
  return levels;
}

test("DelayLevels holds a level that is needed often until it is needed again", () => {
  assert.ok(worthUs(learned(60, 1_000), 500_000, 60_900_000) >= 100_000);
});

test("DelayLevels gives up at once what is needed too seldom to be held", () => {
  assert.ok(worthUs(learned(60, 10_000), 500_000, 60_100_000) < 20_000);
});

test("DelayLevels holds no more than what was held", () => {
  assert.equal(worthUs(learned(60, 1_000), 50_000, 60_100_000), 50_000);
});

test("The likelihood that a stall outlasts the delay is learned, and a heavy tail's before", () => {
  const fresh = new DelayLevels(REBUY_US);
  assert.ok(fresh.isOutlasting(moment({ ageUs: 30_000, delayUs: 60_000 }), 0.49));
  assert.ok(!fresh.isOutlasting(moment({ ageUs: 30_000, delayUs: 60_000 }), 0.51));
  const levels = learned(60, 1_000);
  // Every frame that was 20 ms late was 100 ms late.
  assert.ok(levels.isOutlasting(moment({ ageUs: 20_000, delayUs: 90_000 }), 0.9));
  assert.ok(!levels.isOutlasting(moment({ ageUs: 20_000, delayUs: 200_000 }), 0.1));
});

test("DelayLevels forgets", () => {
  const levels = learned(60, 1_000);
  levels.clear();
  assert.ok(worthUs(levels, 500_000, 61_000_000) < 20_000);
});
