import assert from "node:assert/strict";
import { test } from "node:test";
import { ArrivalWindow } from "./arrival_window.ts";

test("ArrivalWindow takes every sequence once, in any order", () => {
  const window = new ArrivalWindow();
  assert.deepEqual([2, 0, 2, 5, 1, 0].map((sequence) => window.add(sequence)), [true, true, false, true, true, false]);
  assert.deepEqual([window.expected, window.received, window.missing], [6, 4, 2]);
  assert.deepEqual([3, 4, 5, 6].map((sequence) => window.has(sequence)), [false, false, true, false]);
});

test("ArrivalWindow goes on when sequences wrap around", () => {
  const window = new ArrivalWindow();
  window.add(0x7fff_ffff);
  window.add(0xffff_fffe);
  assert.equal(window.add(1), true);
  assert.equal(window.expected, 0x1_0000_0002);
  assert.deepEqual([window.add(0xffff_ffff), window.add(0), window.add(0xffff_fffe)], [true, true, false]);
});

test("ArrivalWindow takes what is too old for having arrived, and forgets the past after a gap of millions", () => {
  const window = new ArrivalWindow();
  window.add(0);
  window.add(50_000_000);
  assert.deepEqual([window.has(0), window.has(1), window.has(49_999_999)], [true, true, false]);
  assert.equal(window.missing, 49_999_999);
  assert.equal(window.add(49_999_999), true);
});

test("ArrivalWindow unwraps a count of frames", () => {
  const window = new ArrivalWindow();
  window.add(0x7fff_ffff);
  window.add(0xffff_ffff);
  assert.equal(window.unwrapCount(3), 0x1_0000_0003);
  assert.equal(new ArrivalWindow().unwrapCount(0), 0);
});
