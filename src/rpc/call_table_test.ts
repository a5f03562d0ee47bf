import assert from "node:assert/strict";
import { test } from "node:test";
import { CallTable } from "./call_table.ts";

test("CallTable finds each call by its id, whatever the order of adding and taking", () => {
  const table = new CallTable<{ callId: number }>();
  const model = new Map<number, { callId: number }>();
  let random = 1;
  for (let callId = 0; callId < 20_000; callId++) {
    const call = { callId };
    table.add(call);
    model.set(callId, call);
    random = (random * 48_271) % 0x7fffffff;
    // Takes a little less than one away for each that is added: some live long, and are lapped.
    const victim = [...model.keys()][random % model.size]!;
    if (model.size > 300 || random % 8 > 0) {
      assert.equal(table.get(victim), model.get(victim));
      assert.equal(table.delete(victim), model.delete(victim));
    }
    assert.equal(table.size, model.size);
  }
  assert.deepEqual(new Set(table), new Set(model.values()));
});

test("CallTable takes ids above 2^32 and ids that share their low bits", () => {
  const table = new CallTable<{ callId: number }>();
  const ids = [5, 5 + 2 ** 10, 5 + 2 ** 32, 5 + 2 ** 40, 2 ** 53 - 1];
  for (const callId of ids) table.add({ callId });
  for (const callId of ids) assert.equal(table.get(callId)?.callId, callId);
  for (const callId of ids) assert.ok(table.delete(callId));
  assert.equal(table.size, 0);
});

test("CallTable knows nothing of a call that was never added", () => {
  const table = new CallTable<{ callId: number }>();
  assert.equal(table.get(0), undefined);
  assert.equal(table.delete(0), false);
  assert.deepEqual([...table], []);
});
