import assert from "node:assert/strict";
import { test } from "node:test";

import { InboundBudget } from "./inbound_budget.ts";

test("InboundBudget serves reservations in order, none before the one in front of it", () => {
  const budget = new InboundBudget(100);
  const served: string[] = [];
  const first = budget.reserve(60, () => served.push("first"));
  const second = budget.reserve(60, () => served.push("second"));
  const third = budget.reserve(10, () => served.push("third"));
  assert.deepEqual(served, ["first"]);
  budget.cancel(first);
  assert.deepEqual(served, ["first", "second", "third"]);
  assert.equal(budget.heldBytes, 70);
  budget.cancel(second);
  budget.cancel(third);
  assert.equal(budget.heldBytes, 0);
});

test("InboundBudget lets those behind one that gives up go on", () => {
  const budget = new InboundBudget(100);
  const served: string[] = [];
  budget.hold(50);
  const large = budget.reserve(80, () => served.push("large"));
  budget.reserve(20, () => served.push("small"));
  assert.deepEqual(served, []);
  budget.cancel(large);
  assert.deepEqual(served, ["small"]);
  assert.equal(budget.heldBytes, 70);
});

test("InboundBudget counts what is there already, even beyond its limit", () => {
  const budget = new InboundBudget(100);
  const served: string[] = [];
  budget.hold(150);
  budget.reserve(100, () => served.push("all of it"));
  budget.release(149);
  assert.deepEqual(served, []);
  budget.release(1);
  assert.deepEqual(served, ["all of it"]);
});
