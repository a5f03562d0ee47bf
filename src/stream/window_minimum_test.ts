import assert from "node:assert/strict";
import { test } from "node:test";
import { WindowMinimum } from "./window_minimum.ts";

function observed(minimum: WindowMinimum, transitUs: number, nowUs: number): number {
  minimum.observe({ transitUs, nowUs });
  return minimum.leastUs;
}

test("WindowMinimum forgets a value when its window has passed", () => {
  const minimum = new WindowMinimum(8_000);
  assert.equal(observed(minimum, 5, 0), 5);
  assert.equal(observed(minimum, 9, 7_000), 5);
  assert.equal(observed(minimum, 9, 8_000), 9);
  assert.equal(observed(minimum, 7, 8_500), 7);
});

test("WindowMinimum forgets all values after a long pause", () => {
  const minimum = new WindowMinimum(8_000);
  observed(minimum, 1, 0);
  assert.equal(observed(minimum, 4, 1e12), 4);
  minimum.clear();
  assert.equal(observed(minimum, 6, 1e12), 6);
});
