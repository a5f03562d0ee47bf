import assert from "node:assert/strict";
import { test } from "node:test";

import { VirtualClock } from "./virtual_clock.ts";

test("VirtualClock fires timers at their own time, equal ones in order of their start", async () => {
  const clock = new VirtualClock();
  const fired: [string, number][] = [];
  for (const [name, delayMs] of [["late", 20], ["first", 10], ["second", 10]] as const) {
    clock.setTimer(() => fired.push([name, clock.nowUs()]), delayMs);
  }
  await clock.advance(15);
  assert.deepEqual(fired, [["first", 10_000], ["second", 10_000]]);
  assert.equal(clock.nowUs(), 15_000);
  await clock.advance(5);
  assert.deepEqual(fired.at(-1), ["late", 20_000]);
});

test("VirtualClock runs timers that promises start while it advances", async () => {
  const clock = new VirtualClock();
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
  const woken: number[] = [];
  void (async () => {
    for (let turn = 0; turn < 3; turn++) {
      await sleep(10);
      woken.push(clock.nowUs());
    }
  })();
  await clock.advance(25);
  assert.deepEqual(woken, [10_000, 20_000]);
});

test("VirtualClock stops at the moment a condition holds, and says when it never does", async () => {
  const clock = new VirtualClock();
  let ready = false;
  clock.setTimer(() => ready = true, 30);
  await clock.advanceUntil(() => ready);
  assert.equal(clock.nowUs(), 30_000);
  await assert.rejects(clock.advanceUntil(() => false, 50), /within 50 ms/);
});

test("VirtualClock runs a promise to its end and hands on its failure", async () => {
  const clock = new VirtualClock();
  const later = new Promise<string>((resolve) => void clock.setTimer(() => resolve("done"), 40));
  assert.equal(await clock.run(later), "done");
  await assert.rejects(clock.run(Promise.reject(new Error("broken"))), /broken/);
});

test("VirtualClock forgets cancelled timers", async () => {
  const clock = new VirtualClock();
  const timer = clock.setTimer(() => assert.fail("fired"), 1);
  assert.equal(clock.pendingTimers, 1);
  timer.cancel();
  assert.equal(clock.pendingTimers, 0);
  await clock.advance(10);
});
