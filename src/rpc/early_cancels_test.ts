import assert from "node:assert/strict";
import { test } from "node:test";
import { EarlyCancels } from "./early_cancels.ts";

test("EarlyCancels remembers an id once", () => {
  const cancels = new EarlyCancels();
  cancels.add(7, 0);
  assert.equal(cancels.take(8, 0), false);
  assert.equal(cancels.take(7, 1), true);
  assert.equal(cancels.take(7, 2), false);
});

test("EarlyCancels forgets after ten seconds", () => {
  const cancels = new EarlyCancels();
  cancels.add(1, 0);
  cancels.add(2, 5_000_000);
  assert.equal(cancels.take(1, 10_000_001), false);
  cancels.add(3, 15_000_001);
  assert.equal(cancels.size, 1);
});

test("EarlyCancels keeps the latest 2,048", () => {
  const cancels = new EarlyCancels();
  for (let callId = 0; callId < 3_000; callId++) cancels.add(callId, callId);
  assert.equal(cancels.size, 2_048);
  assert.equal(cancels.take(951, 3_000), false);
  assert.equal(cancels.take(952, 3_000), true);
});
