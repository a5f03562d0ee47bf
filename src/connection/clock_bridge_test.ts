import assert from "node:assert/strict";
import { test } from "node:test";

import { ClockBridge } from "./clock_bridge.ts";

/** Two clocks of one time, which passes by `costUs` with each reading. */
class Clocks {
  timeUs = 5_000;
  costUs = 0;
  rate = 1;
  sourceOffsetUs = 0;
  readings = 0;

  sourceUs(): number {
    this.readings++;
    this.timeUs += this.costUs;
    return Math.floor(this.timeUs * this.rate + this.sourceOffsetUs);
  }

  targetUs(): number {
    this.timeUs += this.costUs;
    return this.timeUs;
  }
}

function bridge(clocks: Clocks): ClockBridge {
  return new ClockBridge(() => clocks.sourceUs(), () => clocks.targetUs());
}

/** How far off the target's time of this moment is. */
function errorUs(clocks: Clocks, between: ClockBridge): number {
  const { timeUs } = clocks;
  return between.toTargetUs(timeUs * clocks.rate + clocks.sourceOffsetUs) - timeUs;
}

test("ClockBridge tells a moment on the other clock, within half of what a reading takes", () => {
  for (const sourceOffsetUs of [0, 7e12, -4_000]) {
    const clocks = new Clocks();
    clocks.sourceOffsetUs = sourceOffsetUs;
    clocks.costUs = 3;
    const error = errorUs(clocks, bridge(clocks));
    assert.ok(Math.abs(error) <= 3.5, `off by ${error}`);
  }
});

test("ClockBridge measures once a second, and keeps what agrees", () => {
  const clocks = new Clocks();
  const between = bridge(clocks);
  const first = errorUs(clocks, between);
  const readings = clocks.readings;
  clocks.timeUs += 999_000;
  errorUs(clocks, between);
  assert.equal(clocks.readings, readings);
  clocks.timeUs += 2_000;
  clocks.costUs = 400;
  assert.equal(errorUs(clocks, between), first, "a slow reading does not make it worse");
  assert.equal(clocks.readings, 2 * readings);
});

test("ClockBridge follows a clock that stood still, in either direction", () => {
  for (const sourceOffsetUs of [3_600e6, -3_600e6]) {
    const clocks = new Clocks();
    const between = bridge(clocks);
    errorUs(clocks, between);
    clocks.timeUs += 3_600e6 + 1_000_000;
    clocks.sourceOffsetUs = sourceOffsetUs;
    errorUs(clocks, between);
    clocks.timeUs += 1_000_001;
    const error = errorUs(clocks, between);
    assert.ok(Math.abs(error) <= 1, `off by ${error}`);
  }
});

test("ClockBridge follows a clock that runs 100 ppm faster", () => {
  const clocks = new Clocks();
  clocks.rate = 1.0001;
  clocks.costUs = 1;
  const between = bridge(clocks);
  for (let second = 0; second < 100; second++) {
    clocks.timeUs += 1_000_000;
    const error = errorUs(clocks, between);
    assert.ok(Math.abs(error) <= 105, `off by ${error} after ${second} s`);
  }
});
