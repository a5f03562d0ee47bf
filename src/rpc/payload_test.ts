import assert from "node:assert/strict";
import { test } from "node:test";
import { Encoding } from "../protocol/encoding.ts";
import { decodePayload, decodeRawPayload, encodePayload, encodeSentPayload, encodingOf, rawResult } from "./payload.ts";

/** What arrives when `value` is sent. */
function sent(value: unknown): readonly [Encoding, Uint8Array] {
  return [encodingOf(value), encodePayload(value).slice()];
}

test("decodePayload gives back what was sent", () => {
  for (const value of [new Uint8Array([1, 2]), "text", 7, null, undefined, { a: [1] }]) {
    assert.deepEqual(decodePayload(...sent(value)), value);
  }
});

test("decodeRawPayload makes bytes of bytes, text and nothing, and refuses other values", () => {
  assert.deepEqual(decodeRawPayload(...sent(new Uint8Array([1, 2]))), new Uint8Array([1, 2]));
  assert.deepEqual(decodeRawPayload(...sent("é")), new Uint8Array([195, 169]));
  assert.deepEqual(decodeRawPayload(...sent(undefined)), new Uint8Array(0));
  for (const value of [1, null, [1], {}]) {
    assert.throws(() => decodeRawPayload(...sent(value)), { code: "INVALID_ARGUMENT" });
  }
});

test("Decoded payloads are copies, whatever their size", () => {
  for (const size of [3, 64, 65, 5_000]) {
    const received = new Uint8Array(size).fill(1);
    const values = [decodePayload(Encoding.RAW, received), decodeRawPayload(Encoding.RAW, received)];
    received.fill(2);
    for (const value of values) assert.deepEqual(value, new Uint8Array(size).fill(1));
  }
});

test("rawResult takes bytes, text and nothing", () => {
  const bytes = new Uint8Array([1]);
  assert.equal(rawResult(bytes), bytes);
  assert.deepEqual([rawResult("a"), rawResult(undefined)], [new Uint8Array([97]), new Uint8Array(0)]);
  for (const value of [1, null, [], {}]) assert.throws(() => rawResult(value), TypeError);
});

test("encodeSentPayload tells the caller what cannot travel", () => {
  assert.throws(() => encodeSentPayload({ call: () => {} }), { code: "INVALID_ARGUMENT", disposition: "notProcessed" });
  assert.throws(() => encodeSentPayload(new Array(70_000).fill(0)), { code: "RESOURCE_EXHAUSTED" });
});
