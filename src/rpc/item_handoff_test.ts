import assert from "node:assert/strict";
import { test } from "node:test";
import { ItemHandoff } from "./item_handoff.ts";

test("A sender goes on when its reader comes for the next item", async () => {
  const items = new ItemHandoff("m");
  const sent: unknown[] = [];
  const first = items.send(1).then((goesOn) => sent.push(goesOn));
  void items.send(2).then((goesOn) => sent.push(goesOn));
  assert.deepEqual(await items.next(), { value: 1, done: false });
  assert.deepEqual(sent, []);
  assert.deepEqual(await items.next(), { value: 2, done: false });
  await first;
  assert.deepEqual(sent, [true]);
});

test("A reader that waits gets what is sent, and the end", async () => {
  const items = new ItemHandoff("m");
  const reading = [items.next(), items.next()];
  void items.send("a");
  items.end();
  assert.deepEqual(await Promise.all(reading), [{ value: "a", done: false }, { value: undefined, done: true }]);
  await assert.rejects(items.send("b"), TypeError);
});

test("A reader that leaves tells senders that nothing more is taken", async () => {
  const items = new ItemHandoff("m");
  const sending = [items.send(1), items.send(2)];
  for await (const item of items) if (item === 1) break;
  assert.deepEqual(await Promise.all(sending), [false, false]);
  assert.equal(await items.send(3), false);
});

test("A call that fails fails its senders and its reader", async () => {
  const items = new ItemHandoff("m");
  const error = new Error("lost");
  const reading = items.next();
  items.close(error);
  await assert.rejects(reading, error);
  await assert.rejects(items.send(1), error);
});
