import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import * as z from "zod";
import { cbor, isSchema, isUnchecked, MAX_ISSUES, toIssues, validate } from "./schema.ts";

test("validate answers synchronously for a synchronous schema", () => {
  assert.deepEqual(validate(z.string().transform((text) => text.length), "four"), { value: 4 });
  assert.deepEqual(validate(cbor<number>(), "anything"), { value: "anything" });
});

test("validate answers with a promise for an asynchronous schema", async () => {
  const result = validate(v.pipeAsync(v.string(), v.checkAsync(() => Promise.resolve(false), "Taken")), "name");
  assert.ok(result instanceof Promise);
  assert.deepEqual(toIssues((await result).issues ?? []), [{ message: "Taken", path: [] }]);
});

test("toIssues gives keys from the root to the place for zod and valibot alike", () => {
  const value = { list: [{ name: 1 }] };
  for (
    const schema of [
      z.object({ list: z.array(z.object({ name: z.string() })) }),
      v.object({ list: v.array(v.object({ name: v.string() })) }),
    ]
  ) {
    const result = validate(schema, value);
    assert.ok(!(result instanceof Promise) && result.issues !== undefined);
    assert.deepEqual(toIssues(result.issues).map((issue) => issue.path), [["list", 0, "name"]]);
  }
});

test("toIssues reports a bounded number of issues", () => {
  const result = validate(z.array(z.string()), new Array(1000).fill(0));
  assert.ok(!(result instanceof Promise) && result.issues !== undefined);
  assert.equal(toIssues(result.issues).length, MAX_ISSUES);
});

test("toIssues turns symbol keys into text", () => {
  assert.deepEqual(toIssues([{ message: "m", path: [Symbol("s"), { key: "k" }] }]), [{
    message: "m",
    path: ["Symbol(s)", "k"],
  }]);
});

test("isUnchecked knows cbor() from every other schema", () => {
  assert.equal(isUnchecked(cbor<string>()), true);
  assert.equal(isUnchecked(z.any()), false);
});

test("isSchema knows a Standard Schema, be it an object or a function", () => {
  assert.equal(isSchema(z.string()), true);
  assert.equal(isSchema(Object.assign(() => {}, { "~standard": cbor()["~standard"] })), true);
  for (const other of [undefined, null, "text", {}, () => {}]) assert.equal(isSchema(other), false);
});
