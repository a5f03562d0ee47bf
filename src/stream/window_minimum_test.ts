import assert from "node:assert/strict";
import { test } from "node:test";
import { WindowMinimum } from "./window_minimum.ts";

test("WindowMinimum forgets a value when its window has passed", () => {
  const minimum = new WindowMinimum(8_000);
  assert.equal(minimum.observe(5, 0), 5);
  assert.equal(minimum.observe(9, 7_000), 5);
  assert.equal(minimum.observe(9, 8_000), 9);
  assert.equal(minimum.observe(7, 8_500), 7);
});

test("WindowMinimum forgets all values after a long pause", () => {
  const minimum = new WindowMinimum(8_000);
  minimum.observe(1, 0);
  assert.equal(minimum.observe(4, 1e12), 4);
  minimum.clear();
  assert.equal(minimum.observe(6, 1e12), 6);
});
