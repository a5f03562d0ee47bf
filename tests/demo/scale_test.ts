import assert from "node:assert/strict";
import { test } from "node:test";
import { scaleAround, scaleExactly, shareOf, tickText } from "../../demo/stream/scale.ts";

const texts = (scale: ReturnType<typeof scaleAround>): string[] => scale.ticks.map((tick) => tickText(scale, tick));

test("scaleAround ends at round ticks around its values", () => {
  assert.deepEqual(texts(scaleAround(0, 176, 5)), ["0", "50", "100", "150", "200"]);
  assert.deepEqual(texts(scaleAround(-0.13, 0.13, 4)), ["−0.2", "−0.1", "0.0", "0.1", "0.2"]);
  assert.deepEqual(texts(scaleAround(0, 0.3, 3)), ["0.0", "0.1", "0.2", "0.3"]);
});

test("scaleAround has ticks for values that are all the same", () => {
  const { min, max, ticks } = scaleAround(0, 0, 4);
  assert.ok(max > min && ticks.length >= 2);
});

test("scaleExactly keeps its ends, round or not", () => {
  const scale = scaleExactly(0, 6.3, 12);
  assert.deepEqual([scale.min, scale.max], [0, 6.3]);
  assert.deepEqual(texts(scale), ["0", "1", "2", "3", "4", "5", "6"]);
});

test("shareOf is 0 at the start of an axis and 1 at its end", () => {
  const scale = scaleAround(-10, 30, 4);
  assert.deepEqual([-10, 0, 30].map((value) => shareOf(scale, value)), [0, 0.25, 1]);
});
