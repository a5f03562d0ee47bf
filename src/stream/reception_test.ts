import assert from "node:assert/strict";
import { test } from "node:test";
import { Reception } from "./reception.ts";

test("Reception knows the interarrival jitter of RFC 3550", () => {
  const reception = new Reception(1_000);
  reception.onFrame(0, 5_000);
  reception.onFrame(20, 25_000);
  assert.equal(reception.jitterUs, 0);
  reception.onFrame(40, 61_000);
  assert.equal(reception.jitterUs, 1_000);
  reception.onFrame(60, 81_000);
  assert.equal(reception.jitterUs, 937.5);
});

test("Reception takes no jump of the timestamps for jitter", () => {
  const reception = new Reception(1_000_000);
  reception.onFrame(0, 0);
  reception.onFrame(3_600_000_000, 20_000);
  reception.onFrame(0, 40_000);
  assert.equal(reception.jitterUs, 0);
});

test("Reception asks for a report once a second", () => {
  const reception = new Reception(1_000_000);
  assert.deepEqual([0, 999_999, 1_000_000, 1_500_000].map((nowUs) => reception.takeReport(nowUs)), [
    false,
    false,
    true,
    false,
  ]);
});
