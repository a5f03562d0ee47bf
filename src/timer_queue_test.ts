import assert from "node:assert/strict";
import { test } from "node:test";

import { type Clock, type Timer } from "./clock.ts";
import { Deadline, TimerQueue } from "./timer_queue.ts";
import { VirtualClock } from "./virtual_clock.ts";

class Recorded extends Deadline {
  readonly #onExpire: () => void;

  constructor(onExpire: () => void) {
    super();
    this.#onExpire = onExpire;
  }

  override expire(): void {
    this.#onExpire();
  }
}

test("TimerQueue expires deadlines at their time and in their order, near and far ones", async () => {
  const clock = new VirtualClock();
  const queue = new TimerQueue(clock);
  const expired: [number, number][] = [];
  const delays = [30_000, 1, 5_000, 4_095, 4_096, 4_097, 17, 16, 120_000, 1];
  for (const delayMs of delays) {
    const dueUs = clock.nowUs() + delayMs * 1000;
    queue.add(new Recorded(() => expired.push([dueUs, clock.nowUs()])), delayMs);
  }
  await clock.advance(200_000);
  const due = delays.map((delayMs) => delayMs * 1000).sort((a, b) => a - b);
  assert.deepEqual(expired.map(([dueUs]) => dueUs), due);
  assert.deepEqual(expired.map(([, nowUs]) => nowUs), due);
  assert.equal(queue.size, 0);
});

test("TimerQueue does not expire what was removed, and moves what is added again", async () => {
  const clock = new VirtualClock();
  const queue = new TimerQueue(clock);
  const expired: string[] = [];
  const removed = new Recorded(() => expired.push("removed"));
  const moved = new Recorded(() => expired.push(`moved ${clock.nowUs()}`));
  queue.add(removed, 10);
  queue.add(moved, 10);
  queue.add(moved, 30);
  queue.remove(removed);
  queue.remove(removed);
  assert.equal(queue.size, 1);
  await clock.advance(100);
  assert.deepEqual(expired, ["moved 30000"]);
});

test("TimerQueue lets an expiry remove and add others", async () => {
  const clock = new VirtualClock();
  const queue = new TimerQueue(clock);
  const expired: string[] = [];
  const second = new Recorded(() => expired.push("second"));
  const third = new Recorded(() => expired.push(`third ${clock.nowUs()}`));
  queue.add(
    new Recorded(() => {
      expired.push("first");
      queue.remove(second);
      queue.add(third, 5);
    }),
    10,
  );
  queue.add(second, 10);
  await clock.advance(100);
  assert.deepEqual(expired, ["first", "third 15000"]);
});

test("TimerQueue starts one timer for a hundred thousand deadlines that are removed in time", async () => {
  const clock = new VirtualClock();
  let started = 0;
  const counting: Clock = {
    nowUs: () => clock.nowUs(),
    setTimer(callback: () => void, delayMs: number): Timer {
      started++;
      return clock.setTimer(callback, delayMs);
    },
  };
  const queue = new TimerQueue(counting);
  for (let count = 0; count < 100_000; count++) {
    const deadline = new Recorded(() => assert.fail("expired"));
    queue.add(deadline, 1_000);
    queue.remove(deadline);
  }
  await clock.advance(2_000);
  assert.equal(started, 1);
  assert.equal(clock.pendingTimers, 0);
});

test("TimerQueue agrees with a sorted list over ten thousand random operations", async () => {
  const clock = new VirtualClock();
  const queue = new TimerQueue(clock);
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state % below;
  };
  const expected: { dueUs: number; removed: boolean }[] = [];
  const expired: number[] = [];
  const live: { deadline: Deadline; entry: { dueUs: number; removed: boolean } }[] = [];
  for (let step = 0; step < 10_000; step++) {
    const delayMs = random(20_000);
    const entry = { dueUs: clock.nowUs() + delayMs * 1000, removed: false };
    const deadline = new Recorded(() => expired.push(entry.dueUs));
    queue.add(deadline, delayMs);
    expected.push(entry);
    live.push({ deadline, entry });
    const other = live[random(live.length)]!;
    if (random(2) === 0 && other.deadline.nextDeadline !== undefined) {
      queue.remove(other.deadline);
      other.entry.removed = true;
    }
    if (step % 100 === 0) await clock.advance(random(300));
  }
  await clock.advance(30_000);
  const due = expected.filter(({ removed }) => !removed).map(({ dueUs }) => dueUs).sort((a, b) => a - b);
  assert.deepEqual(expired, due);
});
