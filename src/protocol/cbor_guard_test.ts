import assert from "node:assert/strict";
import { test } from "node:test";
import { CborTrait, checkCbor, DEFAULT_CBOR_LIMITS } from "./cbor_guard.ts";
import { encodeValue } from "./codec.ts";
import { EchoStreamError } from "./error.ts";

const refuses = (code: string, message: RegExp) => (error: unknown): boolean =>
  error instanceof EchoStreamError && error.code === code && message.test(error.message);

test("checkCbor says where an item is unacceptable, and why", () => {
  assert.throws(
    () => checkCbor(Uint8Array.of(0x82, 0x01, 0x9f)),
    refuses("INVALID_ARGUMENT", /byte 2: indefinite length/),
  );
  assert.throws(
    () => checkCbor(Uint8Array.of(0x01, 0x01)),
    refuses("INVALID_ARGUMENT", /byte 1: bytes after the item/),
  );
});

test("checkCbor applies the limits it is given", () => {
  const limits = { maxDepth: 2, maxItems: 4, maxBytes: 6 };
  assert.equal(checkCbor(Uint8Array.of(0x81, 0x82, 1, 2), limits), 0);
  assert.throws(
    () => checkCbor(Uint8Array.of(0x81, 0x81, 0x81, 1), limits),
    refuses("RESOURCE_EXHAUSTED", /deeper than 2/),
  );
  assert.throws(
    () => checkCbor(Uint8Array.of(0x84, 1, 2, 3, 4), limits),
    refuses("RESOURCE_EXHAUSTED", /more than 4 items/),
  );
  assert.throws(() => checkCbor(new Uint8Array(7), limits), refuses("RESOURCE_EXHAUSTED", /7 bytes/));
});

test("checkCbor takes 65,536 items and not one more", () => {
  const array = (count: number): Uint8Array => {
    const bytes = new Uint8Array(count + 5);
    bytes.set([0x9a, count >>> 24, count >>> 16, count >>> 8, count]);
    return bytes;
  };
  assert.equal(checkCbor(array(65_535)), 0);
  assert.throws(() => checkCbor(array(65_536)), refuses("RESOURCE_EXHAUSTED", /items/));
});

test("checkCbor finds a repeated key in maps of any size, between nested maps, and only in the same map", () => {
  for (const count of [2, 15, 16, 17, 400]) {
    const value: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) value[`k${100 + i}`] = { k100: i, other: { k100: i } };
    const bytes = encodeValue(value).slice();
    assert.equal(checkCbor(bytes), 0);
    // The last key of the outer map becomes the first.
    const last = new TextEncoder().encode(`k${99 + count}`);
    const at = bytes.findLastIndex((_, i) => last.every((byte, j) => bytes[i + j] === byte) && bytes[i - 1] === 0x64);
    bytes.set(new TextEncoder().encode("k100"), at);
    assert.throws(() => checkCbor(bytes), refuses("INVALID_ARGUMENT", /twice/), `${count} keys`);
    // What a refused item left behind does not disturb the next.
    assert.equal(checkCbor(encodeValue(value)), 0);
  }
});

test("checkCbor reports what a decoder's caller must look after", () => {
  assert.equal(checkCbor(encodeValue([1n])), CborTrait.WIDE_INTEGER);
  assert.equal(checkCbor(encodeValue("\ufeffa")), CborTrait.BYTE_ORDER_MARK);
  assert.equal(checkCbor(encodeValue({ a: [1, "é", new Date(0)] })), 0);
});

test("The default limits are those of the specification", () => {
  assert.deepEqual(DEFAULT_CBOR_LIMITS, { maxDepth: 64, maxItems: 65_536, maxBytes: 1_048_576 });
});
