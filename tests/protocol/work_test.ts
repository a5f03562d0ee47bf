/**
 * The work of a decoder is linear in the bytes, whatever they are. It is counted, not timed: a proxy counts each byte a
 * decoder looks at. Comparisons of keys beyond that are at most 15 for each key, by the size of the guard's table.
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

test("Decoders look at each byte a bounded number of times, whatever 64 KiB they are given", () => {
  for (const [name, bytes] of worstCases(65_536)) {
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

/** Inputs that make a careless decoder repeat itself. */
function worstCases(size: number): [string, Uint8Array][] {
  const filled = (byte: number): Uint8Array => new Uint8Array(size).fill(byte);
  const repeated = (unit: readonly number[], head: readonly number[] = []): Uint8Array =>
    Uint8Array.from({ length: size }, (_, i) => head[i] ?? unit[(i - head.length) % unit.length]!);
  const keys = new Writer().raw(Uint8Array.of(0xb9, 0x20, 0x00));
  for (let i = 0; i < 0x2000; i++) {
    keys.u8(0x64);
    for (let shift = 0; shift < 16; shift += 4) keys.u8(0x61 + ((i >> shift) & 15));
    keys.u8(0x00);
  }
  const request = new Writer();
  encodeRequest(request, { callId: 1, method: "m", encoding: 0, payload: new Uint8Array(0) });
  return [
    ["zeros", filled(0)],
    ["nested arrays", filled(0x81)],
    ["nested maps", repeated([0xa1, 0x61, 0x61])],
    ["maps of 16 equal hashes", repeated([0xa2, 0x61, 0x61, 0x00, 0x61, 0x62], [0x99, 0x7f, 0xff])],
    ["one map of many keys", keys.view()],
    ["bignums", repeated([0xc2, 0x41, 0x01], [0x99, 0x50, 0x00])],
    ["empty texts", repeated([0x60], [0x99, 0xff, 0xfd])],
    ["frames without a body", repeated([0x03, 0x00])],
    ["unknown frames", repeated([0x3f, 0x00])],
    ["messages of one byte", repeated([0x01, 0x3f])],
    ["settings without a value", repeated([0x7f, 0xff, 0x00])],
    ["one long text", repeated([0x61], [0x79, 0xff, 0xfd])],
    ["a message of metadata", repeated([0x01, 0x61, 0x00], [0x01, 0x01, 0x01, 0x01, 0x6d, 0x80, 0x00, 0xff, 0x00])],
    ["a request", request.view()],
  ];
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
      if (typeof key === "string" && /^\d/.test(key)) reads++;
      return Reflect.get(target, key, target);
    },
  });
  return { counted, reads: () => reads };
}
