import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventFrame } from "../protocol/event_frame.ts";
import { EventQueue, type EventQueueOptions } from "./event_queue.ts";

/** A queue, and what it told. */
class Queue {
  readonly told: string[] = [];
  readonly queue: EventQueue;
  #sequence = 0;

  constructor(options: Partial<EventQueueOptions>) {
    this.queue = new EventQueue({ capacity: undefined, overflow: "block", maxBytes: 10_000, ...options });
  }

  push(bytes = 0, volatile = false): void {
    const sequence = ++this.#sequence;
    const event: EventFrame = { sequence, name: "e", encoding: 0, payload: new Uint8Array(bytes) };
    const taken = this.queue.push(event, volatile, {
      onDropped: () => void this.told.push(`drop at ${sequence}`),
      onTooSlow: () => void this.told.push(`too slow at ${sequence}`),
    });
    if (taken === undefined) this.told.push(`taken ${sequence}`);
    else void taken.then(() => this.told.push(`taken ${sequence}`));
  }

  /** Sequences of what waits, oldest first; the queue is empty afterwards. */
  drain(): number[] {
    const sequences: number[] = [];
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      sequences.push(next.event.sequence);
      next.taken?.();
    }
    return sequences;
  }
}

test("EventQueue that drops the oldest keeps the latest, in order", () => {
  const { queue, told, push, drain } = bound({ capacity: 3, overflow: "dropOldest" });
  for (let n = 0; n < 5; n++) push();
  assert.deepEqual(told, ["taken 1", "taken 2", "taken 3", "drop at 4", "taken 4", "drop at 5", "taken 5"]);
  assert.deepEqual(drain(), [3, 4, 5]);
  assert.equal(queue.length, 0);
});

test("EventQueue that drops the newest keeps the first, in order", () => {
  const { told, push, drain } = bound({ capacity: 2, overflow: "dropNewest" });
  for (let n = 0; n < 4; n++) push();
  assert.deepEqual(told, ["taken 1", "taken 2", "drop at 3", "taken 3", "drop at 4", "taken 4"]);
  assert.deepEqual(drain(), [1, 2]);
});

test("EventQueue that closes says so once, and takes nothing more", () => {
  const { told, push, drain } = bound({ capacity: 1, overflow: "close" });
  for (let n = 0; n < 4; n++) push();
  assert.deepEqual(told, ["taken 1", "too slow at 2", "taken 2", "taken 3", "taken 4"]);
  assert.deepEqual(drain(), [1]);
});

test("EventQueue that blocks counts as taken what fits its capacity, the rest when there is room", async () => {
  const { queue, told, push, drain } = bound({ capacity: 2 });
  for (let n = 0; n < 4; n++) push();
  await settle();
  assert.deepEqual(told, ["taken 1", "taken 2"]);
  queue.shift();
  await settle();
  assert.deepEqual(told, ["taken 1", "taken 2", "taken 3"]);
  assert.deepEqual(drain(), [2, 3, 4]);
  await settle();
  assert.equal(told.at(-1), "taken 4");
});

test("EventQueue that blocks without a capacity leaves it to its owner to say what was taken", async () => {
  const { queue, told, push } = bound({});
  push();
  push();
  const first = queue.shift();
  await settle();
  assert.deepEqual(told, []);
  first!.taken!();
  await settle();
  assert.deepEqual(told, ["taken 1"]);
});

test("EventQueue never holds a sender of volatile events back", () => {
  const { told, push, drain } = bound({ capacity: 2 });
  for (let n = 0; n < 3; n++) push(0, true);
  assert.deepEqual(told, ["taken 1", "taken 2", "drop at 3", "taken 3"]);
  assert.deepEqual(drain(), [1, 2]);
  const unbounded = bound({});
  for (let n = 0; n < 300; n++) unbounded.push(0, true);
  assert.equal(unbounded.queue.length, 10_000 / 257 | 0, "bytes bound it, and 256 events");
});

test("EventQueue bounds bytes whatever the capacity, and takes one event larger than all of them", () => {
  const newest = bound({ capacity: 1_000, overflow: "dropNewest", maxBytes: 2_000 });
  for (let n = 0; n < 10; n++) newest.push(500);
  assert.deepEqual(newest.drain(), [1, 2]);
  newest.push(50_000);
  newest.push(1);
  assert.deepEqual(newest.drain(), [11]);
  const oldest = bound({ capacity: 1_000, overflow: "dropOldest", maxBytes: 2_000 });
  for (let n = 0; n < 10; n++) oldest.push(500);
  oldest.push(50_000);
  assert.deepEqual(oldest.drain(), [11]);
});

test("EventQueue that blocks takes nothing small past something large that waits", async () => {
  const { told, push, queue } = bound({ capacity: 10, maxBytes: 1_000 });
  push(300);
  push(900);
  push(1);
  await settle();
  assert.deepEqual(told, ["taken 1"]);
  queue.shift();
  await settle();
  assert.deepEqual(told, ["taken 1", "taken 2"]);
  queue.shift();
  await settle();
  assert.deepEqual(told, ["taken 1", "taken 2", "taken 3"]);
});

test("EventQueue that is cleared lets every sender go on", async () => {
  const { queue, told, push } = bound({ capacity: 1 });
  for (let n = 0; n < 3; n++) push();
  queue.clear();
  await settle();
  assert.deepEqual([queue.length, told], [0, ["taken 1", "taken 2", "taken 3"]]);
  push();
  assert.equal(told.at(-1), "taken 4");
});

function bound(options: Partial<EventQueueOptions>): {
  queue: EventQueue;
  told: string[];
  push: (bytes?: number, volatile?: boolean) => void;
  drain: () => number[];
} {
  const made = new Queue(options);
  return { queue: made.queue, told: made.told, push: made.push.bind(made), drain: made.drain.bind(made) };
}

async function settle(): Promise<void> {
  for (let n = 0; n < 4; n++) await Promise.resolve();
}
