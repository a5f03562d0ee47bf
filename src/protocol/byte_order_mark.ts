/**
 * Doubles the U+FEFF that texts of a CBOR item start with, because the `TextDecoder` inside cbor-x drops one from longer
 * texts. Rare enough to cost a second pass, and no text may arrive other than it was sent.
 *
 * @module
 */

/** `item`, which `checkCbor` has accepted, with a second U+FEFF in front of each text of more than 64 bytes that has one. */
export function keepByteOrderMarks(item: Uint8Array): Uint8Array {
  const out = new Uint8Array(item.length * 2);
  let written = 0;
  let position = 0;
  while (position < item.length) {
    const start = position;
    const initial = item[position++]!;
    const major = initial >> 5;
    const width = (initial & 0x1f) < 24 ? 0 : 1 << ((initial & 0x1f) - 24);
    let argument = initial & 0x1f;
    if (width > 0) argument = 0;
    for (let i = 0; i < width; i++) argument = argument * 256 + item[position++]!;
    const contentStart = position;
    if (major === BYTES || major === TEXT) position += argument;
    if (major === TEXT && argument > DECODED_BY_LOOP_BYTES && hasMark(item, contentStart)) {
      const length = argument + MARK.length;
      out.set([0x7a, length >>> 24, length >>> 16, length >>> 8, length], written);
      out.set(MARK, written + 5);
      out.set(item.subarray(contentStart, position), written + 5 + MARK.length);
      written += 5 + length;
    } else {
      out.set(item.subarray(start, position), written);
      written += position - start;
    }
  }
  return out.subarray(0, written);
}

function hasMark(item: Uint8Array, at: number): boolean {
  return MARK.every((byte, i) => item[at + i] === byte);
}

// Major types (RFC 8949 §3.1).
const BYTES = 2;
const TEXT = 3;

const MARK: readonly number[] = [0xef, 0xbb, 0xbf];

// Up to here cbor-x decodes by a loop of its own, which keeps the mark.
const DECODED_BY_LOOP_BYTES = 64;
