import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCallMessage, encodeEnd } from "./call_frames.ts";
import { EchoStreamError } from "./error.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import { FrameType } from "./frame.ts";
import { Writer } from "./writer.ts";

const message = (payload: Uint8Array): Uint8Array => {
  const writer = new Writer();
  encodeCallMessage(writer, { encoding: 0, payload });
  return writer.view();
};

test("FrameDecoder hands over a frame inside one piece without copying it", () => {
  const piece = message(Uint8Array.of(1, 2, 3));
  const decoder = new FrameDecoder(100);
  decoder.push(piece);
  const frame = decoder.next();
  assert.ok(frame);
  assert.equal(frame.bytes, piece);
  assert.equal(frame.owned, false);
});

test("FrameDecoder hands over a frame of several pieces in bytes of its own", () => {
  const whole = message(Uint8Array.of(1, 2, 3));
  const decoder = new FrameDecoder(100);
  decoder.push(whole.slice(0, 4));
  assert.equal(decoder.next(), undefined);
  assert.equal(decoder.missing, 2);
  decoder.push(whole.slice(4));
  const frame = decoder.next();
  assert.ok(frame?.owned);
  assert.deepEqual(Array.from(frame.bytes.subarray(frame.start, frame.end)), [0, 1, 2, 3]);
  assert.equal(decoder.heldBytes, 0);
});

test("FrameDecoder refuses a frame above its limit as soon as the header is there, and stays refused", () => {
  const decoder = new FrameDecoder(100);
  decoder.push(Uint8Array.of(FrameType.MESSAGE, 0x40, 101));
  for (let attempt = 0; attempt < 2; attempt++) {
    assert.throws(
      () => decoder.next(),
      (error) => error instanceof EchoStreamError && error.code === "RESOURCE_EXHAUSTED",
    );
  }
});

test("FrameDecoder steps over unknown frames of any size without holding them", () => {
  const decoder = new FrameDecoder(100);
  const unknown = new Writer().varint(0x3f).varint(1_000_000).view();
  decoder.push(unknown);
  assert.equal(decoder.next(), undefined);
  for (let i = 0; i < 10; i++) {
    decoder.push(new Uint8Array(100_000));
    assert.equal(decoder.next(), undefined);
    assert.equal(decoder.heldBytes, 0);
  }
  assert.ok(decoder.isBetweenFrames);
  const end = new Writer();
  encodeEnd(end);
  decoder.push(end.view());
  assert.equal(decoder.next()?.type, FrameType.END);
});

test("FrameDecoder gives memory to bytes that arrived, not to bytes that were announced", () => {
  const decoder = new FrameDecoder(1 << 20);
  decoder.push(new Writer().varint(FrameType.MESSAGE).varint(1 << 20).u8(0).view());
  assert.equal(decoder.next(), undefined);
  assert.ok(decoder.heldBytes <= 65_536 + 64);
  assert.equal(decoder.missing, (1 << 20) - 1);
});
