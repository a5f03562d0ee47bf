import assert from "node:assert/strict";
import { test } from "node:test";
import { StallPeriod } from "./stall_period.ts";

test("StallPeriod foretells the fourth of stalls at equal distances", () => {
  const stalls = new StallPeriod();
  stalls.observe(1_000_000, 200_000);
  stalls.observe(5_500_000, 90_000);
  stalls.observe(12_000_000, 300_000);
  assert.equal(stalls.nextUs, Infinity);
  stalls.observe(23_050_000, 250_000);
  assert.equal(stalls.nextUs, 34_075_000);
  assert.equal(stalls.nextLengthUs, 250_000);
});

test("StallPeriod trusts itself as far as it was right", () => {
  const stalls = new StallPeriod();
  for (const second of [0, 10, 20]) stalls.observe(second * 1e6, 200_000);
  assert.equal(stalls.confidence, 1);
  stalls.advance(31_000_000);
  assert.equal(stalls.nextUs, Infinity);
  assert.equal(stalls.confidence, 2 / 3);
});

test("StallPeriod does not foretell short stalls, nor stalls at changing distances", () => {
  const short = new StallPeriod();
  for (const second of [0, 10, 20, 30]) short.observe(second * 1e6, 70_000);
  assert.equal(short.nextUs, Infinity);
  const changing = new StallPeriod();
  for (const second of [0, 3, 8, 15, 29]) changing.observe(second * 1e6, 200_000);
  assert.equal(changing.nextUs, Infinity);
});
