import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBucket } from "./token_bucket.ts";

test("TokenBucket gives a burst at once and then its rate", () => {
  const bucket = new TokenBucket(10, 3, 0);
  assert.deepEqual([1, 2, 3, 4].map(() => bucket.take(0)), [true, true, true, false]);
  assert.equal(bucket.waitMs(0), 100);
  assert.equal(bucket.take(99_999), false);
  assert.equal(bucket.take(100_000), true);
  assert.equal(bucket.take(100_000), false);
});

test("TokenBucket never holds more than its burst", () => {
  const bucket = new TokenBucket(1_000, 2, 0);
  assert.equal(bucket.waitMs(60_000_000), 0);
  assert.deepEqual([1, 2, 3].map(() => bucket.take(60_000_000)), [true, true, false]);
});
