import assert from "node:assert/strict";
import { test } from "node:test";
import { captureTimeUs } from "./capture_time.ts";

test("captureTimeUs counts from the reference, forwards and backwards", () => {
  const reference = { timestamp: 90_000, senderUs: 5_000_000 };
  assert.equal(captureTimeUs(93_000, reference, 90_000, false), 5_033_333);
  assert.equal(captureTimeUs(0, reference, 90_000, false), 4_000_000);
  assert.ok(Number.isNaN(captureTimeUs(0, undefined, 90_000, false)));
});

test("captureTimeUs takes timestamps across the end of their 32 bits", () => {
  const reference = { timestamp: 0xffff_fff0, senderUs: 1_000_000 };
  assert.equal(captureTimeUs(0x10, reference, 1_000, true), 1_032_000);
  assert.equal(captureTimeUs(0xffff_ffe0, { timestamp: 0x10, senderUs: 1_000_000 }, 1_000, true), 952_000);
});
