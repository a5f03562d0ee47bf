import assert from "node:assert/strict";
import { test } from "node:test";
import { delayMsAt, networkPhases } from "../../demo/stream/network_path.ts";

test("the path is longer for a quarter of a run, and as long as before after it", () => {
  const phases = networkPhases(20_000);
  assert.deepEqual([-1, 7_999, 8_000, 12_999, 13_000, 99_000].map((ms) => delayMsAt(phases, ms)), [
    25,
    25,
    145,
    145,
    25,
    25,
  ]);
  assert.deepEqual(phases.map(({ fromMs, toMs }) => [fromMs, toMs]), [[0, 8_000], [8_000, 13_000], [13_000, 20_000]]);
});
