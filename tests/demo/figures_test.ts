import assert from "node:assert/strict";
import { test } from "node:test";
import { clockErrors, clockFigures, percentile, skewAgainst, streamFigures } from "../../demo/stream/figures.ts";
import type { ClockSample, FrameRecord, StreamRecord } from "../../demo/stream/report_data.ts";

const stream = (frames: readonly FrameRecord[]): StreamRecord => ({ name: "s", description: "", frames });
const played = (capturedMs: number, delayMs: number): FrameRecord => ({
  capturedMs,
  arrivedMs: capturedMs + delayMs / 2,
  playedMs: capturedMs + delayMs,
  fate: "played",
});

test("percentile takes the nearest rank, and is NaN of nothing", () => {
  assert.equal(percentile([3, 1, 2], 0.5), 2);
  assert.equal(percentile([3, 1, 2], 0.99), 3);
  assert.equal(percentile([3, 1, 2], 0), 1);
  assert.equal(percentile([], 0.5), NaN);
});

test("streamFigures counts every frame by its fate and measures those that have the times", () => {
  const figures = streamFigures(stream([
    played(0, 40),
    played(20, 60),
    { capturedMs: 40, arrivedMs: 140, fate: "late" },
    { capturedMs: 60, fate: "lost" },
  ]));
  assert.equal(figures.sent, 4);
  assert.deepEqual(figures.count, { played: 2, late: 1, lost: 1, discarded: 0 });
  assert.deepEqual([figures.arrivalP50Ms, figures.arrivalP99Ms], [30, 100]);
  assert.deepEqual([figures.delayP50Ms, figures.delayP99Ms], [40, 60]);
});

test("skewAgainst compares with the master's delay at the same time of capture, in line between its frames", () => {
  const master = stream([played(0, 50), played(20, 70)]);
  const other = stream([played(0, 50), played(5, 56), played(20, 67)]);
  assert.deepEqual(skewAgainst(master, other), [[0, 0], [5, 1], [20, -3]]);
});

test("skewAgainst leaves out what the master has no frames around", () => {
  const master = stream([played(10, 50), { capturedMs: 20, fate: "lost" }, played(30, 50)]);
  const other = stream([played(0, 50), played(20, 50), played(40, 50)]);
  assert.deepEqual(skewAgainst(master, other), [[20, 0]]);
  assert.deepEqual(skewAgainst(stream([]), other), []);
});

test("clockFigures leaves out what was before the first estimate, and allows the truth its own error", () => {
  const sample = (atMs: number, errorUs: number, errorBoundUs: number): ClockSample => ({
    atMs,
    offsetUs: 1000 + errorUs,
    trueOffsetUs: 1000,
    errorBoundUs,
    uncertaintyUs: 1,
  });
  const clock = [
    sample(0, 900, Infinity),
    sample(1, -40, 100),
    sample(2, 10, 100),
    sample(3, 105, 100),
    sample(4, 30, 20),
  ];
  assert.deepEqual(clockErrors(clock).map(([ms]) => ms), [1, 2, 3, 4]);
  assert.deepEqual(clockFigures(clock, 5), { errorP50Us: 30, errorP99Us: 105, boundHolds: 0.75 });
});
