import assert from "node:assert/strict";
import { test } from "node:test";
import { type KeptEvent, ReplayBuffer } from "./replay_buffer.ts";

const event = (sequence: number, bytes = 10): KeptEvent => ({
  sequence,
  name: "name",
  encoding: 0,
  payload: new Uint8Array(bytes),
});

test("ReplayBuffer keeps events in order until they are released", () => {
  const buffer = new ReplayBuffer({ maxEvents: 100, maxBytes: 10_000 });
  for (let sequence = 1; sequence <= 10; sequence++) buffer.add(event(sequence));
  assert.deepEqual([buffer.length, buffer.bytes], [10, 780]);
  buffer.release(0);
  buffer.release(3);
  buffer.release(2);
  assert.deepEqual(buffer.events().map(({ sequence }) => sequence), [4, 5, 6, 7, 8, 9, 10]);
  buffer.release(9);
  buffer.add(event(11));
  assert.deepEqual(buffer.events().map(({ sequence }) => sequence), [10, 11]);
  buffer.release(11);
  assert.deepEqual([buffer.length, buffer.bytes, buffer.events()], [0, 0, []]);
});

test("ReplayBuffer has room below both of its limits", () => {
  const few = new ReplayBuffer({ maxEvents: 2, maxBytes: 10_000 });
  few.add(event(1));
  assert.equal(few.hasRoom, true);
  few.add(event(2));
  assert.equal(few.hasRoom, false);
  few.release(1);
  assert.equal(few.hasRoom, true);
  const small = new ReplayBuffer({ maxEvents: 100, maxBytes: 200 });
  small.add(event(1, 100));
  assert.equal(small.hasRoom, true);
  small.add(event(2, 100));
  assert.equal(small.hasRoom, false);
});
