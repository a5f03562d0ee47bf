import assert from "node:assert/strict";
import { test } from "node:test";
import { Impairment, type ImpairmentOptions } from "../../demo/stream/impairment.ts";
import { delayMsAt, networkPhases } from "../../demo/stream/network_path.ts";

const CLEAN: ImpairmentOptions = { seed: 7, delayMsAt: () => 25, jitterMs: 0, loss: 0, reorder: 0 };

/** What becomes of a packet in each of `count` milliseconds. */
function pass(options: Partial<ImpairmentOptions>, count = 20_000): (number | undefined)[] {
  const impairment = new Impairment({ ...CLEAN, ...options });
  return Array.from({ length: count }, (_, ms) => impairment.dueMs(ms));
}

test("Impairment decides the same for the same seed, and otherwise for another", () => {
  const bad = { jitterMs: 3, loss: 0.02, reorder: 0.01 };
  assert.deepEqual(pass(bad), pass(bad));
  assert.notDeepEqual(pass(bad), pass({ ...bad, seed: 8 }));
});

test("Impairment loses the share of packets it is told, more than one in a row at times", () => {
  const lost = pass({ loss: 0.02 }, 200_000).map((dueMs) => dueMs === undefined);
  const share = lost.filter(Boolean).length / lost.length;
  const bursts = lost.filter((isLost, n) => isLost && !lost[n - 1]).length;
  assert.ok(share > 0.017 && share < 0.023, `share ${share}`);
  const mean = lost.filter(Boolean).length / bursts;
  assert.ok(mean > 1.8 && mean < 2.2, `${mean} in a row`);
});

test("Impairment adds jitter of the mean it is told and keeps the order of packets", () => {
  const due = pass({ jitterMs: 3 }, 200_000) as number[];
  assert.ok(due.every((dueMs, n) => n === 0 || dueMs >= due[n - 1]!));
  const mean = due.reduce((sum, dueMs, n) => sum + dueMs - n - 25, 0) / due.length;
  assert.ok(mean > 2.9 && mean < 4, `mean ${mean}`);
});

test("Impairment lets the share of packets it is told be overtaken", () => {
  const due = pass({ reorder: 0.1 }) as number[];
  const overtaken = due.filter((dueMs, n) => due[n + 1] !== undefined && due[n + 1]! < dueMs).length;
  assert.ok(overtaken > 0.07 * due.length && overtaken < 0.11 * due.length, `${overtaken} of ${due.length}`);
});

test("the path is longer for a quarter of a run, and as long as before after it", () => {
  const phases = networkPhases(20_000);
  assert.deepEqual([-1, 7_999, 8_000, 12_999, 13_000, 99_000].map((ms) => delayMsAt(phases, ms)), [
    25,
    25,
    145,
    145,
    25,
    25,
  ]);
  assert.deepEqual(phases.map(({ fromMs, toMs }) => [fromMs, toMs]), [[0, 8_000], [8_000, 13_000], [13_000, 20_000]]);
});
