/**
 * The scan every CBOR item from a peer passes before a decoder sees it: one loop, no recursion, no allocation for ordinary
 * items. What it lets through is well-formed (RFC 8949), bounded, and holds nothing a decoder could be hurt with.
 * Spec: docs/protocol.md, "CBOR".
 *
 * @module
 */

import { EchoStreamError, ErrorCode } from "./error.ts";
import { isSameKey, KeyTable } from "./key_table.ts";
import { isUtf8 } from "./utf8.ts";
import { MAX_MESSAGE_BYTES } from "./version.ts";

/** What one CBOR item may cost. Crossing it is RESOURCE_EXHAUSTED. */
export interface CborLimits {
  /** Arrays and maps inside one another, at most 64, the default. */
  readonly maxDepth: number;
  /** Items in all; keys and tags count, a bignum or typed array as 17. Default 65,536. */
  readonly maxItems: number;
  /** Bytes in all. Default 1 MiB, the message limit. */
  readonly maxBytes: number;
}

/** Nesting nobody needs more of, and no decoder's stack is hurt by. */
export const MAX_CBOR_DEPTH = 64;

/** Most items in one value. */
export const MAX_CBOR_ITEMS = 65_536;

/** Largest magnitude of a bignum, in bytes: work on larger ones grows with the square. */
export const MAX_BIGNUM_BYTES = 64;

/** What a bignum or typed array counts beside its tag and its bytes: it costs a decoder many times what others do. */
export const HEAVY_ITEMS = 15;

/** The limits that hold where nobody chose others. */
export const DEFAULT_CBOR_LIMITS: CborLimits = {
  maxDepth: MAX_CBOR_DEPTH,
  maxItems: MAX_CBOR_ITEMS,
  maxBytes: MAX_MESSAGE_BYTES,
};

/** What {@link checkCbor} found that a decoder's caller must look after; sum of bits. */
export const CborTrait = {
  /** An integer of 64 bits or a bignum, which a decoder makes a bigint although it may be a safe integer. */
  WIDE_INTEGER: 0x1,
  /** Text that starts with U+FEFF, which decoders tend to drop. */
  BYTE_ORDER_MARK: 0x2,
} as const;

/**
 * Check that `bytes` are exactly one acceptable CBOR item.
 *
 * @returns the {@link CborTrait} bits found, usually 0.
 * @throws {EchoStreamError} RESOURCE_EXHAUSTED above `limits`, INVALID_ARGUMENT for anything else that is wrong.
 */
export function checkCbor(bytes: Uint8Array, limits: CborLimits = DEFAULT_CBOR_LIMITS): number {
  const end = bytes.length;
  if (end > limits.maxBytes) throw exhausted(`CBOR of ${end} bytes where ${limits.maxBytes} are allowed`);
  const maxDepth = Math.min(limits.maxDepth, MAX_CBOR_DEPTH);
  let position = 0;
  let traits = 0;
  let items = 0;
  // The container in progress: items it still lacks, keys and values counted apart, and where its keys are noted.
  let depth = 0;
  let lacking = 1;
  // Items all containers still lack: each has at least one byte, so a claim beyond the bytes is false whatever follows.
  let owed = 1;
  let isMap = false;
  let table: KeyTable | undefined;
  let keyBase = 0;
  let keyTop = 0;

  for (;;) {
    while (lacking === 0) {
      if (depth === 0) {
        if (position !== end) throw malformed(position, "bytes after the item");
        return traits;
      }
      depth--;
      lacking = lackings[depth]!;
      isMap = kinds[depth] === MAP;
      table = tables[depth];
      tables[depth] = undefined;
      keyTop = keyBase;
      keyBase = keyBases[depth]!;
    }
    if (++items > limits.maxItems) throw exhausted(`CBOR of more than ${limits.maxItems} items`);
    if (position >= end) throw malformed(position, "ends too early");
    const itemStart = position;
    const initial = bytes[position++]!;
    const major = initial >> 5;
    let argument = initial & 0x1f;
    if (argument > 23) {
      const width = ARGUMENT_WIDTHS[argument]!;
      if (width === 0) throw malformed(itemStart, "indefinite length or reserved initial byte");
      if (width > end - position) throw malformed(itemStart, "ends too early");
      argument = bytes[position]!;
      for (let i = 1; i < width; i++) argument = argument * 256 + bytes[position + i]!;
      position += width;
    }
    lacking--;
    owed--;
    const isKey = isMap && (lacking & 1) === 1;
    if (isKey && major !== TEXT) throw malformed(itemStart, "map key that is no text");

    switch (major) {
      case UNSIGNED:
      case NEGATIVE:
        if ((initial & 0x1f) === 27) traits |= CborTrait.WIDE_INTEGER;
        break;
      case BYTES:
        if (argument > end - position) throw malformed(itemStart, "ends too early");
        position += argument;
        break;
      case TEXT: {
        if (argument > end - position) throw malformed(itemStart, "ends too early");
        const start = position;
        position += argument;
        let hash = argument;
        let high = 0;
        if (isKey) {
          for (let i = start; i < position; i++) {
            const byte = bytes[i]!;
            high |= byte;
            hash = Math.imul(hash ^ byte, 0x0100_0193); // FNV-1a
          }
        } else {
          for (let i = start; i < position; i++) high |= bytes[i]!;
        }
        if (high > 0x7f) {
          if (!isUtf8(bytes, start, position)) throw malformed(itemStart, "text that is not UTF-8");
          if (bytes[start] === 0xef && startsWithByteOrderMark(bytes, start, position)) {
            traits |= CborTrait.BYTE_ORDER_MARK;
          }
        }
        if (!isKey) break;
        if (isPrototypeKey(bytes, start, argument)) throw malformed(itemStart, 'key "__proto__"');
        if (table !== undefined) {
          if (!table.add(bytes, start, position, hash)) throw malformed(itemStart, "key that appears twice");
          break;
        }
        for (let i = keyBase; i < keyTop; i++) {
          if (keyHashes[i] === hash && isSameKey(bytes, keyStarts[i]!, keyEnds[i]!, start, position)) {
            throw malformed(itemStart, "key that appears twice");
          }
        }
        keyStarts[keyTop] = start;
        keyEnds[keyTop] = position;
        keyHashes[keyTop++] = hash;
        break;
      }
      case ARRAY:
      case MAP: {
        const count = major === MAP ? argument * 2 : argument;
        owed += count;
        if (owed > end - position) throw malformed(itemStart, "ends too early");
        if (items + owed > limits.maxItems) throw exhausted(`CBOR of more than ${limits.maxItems} items`);
        if (depth === maxDepth) throw exhausted(`CBOR nested deeper than ${maxDepth}`);
        lackings[depth] = lacking;
        kinds[depth] = isMap ? MAP : ARRAY;
        tables[depth] = table;
        keyBases[depth] = keyBase;
        depth++;
        lacking = count;
        isMap = major === MAP;
        table = isMap && argument > SMALL_MAP_KEYS ? new KeyTable(argument) : undefined;
        keyBase = keyTop;
        break;
      }
      case TAG:
        checkTag(bytes, itemStart, position, argument);
        if (argument !== Tag.EPOCH_TIME) items += HEAVY_ITEMS;
        if (argument === Tag.BIGNUM || argument === Tag.NEGATIVE_BIGNUM) traits |= CborTrait.WIDE_INTEGER;
        // What is tagged takes the place of the tag.
        lacking++;
        owed++;
        break;
      default:
        if (initial < 0xf4 || initial === 0xf8) throw malformed(itemStart, "simple value that means nothing");
    }
  }
}

/** Allow a tag only around the scalar it is made for: then nothing has to be remembered until that item. */
function checkTag(bytes: Uint8Array, tagStart: number, position: number, tag: number): void {
  const content = bytes[position] ?? 0xff;
  if (tag === Tag.EPOCH_TIME) {
    const isNumber = content <= 0x1a || (content >= 0x20 && content <= 0x3a) || (content >= 0xf9 && content <= 0xfb);
    if (!isNumber) throw malformed(tagStart, "time that is neither a 32-bit integer nor a float");
    return;
  }
  const isBignum = tag === Tag.BIGNUM || tag === Tag.NEGATIVE_BIGNUM;
  const elementBytes = isBignum ? 1 : ELEMENT_BYTES.get(tag);
  if (elementBytes === undefined) throw malformed(tagStart, `tag ${tag}, which is not allowed`);
  const length = byteStringLength(bytes, position);
  if (length < 0 || length % elementBytes !== 0) throw malformed(tagStart, `content that does not fit tag ${tag}`);
  if (isBignum && length > MAX_BIGNUM_BYTES) throw exhausted(`Bignum of ${length} bytes`);
}

/** Length that the byte string at `position` claims, or −1 when there is none. */
function byteStringLength(bytes: Uint8Array, position: number): number {
  const initial = bytes[position] ?? 0xff;
  if (initial >> 5 !== BYTES) return -1;
  const argument = initial & 0x1f;
  if (argument < 24) return argument;
  const width = ARGUMENT_WIDTHS[argument]!;
  let length = width === 0 ? -1 : 0;
  for (let i = 1; i <= width; i++) length = length * 256 + (bytes[position + i] ?? 0);
  return length;
}

function isPrototypeKey(bytes: Uint8Array, start: number, length: number): boolean {
  return length === PROTOTYPE_KEY.length && PROTOTYPE_KEY.every((byte, i) => bytes[start + i] === byte);
}

function startsWithByteOrderMark(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 3 && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
}

function malformed(position: number, what: string): EchoStreamError {
  return new EchoStreamError(ErrorCode.INVALID_ARGUMENT, `Unacceptable CBOR at byte ${position}: ${what}`);
}

function exhausted(message: string): EchoStreamError {
  return new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message);
}

// Major types (RFC 8949 §3.1).
const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;

// Bytes of the argument by additional information; 0 for what is refused.
const ARGUMENT_WIDTHS = new Uint8Array(32);
ARGUMENT_WIDTHS.set([1, 2, 4, 8], 24);

// https://www.iana.org/assignments/cbor-tags
const Tag = { EPOCH_TIME: 1, BIGNUM: 2, NEGATIVE_BIGNUM: 3 } as const;

// Typed arrays of little-endian machines (RFC 8746), with the bytes of an element.
const ELEMENT_BYTES: ReadonlyMap<number, number> = new Map([
  [68, 1], // Uint8ClampedArray
  [69, 2], // Uint16Array
  [70, 4], // Uint32Array
  [71, 8], // BigUint64Array
  [72, 1], // Int8Array
  [77, 2], // Int16Array
  [78, 4], // Int32Array
  [79, 8], // BigInt64Array
  [85, 4], // Float32Array
  [86, 8], // Float64Array
]);

const PROTOTYPE_KEY = new TextEncoder().encode("__proto__");

// Up to here comparing every pair of keys is cheaper than a table, and the work stays linear in the bytes.
const SMALL_MAP_KEYS = 16;

// Scratch of the scan, which is synchronous and calls nothing of anybody else's.
const lackings = new Float64Array(MAX_CBOR_DEPTH);
const kinds = new Uint8Array(MAX_CBOR_DEPTH);
const keyBases = new Int32Array(MAX_CBOR_DEPTH);
const keyStarts = new Int32Array((MAX_CBOR_DEPTH + 1) * SMALL_MAP_KEYS);
const keyEnds = new Int32Array((MAX_CBOR_DEPTH + 1) * SMALL_MAP_KEYS);
const keyHashes = new Int32Array((MAX_CBOR_DEPTH + 1) * SMALL_MAP_KEYS);
const tables: (KeyTable | undefined)[] = new Array<KeyTable | undefined>(MAX_CBOR_DEPTH).fill(undefined);
