import assert from "node:assert/strict";
import { test } from "node:test";
import { threadCount, threadWarning } from "./threads.ts";

test("threadCount is 1 unless told otherwise, and takes 1 to 64", () => {
  assert.equal(threadCount(undefined), 1);
  assert.equal(threadCount(64), 64);
  for (const wrong of [0, -1, 1.5, 65, NaN, Infinity, "2" as unknown as number, null as unknown as number]) {
    assert.throws(
      () => threadCount(wrong),
      new RangeError(`threads is ${wrong}, expected a whole number from 1 to 64`),
    );
  }
});

test("threadWarning speaks up when threads outnumber processors", () => {
  assert.equal(threadWarning(1, 1), undefined);
  assert.equal(threadWarning(4, 4), undefined);
  const warning = threadWarning(3, 2);
  assert.equal(warning?.level, "warn");
  assert.deepEqual(warning?.fields, { threads: 3, processors: 2 });
});
