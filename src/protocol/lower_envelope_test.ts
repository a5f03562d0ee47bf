import assert from "node:assert/strict";
import { test } from "node:test";
import { LowerEnvelope } from "./lower_envelope.ts";

test("LowerEnvelope keeps the fastest transit of every 4 seconds", () => {
  const envelope = new LowerEnvelope(1);
  assert.equal(envelope.insert(0, 500, 0), 2);
  assert.equal(envelope.insert(1, 600, 0), 0);
  assert.equal(envelope.insert(2, 400, 0), 1);
  assert.equal(envelope.insert(4, 900, 0), 2);
  assert.equal(envelope.count, 2);
  assert.deepEqual([...envelope.transitsUs.subarray(0, 2)], [400, 900]);
  assert.deepEqual([...envelope.timesS.subarray(0, 2)], [2, 4]);
});

test("LowerEnvelope compares transits of one slot with the drift between them taken out", () => {
  const gaining = new LowerEnvelope(1);
  gaining.insert(0, 500, 100);
  assert.equal(gaining.insert(3, 799, 100), 1);
  const losing = new LowerEnvelope(-1);
  losing.insert(0, 500, 100);
  assert.equal(losing.insert(3, 201, 100), 0);
});

test("LowerEnvelope remembers 4 minutes and no more, however long it runs", () => {
  const envelope = new LowerEnvelope(1);
  for (let s = 0; s < 100_000; s++) envelope.insert(s, s, 0);
  assert.ok(envelope.count <= 62);
  assert.ok(envelope.timesS[0]! >= 99_999 - 244);
  envelope.insert(1e6, 0, 0);
  assert.equal(envelope.count, 1);
});

test("LowerEnvelope trusts a measured scale more the more slots it has", () => {
  const envelope = new LowerEnvelope(1);
  envelope.reset(1_000);
  envelope.insert(0, 0, 0);
  envelope.measure(() => 0);
  assert.equal(envelope.scaleUs, 1_000 + 0.1 * (10 - 1_000));
  for (let i = 1; i < 11; i++) envelope.insert(4 * i, 0, 0);
  envelope.measure((index) => 20 * index);
  assert.equal(envelope.scaleUs, 100);
});

test("LowerEnvelope tells what a third of a complete slot's transits are below, with the drift taken out", () => {
  const envelope = new LowerEnvelope(1);
  for (const [timeS, transitUs] of [[0, 100], [1, 900], [2, 300], [3, 400]] as const) {
    envelope.insert(timeS, transitUs + 50 * timeS, 50);
  }
  assert.ok(Number.isNaN(envelope.levelsUs[0]!));
  envelope.insert(4, 0, 50);
  assert.equal(envelope.levelTimesS[0], 1.5);
  assert.equal(envelope.levelsUs[0], 300 + 50 * 1.5);
  envelope.insert(8, 0, 50);
  assert.ok(Number.isNaN(envelope.levelsUs[1]!), "one transit has no level");
});
