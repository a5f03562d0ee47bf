/**
 * Timers that the I/O thread wakes JavaScript for.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemAlarm, systemClock } from "../../src/clock.ts";
import { nativeTransport } from "../../src/connection/native.ts";

const PRECISE = { referenced: true, precise: true } as const;

test("Precise timers fire in the order of their time, once, and never before it", async () => {
  await nativeTransport();
  assert.equal(systemAlarm.isConnected, true);
  const fired: { readonly earliestUs: number; latestUs: number }[] = [];
  const delaysMs = [12.3, 3.25, 40.8, 0, 3.75, 12.9, 0.4, 21.05];
  await Promise.all(delaysMs.map((delayMs) =>
    new Promise<void>((resolve) => {
      // The timer reads the clock between these two, and a busy machine may let time pass there.
      const due = { earliestUs: systemClock.nowUs() + delayMs * 1000, latestUs: 0 };
      systemClock.setTimer(
        () => {
          assert.ok(systemClock.nowUs() >= due.earliestUs, `${delayMs} ms were over too soon`);
          fired.push(due);
          resolve();
        },
        delayMs,
        PRECISE,
      );
      due.latestUs = systemClock.nowUs() + delayMs * 1000;
    })
  ));
  // Their fallbacks would have fired by now.
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(fired.length, delaysMs.length);
  for (const [at, { earliestUs }] of fired.entries()) {
    for (const later of fired.slice(at + 1)) {
      assert.ok(earliestUs <= later.latestUs, `timer ${at} fired before its turn`);
    }
  }
});

test("A precise timer that is cancelled never fires, and those behind it do", async () => {
  await nativeTransport();
  const fired: string[] = [];
  const first = systemClock.setTimer(() => fired.push("first"), 5, PRECISE);
  await new Promise<void>((resolve) => {
    const second = systemClock.setTimer(() => fired.push("second"), 7, PRECISE);
    systemClock.setTimer(resolve, 10, PRECISE);
    first.cancel();
    second.cancel();
    second.cancel();
  });
  assert.deepEqual(fired, []);
});

test("A precise timer may set another one while it fires", async () => {
  await nativeTransport();
  const fired: number[] = [];
  await new Promise<void>((resolve) => {
    const again = (left: number): void => {
      fired.push(left);
      if (left === 0) resolve();
      else systemClock.setTimer(() => again(left - 1), 0.3, PRECISE);
    };
    systemClock.setTimer(() => again(5), 1, PRECISE);
  });
  assert.deepEqual(fired, [5, 4, 3, 2, 1, 0]);
});
