import assert from "node:assert/strict";
import { test } from "node:test";
import { TimingTrace } from "./timing_trace.ts";

/** `sequence outcome` of each row. */
function outcomes(trace: TimingTrace): string[] {
  return [...trace].map(({ sequence, outcome }) => `${sequence} ${outcome}`);
}

test("TimingTrace records what became of each frame", () => {
  const trace = new TimingTrace();
  trace.arrived(0, 3_000, 70_000, 100_000, 160);
  trace.arrived(2, 9_000, NaN, 140_000, 80);
  trace.played(0, 140_000, 40_000);
  trace.missed("lost", 1, 1, 161_000, 41_000);
  assert.deepEqual([...trace], [
    {
      sequence: 0,
      timestamp: 3_000,
      captureUs: 70_000,
      arrivalUs: 100_000,
      playoutUs: 140_000,
      outcome: "played",
      bytes: 160,
      delayUs: 40_000,
    },
    {
      sequence: 2,
      timestamp: 9_000,
      captureUs: NaN,
      arrivalUs: 140_000,
      playoutUs: NaN,
      outcome: "waiting",
      bytes: 80,
      delayUs: NaN,
    },
    {
      sequence: 1,
      timestamp: NaN,
      captureUs: NaN,
      arrivalUs: NaN,
      playoutUs: 161_000,
      outcome: "lost",
      bytes: 0,
      delayUs: 41_000,
    },
  ]);
});

test("TimingTrace calls a frame late that arrives after it was given up as lost", () => {
  const trace = new TimingTrace();
  trace.missed("lost", 7, 1, 60_000, 0);
  trace.arrived(7, 21_000, NaN, 65_000, 10);
  assert.deepEqual(outcomes(trace), ["7 late"]);
  assert.equal([...trace][0]!.arrivalUs, 65_000);
});

test("TimingTrace overwrites the oldest frames, and a gap larger than itself costs no more than its size", () => {
  const trace = new TimingTrace({ capacity: 3 });
  for (let n = 0; n < 5; n++) trace.arrived(n, n, NaN, n, 1);
  assert.deepEqual(outcomes(trace), ["2 waiting", "3 waiting", "4 waiting"]);
  assert.equal(trace.overwritten, 2);
  trace.missed("lost", 0xffff_fffe, 0xffff_ffff, 0, 0);
  assert.deepEqual(outcomes(trace), ["4294967290 lost", "4294967291 lost", "4294967292 lost"]);
});

test("TimingTrace keeps clock samples beside the frames, and all of it as JSON", () => {
  const trace = new TimingTrace({ clockCapacity: 2 });
  for (let n = 0; n < 3; n++) trace.clockSample(n, 10 * n, n === 2 ? Infinity : 5);
  trace.arrived(0, 0, NaN, 1_000, 3);
  assert.deepEqual(JSON.parse(JSON.stringify(trace)), {
    frames: {
      sequence: [0],
      timestamp: [0],
      captureUs: [null],
      arrivalUs: [1_000],
      playoutUs: [null],
      outcome: ["waiting"],
      bytes: [3],
      delayUs: [null],
    },
    clock: { atUs: [1, 2], offsetUs: [10, 20], errorBoundUs: [5, null] },
    overwritten: 0,
  });
});

test("TimingTrace refuses a capacity that is none", () => {
  for (const capacity of [0, 1.5, NaN, 2 ** 25]) assert.throws(() => new TimingTrace({ capacity }), RangeError);
});
