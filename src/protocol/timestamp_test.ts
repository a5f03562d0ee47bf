import assert from "node:assert/strict";
import { test } from "node:test";
import { ticksToUs, usToTicks } from "./timestamp.ts";

test("Ticks of 90 kHz and 48 kHz convert to the nearest microsecond", () => {
  assert.equal(ticksToUs(90_000, 90_000), 1_000_000);
  assert.equal(ticksToUs(1, 48_000), 21);
  assert.equal(usToTicks(21, 48_000), 1);
});

test("Conversion stays exact where the plain product would exceed 2^53", () => {
  const hundredYearsUs = 3_155_760_000_000_000;
  assert.equal(usToTicks(hundredYearsUs, 90_000), 284_018_400_000_000);
  assert.equal(ticksToUs(284_018_400_000_000, 90_000), hundredYearsUs);
});
