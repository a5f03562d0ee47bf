import assert from "node:assert/strict";
import { test } from "node:test";
import { NewestFirstQueue } from "./newest_first_queue.ts";

function queueOf(count: number, maxFrames = 100, maxBytes = 1_000_000): NewestFirstQueue {
  const queue = new NewestFirstQueue({ maxLatencyUs: 400_000, maxFrames, maxBytes });
  for (let sequence = 0; sequence < count; sequence++) {
    queue.push({ sequence, timestamp: 0, payload: new Uint8Array(100), sentUs: sequence * 10_000 });
  }
  return queue;
}

test("NewestFirstQueue gives the newest frame first", () => {
  const queue = queueOf(3);
  assert.deepEqual([queue.pop(20_000), queue.pop(20_000)].map((frame) => frame?.sequence), [2, 1]);
  queue.push({ sequence: 3, timestamp: 0, payload: new Uint8Array(1), sentUs: 30_000 });
  assert.deepEqual([1, 2, 3].map(() => queue.pop(30_000)?.sequence), [3, 0, undefined]);
  assert.deepEqual([queue.length, queue.bytes, queue.oldestUs], [0, 0, undefined]);
});

test("NewestFirstQueue drops frames at their greatest age, and counts them", () => {
  const queue = queueOf(3);
  queue.dropExpired(409_999);
  assert.deepEqual([queue.length, queue.expired, queue.oldestUs], [2, 1, 10_000]);
  assert.equal(queue.pop(420_000), undefined);
  assert.deepEqual([queue.length, queue.bytes, queue.expired], [0, 0, 3]);
});

test("NewestFirstQueue holds a bounded number of frames and bytes, the oldest go", () => {
  const frames = queueOf(1_000, 10);
  assert.deepEqual([frames.length, frames.overflowed, frames.oldestUs], [10, 990, 9_900_000]);
  const bytes = queueOf(1_000, 100, 450);
  assert.deepEqual([bytes.length, bytes.bytes, bytes.overflowed], [4, 400, 996]);
  bytes.push({ sequence: 1_000, timestamp: 0, payload: new Uint8Array(5_000), sentUs: 10_000_000 });
  assert.deepEqual([bytes.length, bytes.bytes], [1, 5_000]);
});
