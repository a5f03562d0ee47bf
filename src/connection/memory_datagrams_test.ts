import assert from "node:assert/strict";
import { test } from "node:test";

import { DatagramQueue, type QueuedDatagram } from "./memory_datagrams.ts";

const datagram = (id: number, urgency = 3, expiryUs = Infinity): QueuedDatagram => (
  { bytes: new Uint8Array(1), id, urgency, expiryUs }
);
const rest = (queue: DatagramQueue): number[] => {
  const ids: number[] = [];
  for (let next = queue.take(); next !== undefined; next = queue.take()) ids.push(next.id);
  return ids;
};

test("DatagramQueue lets the more urgent leave first, equals in order", () => {
  const queue = new DatagramQueue();
  for (const [id, urgency] of [[1, 3], [2, 7], [3, 0], [4, 3], [5, 0]] as const) queue.push(datagram(id, urgency));
  assert.deepEqual(rest(queue), [3, 5, 1, 4, 2]);
});

test("DatagramQueue purges what has expired wherever it stands", () => {
  const queue = new DatagramQueue();
  for (const [id, expiryUs] of [[1, 50], [2, 10], [3, Infinity], [4, 20]] as const) {
    queue.push(datagram(id, 3, expiryUs));
  }
  assert.deepEqual(queue.purge(20).map(({ id }) => id), [2, 4]);
  assert.deepEqual(rest(queue), [1, 3]);
});

test("DatagramQueue that is full drops the oldest of the least urgent", () => {
  const queue = new DatagramQueue();
  queue.push(datagram(1, 5));
  for (let id = 2; id < 1_024; id++) assert.equal(queue.push(datagram(id, id % 5)), undefined);
  queue.push(datagram(1_024, 5));
  assert.equal(queue.push(datagram(1_025, 0))?.id, 1);
  assert.equal(queue.push(datagram(1_026, 0))?.id, 1_024);
});
