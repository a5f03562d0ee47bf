import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoStreamError } from "./error.ts";
import { type MessageSink, MessageSplitter, splitWhole } from "./message_splitter.ts";
import { Writer } from "./writer.ts";

function recorder(): MessageSink & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    onMessage: (bytes, start, end) => void seen.push(bytes.subarray(start, end).join()),
    onOversize: (head, lengthBytes) => void seen.push(`${lengthBytes} bytes: ${head.join()}`),
  };
}

const violates = (error: unknown): boolean => error instanceof EchoStreamError && error.code === "PROTOCOL_VIOLATION";

test("splitWhole hands over each message of a stream", () => {
  const sink = recorder();
  splitWhole(Uint8Array.of(9, 2, 1, 2, 1, 3), 1, 6, 100, sink);
  assert.deepEqual(sink.seen, ["1,2", "3"]);
});

test("splitWhole refuses a stream that ends inside a message, and an empty message", () => {
  for (const bytes of [[2, 1], [0x40], [1, 7, 0]]) {
    assert.throws(() => splitWhole(Uint8Array.from(bytes), 0, bytes.length, 100, recorder()), violates);
  }
});

test("MessageSplitter reports a message above the limit once, with its head, and goes on behind it", () => {
  const stream = new Writer().blob(Uint8Array.from({ length: 30 }, (_, i) => i)).blob(Uint8Array.of(7)).view();
  for (const cut of [1, 5, 12, 31]) {
    const sink = recorder();
    const splitter = new MessageSplitter(20, sink);
    splitter.push(stream.subarray(0, cut));
    splitter.push(stream.subarray(cut));
    splitter.finish();
    assert.deepEqual(sink.seen, ["30 bytes: 0,1,2,3,4,5,6,7,8,9", "7"]);
  }
});

test("MessageSplitter holds nothing of a message above the limit but its head", () => {
  const splitter = new MessageSplitter(20, recorder());
  splitter.push(new Writer().varint(1_000_000).view());
  splitter.push(new Uint8Array(500_000));
  assert.equal(splitter.heldBytes, 0);
  assert.equal(splitter.missing, 500_000);
  assert.throws(() => splitter.finish(), violates);
});

test("MessageSplitter gives memory to bytes that arrived, not to bytes that were announced", () => {
  const splitter = new MessageSplitter(1 << 20, recorder());
  splitter.push(new Writer().varint(1 << 20).u8(1).view());
  assert.ok(splitter.heldBytes <= 16_384);
  assert.equal(splitter.missing, (1 << 20) - 1);
});
