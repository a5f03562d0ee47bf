import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "./writer.ts";

test("Writer grows as needed and keeps what was written", () => {
  const writer = new Writer(2);
  writer.u8(1).u32(0x02030405).u64(2 ** 40 + 6).raw(new Uint8Array(200).fill(7));
  assert.deepEqual(Array.from(writer.view().subarray(0, 14)), [1, 2, 3, 4, 5, 0, 0, 1, 0, 0, 0, 0, 6, 7]);
  assert.equal(writer.length, 213);
});

test("Writer fills in lengths of one, two and four bytes", () => {
  for (const [count, header] of [[63, [63]], [64, [0x40, 64]], [20_000, [0x80, 0, 0x4e, 0x20]]] as const) {
    const writer = new Writer(8).u8(9);
    const mark = writer.beginLength();
    writer.raw(new Uint8Array(count).fill(5));
    writer.endLength(mark);
    assert.deepEqual(Array.from(writer.view().subarray(0, 1 + header.length)), [9, ...header]);
    assert.deepEqual(writer.view().subarray(1 + header.length), new Uint8Array(count).fill(5));
  }
});

test("Writer refuses what no varint holds", () => {
  for (const value of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => new Writer().varint(value), RangeError);
  }
});

test("Writer gives a slab back that one huge message has blown up", () => {
  const writer = new Writer();
  writer.raw(new Uint8Array(3 << 20));
  assert.ok(writer.reset().bytes.length <= 1 << 20);
});
