import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeValue, encodeValue } from "./codec.ts";
import { Writer } from "./writer.ts";

const roundTrip = (value: unknown): unknown => decodeValue(encodeValue(value).slice());

test("Numbers, bigints, text, bytes, dates, arrays and objects come back as they were", () => {
  const value = {
    numbers: [0, -1, 1.5, 2 ** 32, 2 ** 53, -(2 ** 53), Number.MAX_VALUE, Number.NaN, Number.POSITIVE_INFINITY],
    bigints: [2n ** 53n, -(2n ** 53n), 2n ** 64n, -(2n ** 64n) - 1n],
    texts: ["", "é聊😀", "x".repeat(300), "__proto__"],
    bytes: [new Uint8Array(0), Uint8Array.of(1, 2, 255)],
    dates: [new Date(0), new Date(1_700_000_000_123), new Date(-1)],
    nothing: [null, undefined],
    "": { "key with spaces": true },
  };
  assert.deepEqual(roundTrip(value), value);
});

test("Bigints that are safe integers come back as numbers, at any depth", () => {
  assert.deepEqual(roundTrip([1n, { a: -(2n ** 53n) + 1n }, 2n ** 53n]), [1, { a: -(2 ** 53) + 1 }, 2n ** 53n]);
});

test("Typed arrays come back with their type and in memory of their own", () => {
  const value = [Float32Array.of(1.5, -2), Float64Array.of(Math.PI), Int16Array.of(-3), BigInt64Array.of(-5n)];
  assert.deepEqual(roundTrip(value), value);
});

test("A Buffer arrives as a Uint8Array, a class instance as its own keys, minus zero as zero", () => {
  class Point {
    x = 1;
    #hidden = 2;
    sum(): number {
      return this.x + this.#hidden;
    }
  }
  assert.deepEqual(roundTrip(new Point()), { x: 1 });
  assert.ok(Object.is(roundTrip(-0), 0));
  class Bytes extends Uint8Array {}
  const bytes = roundTrip(Bytes.of(1)) as Uint8Array;
  assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
});

test("A leading U+FEFF survives in texts and keys of every length", () => {
  for (const length of [0, 10, 61, 62, 100, 252, 253, 70_000]) {
    const text = "\ufeff" + "é".repeat(length);
    assert.deepEqual(roundTrip([text, 7, { [text]: text }]), [text, 7, { [text]: text }]);
  }
});

test("Decoded bytes do not change when the received ones are overwritten", () => {
  for (const size of [10, 30_000]) {
    const received = encodeValue(new Uint8Array(size).fill(1)).slice();
    const value = decodeValue(received) as Uint8Array;
    received.fill(9);
    assert.deepEqual(value, new Uint8Array(size).fill(1));
  }
});

test("encodeValue names what cannot travel, and where", () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const cases: [unknown, RegExp][] = [
    [() => 0, /^Value cannot be encoded: functions do not travel$/],
    [{ a: { b: [1, Symbol("s")] } }, /^Value at a\.b\[1\] cannot be encoded: symbols do not travel$/],
    [{ "not a name": new Map() }, /^Value at \["not a name"\] cannot be encoded: a Map/],
    [[new Set()], /^Value at \[0\] cannot be encoded: a Set/],
    [cyclic, /nested deeper than 64, or inside itself$/],
    [{ late: Promise.resolve() }, /^Value at late cannot be encoded: a promise; await it first$/],
    [new Error("no"), /an? Error is not plain data/],
    [/x/, /RegExp/],
    [[1, 2][Symbol.iterator](), /Iterator/],
    [class extends Array {}.of(1), /an array of a subclass/],
    [new ArrayBuffer(1), /Uint8Array/],
    [new DataView(new ArrayBuffer(1)), /Uint8Array/],
    ["\ud800", /lone surrogate/],
    [{ "\ud800": 1 }, /key that may not travel/],
    [JSON.parse('{"__proto__":1}'), /key that may not travel/],
    [1n << 512n, /bigint of more than 64 bytes/],
  ];
  for (const [value, message] of cases) {
    assert.throws(
      () => encodeValue(value),
      (error) => error instanceof TypeError && message.test(error.message),
      String(message),
    );
  }
});

test("encodeValue takes 64 levels and not one more, and refuses shared values that multiply", () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  assert.deepEqual(roundTrip(nested(64)), nested(64));
  assert.throws(() => encodeValue(nested(65)), TypeError);
  let shared: unknown = 1;
  for (let i = 0; i < 40; i++) shared = [shared, shared];
  assert.throws(() => encodeValue(shared), RangeError);
});

test("encodeValue counts items as receivers do", () => {
  for (
    const item of [1, "a", new Date(0), -(2n ** 64n), -(2n ** 64n) + 1n, 2n ** 64n, Float32Array.of(1), [], { a: 1 }]
  ) {
    let count = 1;
    for (let step = 65_536; step >= 1; step /= 2) {
      const value = new Array<unknown>(count + step).fill(item);
      try {
        encodeValue(value);
        count += step;
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }
    assert.equal((roundTrip(new Array<unknown>(count).fill(item)) as unknown[]).length, count);
    const one = encodeValue(item).slice();
    const oneMore = new Writer().u8(0x9a).u32(count + 1);
    for (let n = 0; n <= count; n++) oneMore.raw(one);
    assert.throws(() => decodeValue(oneMore.view()), /more than 65536 items/);
  }
});

test("encodeValue works again after it refused a value", () => {
  assert.throws(() => encodeValue({ a: [() => 0] }), /Value at a\[0\]/);
  assert.throws(() => encodeValue({ b: () => 0 }), /Value at b cannot/);
  assert.deepEqual(roundTrip({ a: 1 }), { a: 1 });
});
