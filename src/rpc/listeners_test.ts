import assert from "node:assert/strict";
import { test } from "node:test";
import { Listeners } from "./listeners.ts";

test("Listeners keep the order of adding, and each can be taken away once", () => {
  const listeners = new Listeners<null>();
  const [first, second] = [(): void => {}, (): void => {}];
  const removeFirst = listeners.add("e", first);
  const removeSecond = listeners.add("e", second);
  listeners.add("e", first);
  assert.deepEqual(listeners.find("e")?.map((entry) => entry.listener), [first, second, first]);
  removeFirst();
  removeFirst();
  assert.deepEqual(listeners.find("e")?.map((entry) => entry.listener), [second, first]);
  removeSecond();
  assert.deepEqual([...listeners.names()], ["e"]);
});

test("Listeners hand out lists that later changes leave alone", () => {
  const listeners = new Listeners<null>();
  const remove = listeners.add("e", () => {});
  const found = listeners.find("e");
  remove();
  listeners.add("e", () => {});
  assert.equal(found?.length, 1);
});

test("Listeners forget a name nobody listens to", () => {
  const listeners = new Listeners<null>();
  listeners.add("e", () => {})();
  assert.deepEqual([listeners.find("e"), [...listeners.names()]], [undefined, []]);
});

test("Listeners refuse a bad name and what is no function", () => {
  const listeners = new Listeners<null>();
  assert.throws(() => listeners.add("", () => {}), TypeError);
  assert.throws(() => listeners.add("e", undefined as never), { message: 'Listener of event "e" is not a function' });
});
