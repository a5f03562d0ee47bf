import assert from "node:assert/strict";
import { test } from "node:test";

import { systemAlarm, systemClock } from "./clock.ts";

test("systemClock never steps back", () => {
  const first = systemClock.nowUs();
  assert.ok(systemClock.nowUs() >= first);
});

test("systemClock fires a timer once, and not after it was cancelled", async () => {
  const fired: string[] = [];
  const cancelled = systemClock.setTimer(() => fired.push("cancelled"), 0);
  cancelled.cancel();
  cancelled.cancel();
  await new Promise<void>((resolve) => {
    systemClock.setTimer(
      () => {
        fired.push("kept");
        resolve();
      },
      1,
      { referenced: true },
    );
  });
  assert.deepEqual(fired, ["kept"]);
});

test("systemClock does not fire a delay beyond what setTimeout takes at once", async () => {
  let fired = false;
  const timer = systemClock.setTimer(() => fired = true, 3_000_000_000);
  await new Promise<void>((resolve) => void systemClock.setTimer(resolve, 5, { referenced: true }));
  timer.cancel();
  assert.equal(fired, false);
});

test("A precise timer fires though its alarm never rings", async () => {
  systemAlarm.connect(() => {});
  await new Promise<void>((resolve) => systemClock.setTimer(resolve, 1.5, { referenced: true, precise: true }));
});

test("An alarm is set again only once it has rung, for the timer that is due next", () => {
  const asked: number[] = [];
  const fired: string[] = [];
  systemAlarm.connect((delayUs) => asked.push(delayUs));
  const first = systemClock.setTimer(() => fired.push("first"), 5_000, { precise: true });
  const second = systemClock.setTimer(() => fired.push("second"), 6_000, { precise: true });
  systemAlarm.ring();
  assert.equal(asked.length, 1);
  // A timer that is due before it moves the alarm.
  systemClock.setTimer(() => fired.push("due"), 0, { precise: true });
  assert.equal(asked.length, 2);
  systemAlarm.ring();
  assert.deepEqual(fired, ["due"]);
  assert.equal(asked.length, 3);
  assert.ok(asked[2]! > 0 && asked[2]! <= 5_000_000, `asked to ring in ${asked[2]} µs`);
  first.cancel();
  second.cancel();
});
