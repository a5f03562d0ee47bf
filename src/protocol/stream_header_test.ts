import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoStreamError } from "./error.ts";
import { decodeMediaHeader, encodeMediaHeader, type MediaHeaderInput } from "./stream_header.ts";
import { Writer } from "./writer.ts";

const header = (fields: Partial<MediaHeaderInput>): MediaHeaderInput => ({
  mediaStreamId: 1,
  name: "camera",
  clockRateHz: 90_000,
  delivery: "reliable",
  ...fields,
});

test("encodeMediaHeader refuses names and clock rates that may not travel", () => {
  const encode = (fields: Partial<MediaHeaderInput>) => () => encodeMediaHeader(new Writer(), header(fields));
  assert.throws(encode({ name: "" }), TypeError);
  for (const clockRateHz of [0, -1, 0.5, 2 ** 32, Number.NaN]) assert.throws(encode({ clockRateHz }), RangeError);
});

test("decodeMediaHeader refuses by status what crosses the metadata limits, and says where the frames start", () => {
  const writer = new Writer();
  encodeMediaHeader(writer, header({ metadata: [["a", "x".repeat(20_000)]] }));
  const decoded = decodeMediaHeader(writer.bytes, 1, writer.length);
  assert.equal(decoded?.refused, "RESOURCE_EXHAUSTED");
  assert.equal(decoded?.end, writer.length);
  assert.equal(decoded?.name, "camera");
});

test("decodeMediaHeader refuses an absurd length before it waits for it", () => {
  const bytes = new Writer().u8(4).varint(1 << 20).view();
  assert.throws(
    () => decodeMediaHeader(bytes, 1, bytes.length),
    (error) => error instanceof EchoStreamError && error.code === "PROTOCOL_VIOLATION",
  );
});
