import assert from "node:assert/strict";
import { test } from "node:test";
import { Context } from "./context.ts";

test("Context keeps, replaces and forgets values by name", () => {
  const context = new Context();
  assert.equal(context.get("a"), undefined);
  assert.equal(context.has("a"), false);
  assert.equal(context.set("a", 1).set("a", 2).get<number>("a"), 2);
  assert.equal(context.has("a"), true);
  assert.equal(context.delete("a"), true);
  assert.equal(context.delete("a"), false);
  assert.equal(context.has("a"), false);
});

test("Context tells a value of undefined from none", () => {
  const context = new Context().set("a", undefined);
  assert.equal(context.get("a"), undefined);
  assert.equal(context.has("a"), true);
});

test("Context keeps names of Object.prototype apart", () => {
  const context = new Context();
  assert.equal(context.get("__proto__"), undefined);
  assert.equal(context.has("constructor"), false);
});
