import assert from "node:assert/strict";
import { test } from "node:test";
import { Fifo } from "./fifo.ts";

test("Fifo gives back what it got, in order, however pushes and shifts alternate", () => {
  const fifo = new Fifo<number>();
  let pushed = 0;
  let shifted = 0;
  for (let round = 1; round < 60; round++) {
    for (let n = 0; n < round % 7; n++) fifo.push(pushed++);
    assert.equal(fifo.length, pushed - shifted);
    assert.deepEqual(fifo.items(), Array.from({ length: pushed - shifted }, (_, n) => shifted + n));
    for (let n = 0; n < round % 5 && fifo.length > 0; n++) {
      assert.equal(fifo.first, shifted);
      assert.equal(fifo.shift(), shifted++);
    }
  }
});

test("Fifo is empty after takeAll, and says so", () => {
  const fifo = new Fifo<string>();
  for (const item of ["a", "b", "c"]) fifo.push(item);
  fifo.shift();
  assert.deepEqual(fifo.takeAll(), ["b", "c"]);
  assert.deepEqual([fifo.length, fifo.first, fifo.shift()], [0, undefined, undefined]);
  fifo.push("d");
  assert.deepEqual(fifo.items(), ["d"]);
});
