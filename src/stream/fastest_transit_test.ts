import assert from "node:assert/strict";
import { test } from "node:test";
import { FastestTransit } from "./fastest_transit.ts";

test("FastestTransit hands on the fastest of each tenth of a second", () => {
  const picked: [number, number][] = [];
  const fastest = new FastestTransit((departureUs, arrivalUs) => picked.push([departureUs, arrivalUs]));
  for (let n = 0; n < 30; n++) {
    const queueUs = n % 10 === 7 ? 0 : 1_000;
    fastest.observe(5_000_000 + n * 10_000, 200_000 + n * 10_000 + queueUs);
  }
  assert.deepEqual(picked, [[5_070_000, 270_000], [5_170_000, 370_000]]);
});
