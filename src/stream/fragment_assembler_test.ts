import assert from "node:assert/strict";
import { test } from "node:test";
import type { MediaFragment } from "../protocol/media_fragment.ts";
import { FragmentAssembler } from "./fragment_assembler.ts";
import { WindowPool } from "./window_pool.ts";

function assembler(limitBytes = 1 << 20, maxFrameBytes = 1 << 20): { frames: FragmentAssembler; pool: WindowPool } {
  const pool = new WindowPool(limitBytes);
  return { frames: new FragmentAssembler({ maxFrameBytes, maxAgeUs: 400_000, pool }), pool };
}

function fragment(sequence: number, index: number, count: number, bytes = 1_000): MediaFragment {
  return { packet: 0, sequence, index, count, timestamp: sequence * 100, payload: new Uint8Array(bytes).fill(index) };
}

test("FragmentAssembler puts a frame together whatever the order, and counts a fragment once", () => {
  const { frames } = assembler();
  for (const index of [2, 0, 2, 0]) assert.equal(frames.insert(fragment(1, index, 3), 0), undefined);
  const whole = frames.insert(fragment(1, 1, 3), 0);
  assert.deepEqual([whole?.length, whole?.[0], whole?.[1_500], whole?.[2_999]], [3_000, 0, 1, 2]);
  assert.deepEqual([frames.length, frames.heldBytes], [0, 0]);
});

test("FragmentAssembler gives up incomplete frames by age", () => {
  const { frames } = assembler();
  frames.insert(fragment(1, 0, 2), 0);
  frames.insert(fragment(2, 0, 2), 200_000);
  assert.equal(frames.insert(fragment(1, 1, 2), 400_000), undefined);
  assert.equal(frames.insert(fragment(2, 1, 2), 400_000)?.length, 2_000);
});

test("FragmentAssembler drops fragments that contradict others", () => {
  const { frames } = assembler();
  frames.insert(fragment(1, 0, 2), 0);
  assert.equal(frames.insert(fragment(1, 1, 3), 0), undefined);
  assert.equal(frames.insert({ ...fragment(1, 1, 2), timestamp: 7 }, 0), undefined);
  assert.equal(frames.insert(fragment(1, 1, 2), 0)?.length, 2_000);
});

test("FragmentAssembler holds no more than it may, the oldest frames go first, and everything is given back", () => {
  const { frames, pool } = assembler(100_000);
  for (let sequence = 0; sequence < 10_000; sequence++) {
    frames.insert(fragment(sequence, 1_023, 1_024), sequence);
    frames.insert(fragment(sequence, 5, 1_024), sequence);
  }
  assert.ok(frames.length <= 64 && frames.heldBytes <= 64 * 1024 + 100_000, `${frames.length}, ${frames.heldBytes}`);
  assert.equal(frames.insert(fragment(10_000, 0, 2), 10_000), undefined);
  assert.equal(frames.insert(fragment(10_000, 1, 2), 10_000)?.length, 2_000);
  frames.clear();
  assert.deepEqual([frames.heldBytes, pool.takenBytes], [0, 0]);
});

test("FragmentAssembler drops a frame that is larger than allowed", () => {
  const { frames } = assembler(1 << 20, 1_500);
  frames.insert(fragment(1, 0, 2), 0);
  assert.equal(frames.insert(fragment(1, 1, 2), 0), undefined);
  assert.equal(frames.length, 0);
});
