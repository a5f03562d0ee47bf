import assert from "node:assert/strict";
import { test } from "node:test";
import { frameRecords } from "../../demo/stream/recording.ts";
import { showClock, TrueOffset, watchClock } from "../../demo/stream/true_offset.ts";

test("frameRecords puts the times of both clocks on the receiver's, from the start of the sender on", () => {
  // The sender's clock is 2 s ahead.
  const sent = { startedUs: 5_000_000, capturesUs: { voice: [5_000_000, 5_020_000] } };
  const received = [{ sequence: 1, arrivalUs: 3_050_000, outcome: "played" }] as const;
  assert.deepEqual(frameRecords(sent, "voice", received, new Map([[1, 3_090_000]]), 2_000_000), [
    { capturedMs: 0, arrivedMs: undefined, playedMs: undefined, fate: "lost" },
    { capturedMs: 20, arrivedMs: 50, playedMs: 90, fate: "played" },
  ]);
});

test("frameRecords counts a frame that waits to the end as discarded, and one without an arrival as not arrived", () => {
  const sent = { startedUs: 0, capturesUs: { pose: [0, 1000] } };
  const received = [
    { sequence: 0, arrivalUs: 500, outcome: "waiting" },
    { sequence: 1, arrivalUs: NaN, outcome: "lost" },
  ] as const;
  assert.deepEqual(frameRecords(sent, "pose", received, new Map(), 0).map(({ fate, arrivedMs }) => [fate, arrivedMs]), [
    ["discarded", 0.5],
    ["lost", undefined],
  ]);
});

test("frameRecords of a stream that was never sent is empty", () => {
  assert.deepEqual(frameRecords({ startedUs: 0, capturesUs: {} }, "voice", [], new Map(), 0), []);
});

test("TrueOffset lies within the bounds of every exchange", () => {
  const offset = new TrueOffset();
  assert.equal(offset.offsetUs, NaN);
  offset.insert(100, 1_150, 200);
  assert.deepEqual([offset.offsetUs, offset.errorUs], [1_000, 50]);
  // Slow on the way back, then slow on the way there.
  offset.insert(300, 1_310, 400);
  offset.insert(500, 1_595, 600);
  assert.deepEqual([offset.offsetUs, offset.errorUs], [1_002.5, 7.5]);
});

test("watchClock finds that a clock of this process is its own", async () => {
  const offset = new TrueOffset();
  const shown = await showClock();
  let answered: () => void;
  const answer = new Promise<void>((resolve) => answered = resolve);
  const insert = (...stampsUs: [number, number, number]): void => {
    offset.insert(...stampsUs);
    answered();
  };
  const stop = await watchClock(shown.port, { insert }, 1);
  await answer;
  stop();
  shown.close();
  assert.ok(Math.abs(offset.offsetUs) <= offset.errorUs, `${offset.offsetUs} µs ± ${offset.errorUs}`);
});
