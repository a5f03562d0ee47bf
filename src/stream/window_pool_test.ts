import assert from "node:assert/strict";
import { test } from "node:test";
import { WindowPool } from "./window_pool.ts";

test("WindowPool gives what there is, and takes it back", () => {
  const pool = new WindowPool(100);
  assert.deepEqual([pool.take(60), pool.take(60), pool.take(1)], [60, 40, 0]);
  pool.give(50);
  assert.deepEqual([pool.takenBytes, pool.take(60)], [50, 50]);
});
