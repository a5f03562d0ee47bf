import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoStreamError } from "./error.ts";
import { MORE, readVarint, varintSize, varintSizeOf, writeVarint } from "./varint.ts";

test("writeVarint writes the examples of RFC 9000 appendix A.1", () => {
  const written = (value: number): number[] => {
    const bytes = new Uint8Array(8);
    return Array.from(bytes.subarray(0, writeVarint(bytes, 0, value)));
  };
  assert.deepEqual(written(494_878_333), [0x9d, 0x7f, 0x3e, 0x7d]);
  assert.deepEqual(written(15_293), [0x7b, 0xbd]);
  assert.deepEqual(written(37), [0x25]);
  assert.deepEqual(written(Number.MAX_SAFE_INTEGER), [0xc0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
});

test("readVarint reads at an offset and stops at the end it is given", () => {
  const bytes = Uint8Array.of(0xff, 0x7b, 0xbd, 0x25);
  assert.equal(readVarint(bytes, 1, 4), 15_293);
  assert.equal(readVarint(bytes, 1, 2), MORE);
  assert.equal(readVarint(bytes, 4, 4), MORE);
  assert.equal(varintSizeOf(bytes[1]!), 2);
});

test("readVarint throws PROTOCOL_VIOLATION above 2^53 - 1", () => {
  const bytes = Uint8Array.of(0xc0, 0x20, 0, 0, 0, 0, 0, 0);
  assert.throws(
    () => readVarint(bytes, 0, 8),
    (error) => error instanceof EchoStreamError && error.code === "PROTOCOL_VIOLATION",
  );
});

test("varintSize changes at the powers RFC 9000 gives", () => {
  assert.deepEqual([63, 64, 16_383, 16_384, 2 ** 30 - 1, 2 ** 30].map(varintSize), [1, 2, 2, 4, 4, 8]);
});
