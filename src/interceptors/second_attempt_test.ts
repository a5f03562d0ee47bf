import assert from "node:assert/strict";
import { test } from "node:test";
import { collect } from "../../tests/support/collect.ts";
import { SecondAttempt } from "./second_attempt.ts";

async function* failing(after: number): AsyncGenerator<number> {
  for (let n = 0; n < after; n++) yield n;
  throw new Error(`failed after ${after}`);
}

async function* good(): AsyncGenerator<number> {
  yield 7;
}

test("A second attempt is made when the first fails before its first answer", async () => {
  assert.deepEqual(await collect(new SecondAttempt(failing(0), () => Promise.resolve(good()))), [7]);
  await assert.rejects(collect(new SecondAttempt(failing(0), () => Promise.resolve(failing(1)))), /after 1/);
});

test("None is made once an answer has come", async () => {
  const again = (): never => assert.fail("It was made again");
  await assert.rejects(collect(new SecondAttempt(failing(2), again)), /after 2/);
  assert.deepEqual(await collect(new SecondAttempt(good(), again)), [7]);
});
