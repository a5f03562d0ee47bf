/**
 * The work of a decoder is linear in the bytes, whatever they are. It is counted, not timed: a proxy counts each byte a
 * decoder looks at. Comparisons of key hashes come on top: 15 for each key of a small
 * map, and four on average in a large one, by what the guard and its `KeyTable` allow.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCbor } from "../../src/protocol/cbor_guard.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import { decodeMessage, encodeRequest } from "../../src/protocol/message.ts";
import { splitWhole } from "../../src/protocol/message_splitter.ts";
import { decodeSettings } from "../../src/protocol/settings.ts";
import { Writer } from "../../src/protocol/writer.ts";

const LIMIT = 1 << 20;

test("Decoders look at each byte a bounded number of times, whatever they are given", () => {
  for (const [name, bytes] of worstCases(8_192)) {
    for (const [decoder, decode] of DECODERS) {
      const { counted, reads } = countingReads(bytes);
      try {
        decode(counted);
      } catch (error) {
        assert.ok(error instanceof EchoStreamError, `${decoder} of ${name}: ${error}`);
      }
      assert.ok(reads() <= 8 * bytes.length + 256, `${decoder} of ${name}: ${reads()} reads of ${bytes.length} bytes`);
    }
  }
});

const DECODERS: readonly (readonly [string, (bytes: Uint8Array) => void])[] = [
  ["decodeMessage", (bytes) => void decodeMessage(bytes, 0, bytes.length)],
  ["checkCbor", (bytes) => void checkCbor(bytes)],
  ["decodeSettings", (bytes) => void decodeSettings(bytes, 0, bytes.length)],
  ["splitWhole", (bytes) => splitWhole(bytes, 0, bytes.length, LIMIT, { onMessage() {}, onOversize() {} })],
  ["FrameDecoder", (bytes) => {
    const decoder = new FrameDecoder(LIMIT);
    decoder.push(bytes);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) continue;
  }],
];

/** About `size` bytes each that make a careless decoder repeat itself. */
function worstCases(size: number): [string, Uint8Array][] {
  const filled = (unit: readonly number[]): Uint8Array =>
    Uint8Array.from({ length: size }, (_, i) => unit[i % unit.length]!);
  const arrayOf = (unit: readonly number[]): Uint8Array => {
    const count = Math.floor(size / unit.length);
    return new Writer().u8(0x9a).u32(count).raw(filled(unit).subarray(0, count * unit.length)).view();
  };
  const manyKeys = Array.from({ length: size / 8 }, (_, i) => i.toString(36).padStart(4, "0"));
  const mapOf16 = [0xb0, ...Array.from({ length: 16 }, (_, i) => [0x61, 0x61 + i, 0x00]).flat()];
  const metadata = new Writer().raw(Uint8Array.of(0x01, 0x01, 0x01, 0x01, 0x6d)).blob(filled([0x01, 0x61, 0x00]));
  const request = new Writer();
  encodeRequest(request, { callId: 1, method: "m", encoding: 0, payload: new Uint8Array(size) });
  return [
    ["zeros", filled([0x00])],
    ["nested arrays", filled([0x81])],
    ["nested maps", filled([0xa1, 0x61, 0x61])],
    ["nested maps of many keys", filled([0xb8, 0x20, 0x61, 0x61])],
    ["maps of 16 keys", arrayOf(mapOf16)],
    ["one map of many keys", mapOf(manyKeys)],
    ["one map of keys with one hash", mapOf(collidingKeys(8))],
    ["bignums", arrayOf([0xc2, 0x41, 0x01])],
    ["empty texts", arrayOf([0x60])],
    ["one long text", new Writer().u8(0x7a).u32(size).raw(filled([0x61])).view()],
    ["one long text beyond ASCII", new Writer().u8(0x7a).u32(size - size % 3).raw(filled([0xe8, 0x81, 0x8a])).view()],
    ["frames without a body", filled([0x03, 0x00])],
    ["unknown frames", filled([0x3f, 0x00])],
    ["messages of one byte", filled([0x01, 0x3f])],
    ["settings without a value", filled([0x7f, 0xff, 0x00])],
    ["a message of metadata", metadata.u8(0).view()],
    ["a message of payload", request.view()],
  ];
}

/** 2^`stages` keys of equal length and equal FNV-1a hash: each stage offers two blocks that lead to the same state. */
function collidingKeys(stages: number): string[] {
  let keys = [""];
  let state = 8 * stages;
  for (let stage = 0; stage < stages; stage++) {
    const seen = new Map<number, string>();
    for (let n = 0;; n++) {
      // Scattered blocks collide as soon as chance has it.
      const block = (Math.imul(n, 0x9e37_79b1) >>> 0).toString(16).padStart(8, "0");
      let next = state;
      for (let i = 0; i < 8; i++) next = Math.imul(next ^ block.charCodeAt(i), 0x0100_0193);
      const other = seen.get(next);
      seen.set(next, block);
      if (other === undefined) continue;
      keys = keys.flatMap((key) => [key + other, key + block]);
      state = next;
      break;
    }
  }
  return keys;
}

function mapOf(keys: readonly string[]): Uint8Array {
  const writer = new Writer().u8(0xba).u32(keys.length);
  for (const key of keys) writer.u8(0x78).u8(key.length).utf8(key).u8(0);
  return writer.view();
}

/** `bytes` behind a proxy that counts what is read; bytes handed on in a view count as read. */
function countingReads(bytes: Uint8Array): { counted: Uint8Array; reads: () => number } {
  let reads = 0;
  const counted = new Proxy(bytes, {
    get(target, key) {
      if (key === "subarray" || key === "slice") {
        return (start: number, end: number): Uint8Array => {
          const view = target.subarray(start, end);
          reads += view.length;
          return view;
        };
      }
      // Only places start with a digit.
      if (typeof key === "string" && key.charCodeAt(0) < 0x3a) reads++;
      return Reflect.get(target, key, target);
    },
  });
  return { counted, reads: () => reads };
}
