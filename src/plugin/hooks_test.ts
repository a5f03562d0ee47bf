import assert from "node:assert/strict";
import { test } from "node:test";
import { Hooks } from "./hooks.ts";

function hooksOf(...hooks: ((log: string[]) => unknown)[]): Hooks<[log: string[]]> {
  const list = new Hooks<[log: string[]]>("onTest");
  for (const hook of hooks) list.add(hook);
  return list;
}

test("Hooks.runUntilFailure runs hooks one after the other", async () => {
  const log: string[] = [];
  await hooksOf(
    async (log) => {
      await Promise.resolve();
      log.push("first");
    },
    (log) => log.push("second"),
  ).runUntilFailure(log);
  assert.deepEqual(log, ["first", "second"]);
});

test("Hooks.runUntilFailure stops at the first that throws, with its error", async () => {
  const log: string[] = [];
  const error = new Error("no");
  const hooks = hooksOf((log) => log.push("first"), () => Promise.reject(error), (log) => log.push("third"));
  await assert.rejects(hooks.runUntilFailure(log), error);
  assert.deepEqual(log, ["first"]);
});

test("Hooks.runAll runs every hook and returns every error in order", async () => {
  const log: string[] = [];
  const hooks = hooksOf(
    () => {
      throw "a";
    },
    (log) => log.push("second"),
    () => Promise.reject("b"),
  );
  assert.deepEqual(await hooks.runAll(log), ["a", "b"]);
  assert.deepEqual(log, ["second"]);
});

test("Hooks.add refuses what is not a function, naming the hook", () => {
  assert.throws(() => hooksOf("no" as never), { name: "TypeError", message: /onTest hook is not a function/ });
});
