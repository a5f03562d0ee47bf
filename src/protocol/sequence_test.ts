import assert from "node:assert/strict";
import { test } from "node:test";
import { isAfter, nextSequence, sequenceDistance, unwrapSequence } from "./sequence.ts";

test("Sequences wrap around at 2^32", () => {
  assert.equal(nextSequence(0xffff_ffff), 0);
  assert.equal(sequenceDistance(0xffff_ffff, 1), 2);
  assert.equal(sequenceDistance(1, 0xffff_ffff), -2);
  assert.ok(isAfter(0, 0xffff_ffff));
  assert.ok(!isAfter(0xffff_ffff, 0));
  assert.ok(!isAfter(5, 5));
});

test("unwrapSequence follows a stream across several wraps, in both directions", () => {
  assert.equal(unwrapSequence(3, 0), 3);
  assert.equal(unwrapSequence(1, 0xffff_fffe), 0x1_0000_0001);
  assert.equal(unwrapSequence(0xffff_ffff, 0x3_0000_0002), 0x2_ffff_ffff);
  assert.equal(unwrapSequence(0xffff_ffff, 0), 0xffff_ffff);
});
