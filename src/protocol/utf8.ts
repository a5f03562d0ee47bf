/**
 * Text on the wire: strict UTF-8, names that repeat for ever and are therefore cached, and texts for people.
 *
 * @module
 */

import { MAX_NAME_BYTES } from "./version.ts";

/** The text in `bytes[start, end)`, or `undefined` when it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (start === end) return "";
  try {
    return strictDecoder.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}

/** The text in `bytes[start, end)` for people to read: what is not UTF-8 becomes U+FFFD. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  return start === end ? "" : lenientDecoder.decode(bytes.subarray(start, end));
}

/**
 * The name in `bytes[start, end)`, or `undefined` when it is empty, no UTF-8 or has control characters. Length is the
 * caller's to check. Repeated ASCII names come from a cache, so that routing a call allocates no string.
 */
export function decodeName(bytes: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start;
  let hash = length;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte < 0x20 || byte > 0x7e) return decodeUnusualName(bytes, start, end);
    hash = Math.imul(hash ^ byte, 0x0100_0193); // FNV-1a; a collision costs a decode, nothing else.
  }
  if (length === 0) return undefined;
  const slot = (hash ^ (hash >>> 15)) & (CACHE_SLOTS - 1);
  const cached = nameCache[slot]!;
  if (cached.length === length && equalsAscii(cached, bytes, start)) return cached;
  const name = lenientDecoder.decode(bytes.subarray(start, end));
  if (length <= MAX_NAME_BYTES) nameCache[slot] = name;
  return name;
}

/** True when `bytes[start, end)` are UTF-8 (RFC 3629): shortest forms, no surrogates, nothing above U+10FFFF. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let position = start;
  while (position < end) {
    const lead = bytes[position++]!;
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    const trails = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (trails > end - position) return false;
    const first = bytes[position]!;
    // The ranges of the second byte that keep out overlong forms, surrogates and what lies above U+10FFFF.
    if (lead === 0xe0 && first < 0xa0) return false;
    if (lead === 0xed && first > 0x9f) return false;
    if (lead === 0xf0 && first < 0x90) return false;
    if (lead === 0xf4 && first > 0x8f) return false;
    for (let i = 0; i < trails; i++) if ((bytes[position++]! & 0xc0) !== 0x80) return false;
  }
  return true;
}

/** True when `name` may travel: 1 to 128 bytes of UTF-8 without control characters or lone surrogates. */
export function isName(name: string): boolean {
  if (name.length === 0 || name.length > MAX_NAME_BYTES) return false;
  if (PRINTABLE_ASCII.test(name)) return true;
  return !UNFIT_FOR_NAME.test(name) && utf8Length(name) <= MAX_NAME_BYTES;
}

/** Bytes of `text` in UTF-8. A lone surrogate counts as the three bytes of U+FFFD that replace it. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    // A pair makes four bytes of two units: two more than counted for them, not four.
    if (unit >= 0xd800 && unit < 0xdc00 && isTrailSurrogate(text.charCodeAt(i + 1))) i++;
  }
  return length;
}

/** `text` cut to at most `maxBytes` bytes of UTF-8, between characters. */
export function truncateUtf8(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes || utf8Length(text) <= maxBytes) return text;
  const bytes = new Uint8Array(maxBytes);
  return text.slice(0, encoder.encodeInto(text, bytes).read);
}

/**
 * Write `text` as UTF-8 at `at` and return where it ends. The caller has made room for three bytes per UTF-16 unit.
 * A lone surrogate becomes U+FFFD.
 */
export function writeUtf8(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length;
  if (length > ENCODE_INLINE_UNITS) return at + encoder.encodeInto(text, bytes.subarray(at)).written;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return at + i + encoder.encodeInto(text.slice(i), bytes.subarray(at + i)).written;
    bytes[at + i] = unit;
  }
  return at + length;
}

function decodeUnusualName(bytes: Uint8Array, start: number, end: number): string | undefined {
  const name = decodeUtf8(bytes, start, end);
  return name === undefined || UNFIT_FOR_NAME.test(name) ? undefined : name;
}

function equalsAscii(text: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

function isTrailSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

// `ignoreBOM` keeps a leading U+FEFF, which is part of the text.
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
const UNFIT_FOR_NAME = /\p{Cc}|\p{Cs}/u;

const CACHE_SLOTS = 512;
const nameCache: string[] = new Array<string>(CACHE_SLOTS).fill("");

// Up to here a loop over the units beats the call into the encoder.
const ENCODE_INLINE_UNITS = 48;
