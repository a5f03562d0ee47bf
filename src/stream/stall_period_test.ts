import assert from "node:assert/strict";
import { test } from "node:test";
import { PlayoutMoment } from "./playout_moment.ts";
import { StallPeriod } from "./stall_period.ts";

/** A frame arrives over the fastest path at each of `stalls`, and the next one so much later than it should. */
function stalled(...stalls: (readonly [atUs: number, lengthUs: number])[]): StallPeriod {
  const period = new StallPeriod();
  for (const [atUs, lengthUs] of stalls) {
    period.observe(moment({ nowUs: atUs, transitUs: 30_000 }));
    period.observe(moment({ nowUs: atUs + lengthUs, transitUs: 30_000 + lengthUs }));
  }
  return period;
}

function moment(known: Partial<PlayoutMoment>): PlayoutMoment {
  return Object.assign(new PlayoutMoment(), known);
}

test("StallPeriod foretells the fourth of stalls at equal distances", () => {
  const three = [[1_000_000, 200_000], [5_500_000, 90_000], [12_000_000, 300_000]] as const;
  assert.equal(stalled(...three).nextUs, Infinity);
  const stalls = stalled(...three, [23_050_000, 250_000]);
  assert.equal(stalls.nextUs, 34_075_000);
  assert.equal(stalls.nextLengthUs, 250_000);
});

test("StallPeriod trusts itself as far as it was right", () => {
  const stalls = stalled([0, 200_000], [10e6, 200_000], [20e6, 200_000]);
  assert.equal(stalls.confidence, 1);
  stalls.advance(moment({ nowUs: 31_000_000 }));
  assert.equal(stalls.nextUs, Infinity);
  assert.equal(stalls.confidence, 2 / 3);
});

test("StallPeriod does not foretell short stalls, nor stalls at changing distances", () => {
  assert.equal(stalled(...[0, 10, 20, 30].map((second) => [second * 1e6, 70_000] as const)).nextUs, Infinity);
  assert.equal(stalled(...[0, 3, 8, 15, 29].map((second) => [second * 1e6, 200_000] as const)).nextUs, Infinity);
});
