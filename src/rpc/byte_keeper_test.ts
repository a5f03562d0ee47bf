import assert from "node:assert/strict";
import { test } from "node:test";

import { seededRandom } from "../connection/memory_link.ts";
import { ByteKeeper } from "./byte_keeper.ts";

test("ByteKeeper keeps bytes of any length apart from each other and from what their owner does", () => {
  const random = seededRandom(5);
  const keeper = new ByteKeeper();
  const kept = Array.from({ length: 500 }, (_, n) => {
    const bytes = new Uint8Array(Math.floor(random() ** 4 * 5_000)).fill(n);
    const chunk = keeper.keep(bytes);
    bytes.fill(255);
    return { n, chunk, offset: keeper.offset, length: bytes.length };
  });
  for (const { n, chunk, offset, length } of kept) {
    assert.deepEqual(chunk.subarray(offset, offset + length), new Uint8Array(length).fill(n));
  }
});

test("ByteKeeper puts small bytes into chunks of 8 KiB, and large ones into buffers of their own", () => {
  const keeper = new ByteKeeper();
  const chunks = new Set(Array.from({ length: 128 }, () => keeper.keep(new Uint8Array(64))));
  assert.deepEqual([...chunks].map(({ length }) => length), [8_192]);
  assert.equal(keeper.keep(new Uint8Array(2_000)).length, 2_000);
  assert.equal(chunks.has(keeper.keep(new Uint8Array(64))), false);
});
