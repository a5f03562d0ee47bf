import assert from "node:assert/strict";
import { test } from "node:test";
import { NewestFirstQueue, type WaitingFrame } from "./newest_first_queue.ts";

function frame(sequence: number, bytes: number, sentUs: number, group = sequence): WaitingFrame {
  return { flags: 0, sequence, timestamp: 0, payload: new Uint8Array(bytes), sentUs, group, endsGroup: false };
}

function queueOf(count: number, maxFrames = 100, maxBytes = 1_000_000): NewestFirstQueue {
  const queue = new NewestFirstQueue({ maxLatencyUs: 400_000, maxFrames, maxBytes });
  for (let sequence = 0; sequence < count; sequence++) {
    queue.push(frame(sequence, 100, sequence * 10_000));
  }
  return queue;
}

test("NewestFirstQueue gives the newest frame first", () => {
  const queue = queueOf(3);
  assert.deepEqual([queue.pop(20_000), queue.pop(20_000)].map((frame) => frame?.sequence), [2, 1]);
  queue.push(frame(3, 1, 30_000));
  assert.deepEqual([1, 2, 3].map(() => queue.pop(30_000)?.sequence), [3, 0, undefined]);
  assert.deepEqual([queue.length, queue.bytes, queue.oldestUs], [0, 0, undefined]);
});

test("NewestFirstQueue gives the newest group first, and its frames in order", () => {
  const queue = queueOf(0);
  for (const [sequence, group] of [0, 0, 0, 1, 1].entries()) queue.push(frame(sequence, 10 + sequence, 0, group));
  assert.deepEqual([queue.nextBytes, queue.pop(0)?.sequence, queue.pop(0)?.sequence], [13, 3, 4]);
  queue.push(frame(5, 1, 0, 1));
  assert.deepEqual([1, 2, 3, 4, 5].map(() => queue.pop(0)?.sequence), [5, 0, 1, 2, undefined]);
  assert.deepEqual([queue.nextBytes, queue.bytes], [0, 0]);
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
  bytes.push(frame(1_000, 5_000, 10_000_000));
  assert.deepEqual([bytes.length, bytes.bytes], [1, 5_000]);
});
