import assert from "node:assert/strict";
import { test } from "node:test";
import { CaptureClock } from "./capture_clock.ts";

test("CaptureClock states the first frame, and nothing more while the relation holds", () => {
  const clock = new CaptureClock(90_000);
  assert.deepEqual(clock.observe(900, 5_000_000, undefined), { timestamp: 900, senderUs: 5_000_000 });
  // Later frames take longer to encode: the least lag stays.
  for (let n = 1; n < 200; n++) {
    const lateUs = n % 10 * 1_000;
    assert.equal(clock.observe(900 + n * 3_000, 5_000_000 + n * 100_000 / 3 + lateUs, undefined), undefined);
  }
});

test("CaptureClock states a lag that has moved by more than a millisecond, once a second at most", () => {
  const clock = new CaptureClock(1_000_000);
  clock.observe(0, 10_000_000, undefined);
  assert.equal(clock.observe(500_000, 10_490_000, undefined), undefined);
  assert.deepEqual(clock.observe(1_010_000, 11_000_000, undefined), { timestamp: 1_010_000, senderUs: 11_000_000 });
  // Slower again: the old least has to leave the window first.
  const stated = [];
  for (let n = 1; n < 100; n++) {
    stated.push(clock.observe(1_010_000 + n * 100_000, 11_020_000 + n * 100_000, undefined));
  }
  assert.equal(stated.filter(Boolean).length, 1);
});

test("CaptureClock believes a capture time, and follows timestamps that begin anew", () => {
  const clock = new CaptureClock(1_000_000);
  assert.deepEqual(clock.observe(0, 50_000, 20_000), { timestamp: 0, senderUs: 20_000 });
  assert.equal(clock.observe(2_000_000, 2_080_000, 2_020_000), undefined);
  const encoder = new CaptureClock(1_000_000);
  encoder.observe(3_600_000_000, 4_000_000_000, undefined);
  assert.deepEqual(encoder.observe(0, 4_001_000_000, undefined), { timestamp: 0, senderUs: 4_001_000_000 });
  assert.equal(new CaptureClock(1_000_000).observe(5, 10, -100), undefined);
});
