import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyTable } from "./key_table.ts";

const COUNT = 300;
// Keys of four digits, one after the other, and then the first once more.
const bytes = new TextEncoder().encode(
  Array.from({ length: COUNT }, (_, i) => String(1_000 + i)).join("") + "1000",
);

for (const [law, hashOf] of [["spread", (i: number) => i * 7_919], ["all alike", () => 5]] as const) {
  test(`KeyTable finds the key that appears twice, and only that, with hashes ${law}`, () => {
    const table = new KeyTable(COUNT + 1);
    for (let i = 0; i < COUNT; i++) assert.ok(table.add(bytes, 4 * i, 4 * i + 4, hashOf(i)));
    assert.ok(!table.add(bytes, 4 * COUNT, 4 * COUNT + 4, hashOf(0)));
    assert.ok(!table.add(bytes, 400, 404, hashOf(100)));
  });
}

test("KeyTable tells keys apart that differ only in a leading U+FEFF, with hashes all alike", () => {
  const marked = new TextEncoder().encode("a\ufeffa");
  const table = new KeyTable(2);
  assert.ok(table.add(marked, 0, 1, 5));
  assert.ok(table.add(marked, 1, 5, 5));
  assert.ok(!table.add(marked, 1, 5, 5));
});
