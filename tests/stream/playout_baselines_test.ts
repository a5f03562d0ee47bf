/** Our playout and clock beside what a reader knows, on seeded networks: figures that are the same on every machine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareClock } from "../../bench/timing/compare_clock.ts";
import { comparePlayout } from "../../bench/timing/compare_playout.ts";

test("Playout costs less than a fixed delay, RFC 3550 jitter and a histogram do, and less than the best fixed delay", () => {
  const [ours, ...others] = comparePlayout([1]);
  assert.equal(others.length, 3);
  for (const other of others) {
    assert.ok(ours!.costRatio < other.costRatio, `${ours!.costRatio} against ${other.policy}`);
  }
  assert.ok(ours!.costRatio < 1, `${ours!.costRatio}`);
});

test("The clock is nearer to the truth than convex hulls, the least round trip of 8 and a median are", () => {
  const [ours, ...others] = compareClock([1, 2]);
  assert.equal(others.length, 3);
  for (const other of others) {
    assert.ok(ours!.p50Us < other.p50Us, `p50 against ${other.estimate}`);
    assert.ok(ours!.p99Us < other.p99Us, `p99 against ${other.estimate}`);
    assert.ok(!(other.driftPpm! < ours!.driftPpm!), `drift against ${other.estimate}`);
  }
});
