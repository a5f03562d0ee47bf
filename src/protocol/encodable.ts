/**
 * Which JavaScript values CBOR carries without loss. Checked before encoding, so that a mistake is reported to whoever made
 * it, with the place, instead of being refused by the peer or sent as something else. Spec: docs/protocol.md, "Values".
 *
 * @module
 */

import { HEAVY_ITEMS, MAX_BIGNUM_BYTES, MAX_CBOR_DEPTH, MAX_CBOR_ITEMS } from "./cbor_guard.ts";

/**
 * Check `value`: null, undefined, booleans, numbers, bigints, strings, `Date`, `Uint8Array` and the other typed arrays,
 * arrays, and objects by their own enumerable string keys.
 *
 * @throws {TypeError} when it, or something inside it, cannot travel; the message names the place.
 * @throws {RangeError} when it has more items than a receiver takes.
 */
export function checkEncodable(value: unknown): void {
  itemsLeft = MAX_CBOR_ITEMS;
  const problem = problemOf(value, 0);
  if (itemsLeft < 0) {
    path.length = 0;
    throw new RangeError(`Value has more than ${MAX_CBOR_ITEMS} items`);
  }
  if (problem === undefined) return;
  const place = path.length === 0 ? "Value" : `Value at ${path.reverse().map(pathStep).join("").replace(/^\./, "")}`;
  path.length = 0;
  throw new TypeError(`${place} cannot be encoded: ${problem}`);
}

/** What is wrong, or `undefined`. Leaves the keys to it in {@link path}, innermost first. */
function problemOf(value: unknown, depth: number): string | undefined {
  if (--itemsLeft < 0) return "too many items";
  switch (typeof value) {
    case "string":
      return isWellFormed(value) ? undefined : "text with a lone surrogate";
    case "number":
    case "boolean":
    case "undefined":
      return undefined;
    case "bigint":
      if (value >= WIDE_LIMIT || value <= -WIDE_LIMIT) itemsLeft -= TAG + HEAVY_ITEMS;
      return value < BIGNUM_LIMIT && value >= -BIGNUM_LIMIT
        ? undefined
        : `bigint of more than ${MAX_BIGNUM_BYTES} bytes`;
    case "object":
      return value === null ? undefined : problemOfObject(value, depth);
    default:
      return `${typeof value}s do not travel`;
  }
}

function problemOfObject(value: object, depth: number): string | undefined {
  const isArray = Array.isArray(value);
  // The prototype, not `constructor`: iterators of some runtimes claim to be made by `Object`.
  if (!isArray && Object.getPrototypeOf(value) !== Object.prototype) {
    if (value instanceof Uint8Array) return undefined;
    if (value instanceof Date) return counted(TAG);
    if (SENDABLE.has(value.constructor)) return counted(TAG + HEAVY_ITEMS);
    const problem = problemOfExotic(value);
    if (problem !== undefined) return problem;
  }
  if (depth === MAX_CBOR_DEPTH) return `nested deeper than ${MAX_CBOR_DEPTH}, or inside itself`;
  return isArray ? problemOfArray(value, depth) : problemOfRecord(value as Record<string, unknown>, depth);
}

function problemOfArray(array: readonly unknown[], depth: number): string | undefined {
  // cbor-x would write it as an iterable, in a form receivers refuse.
  if ((array.constructor as unknown) !== Array) {
    return "an array of a subclass or another realm; copy it with Array.from";
  }
  for (let i = 0; i < array.length; i++) {
    const problem = problemOf(array[i], depth + 1);
    if (problem !== undefined) return at(i, problem);
  }
  return undefined;
}

function problemOfRecord(record: Readonly<Record<string, unknown>>, depth: number): string | undefined {
  const keys = Object.keys(record);
  itemsLeft -= keys.length;
  for (const key of keys) {
    if (key === "__proto__" || !isWellFormed(key)) return at(key, "key that may not travel");
    const problem = problemOf(record[key], depth + 1);
    if (problem !== undefined) return at(key, problem);
  }
  return undefined;
}

/** Objects whose content is not in their own keys would arrive as something else. */
function problemOfExotic(value: object): string | undefined {
  if (value instanceof Map) return "a Map; use an object or an array of entries";
  if (value instanceof Set) return "a Set; use an array";
  if (value instanceof ArrayBuffer || value instanceof DataView) return "wrap it into a Uint8Array";
  if (typeof (value as { then?: unknown }).then === "function") return "a promise; await it first";
  if (value instanceof Error || value instanceof RegExp || Symbol.iterator in value || Symbol.asyncIterator in value) {
    return `a ${Object.prototype.toString.call(value).slice(8, -1)} is not plain data`;
  }
  return undefined;
}

/** Take `items` off the budget; too many are noticed with the next item, or at the end. */
function counted(items: number): undefined {
  itemsLeft -= items;
}

function at(key: string | number, problem: string): string {
  path.push(key);
  return problem;
}

function pathStep(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

// ES2024, in every runtime we support but not yet in the library we compile against.
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

// Items of a tag itself, as the receiver counts them.
const TAG = 1;

// Beyond ±2^64 a bigint is a bignum.
const WIDE_LIMIT = 1n << 64n;
const BIGNUM_LIMIT = 1n << BigInt(8 * MAX_BIGNUM_BYTES);

const SENDABLE: ReadonlySet<unknown> = new Set([
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Float32Array,
  Float64Array,
]);

let itemsLeft = 0;
const path: (string | number)[] = [];
