import assert from "node:assert/strict";
import { test } from "node:test";
import { ClockPath, type ClockPathOptions } from "../../tests/support/clock_path.ts";
import { ClockFilter } from "./clock_filter.ts";

/** Four probes a second and, with media, the fastest of ten frames every tenth of a second, in the order of arrival. */
function follow(
  filter: ClockFilter,
  options: Omit<ClockPathOptions, "seed">,
  seed: number,
  seconds: number,
  withMedia: boolean,
): number[] {
  const path = new ClockPath({ seed, ...options });
  const arrivals = path.probes(4 * seconds, 250).map((probe) => ({ ...probe, isProbe: true }));
  if (withMedia) {
    const frames = new ClockPath({ seed: seed + 1_000, ...options }).probes(100 * seconds, 10);
    for (let n = 0; n + 10 <= frames.length; n += 10) {
      const fastest = frames.slice(n, n + 10).reduce((a, b) => (b.t4 - b.t3 < a.t4 - a.t3 ? b : a));
      // What is stamped before it leaves is as fast at most.
      arrivals.push({ ...fastest, t3: fastest.t3 - n % 150, isProbe: false });
    }
  }
  const errorsUs: number[] = [];
  for (const arrival of arrivals.sort((a, b) => a.t4 - b.t4)) {
    if (!arrival.isProbe) filter.insertTransit(arrival.t3, arrival.t4);
    else filter.insert(arrival);
    const errorUs = Math.abs(filter.offsetUs(arrival.t4) - path.offsetUs(arrival.t4));
    const boundUs = filter.errorBoundUs(arrival.t4);
    assert.ok(errorUs <= boundUs, `seed ${seed}: ${errorUs} of ${boundUs} µs after ${arrival.t4} µs`);
    if (arrival.isProbe && arrival.t1 > 5e6) errorsUs.push(errorUs);
  }
  return errorsUs.sort((a, b) => a - b);
}

test("ClockFilter knows more with media that is stamped as it is sent, where queues stand in its way, and its bound holds", () => {
  const withoutUs: number[] = [];
  const withUs: number[] = [];
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const options = { backQueueUs: 20_000, burstRate: 0.3 };
    const probed = new ClockFilter();
    withoutUs.push(...follow(probed, options, seed, 60, false));
    const tightened = new ClockFilter();
    withUs.push(...follow(tightened, options, seed, 60, true));
    assert.ok(tightened.errorBoundUs(60e6) < probed.errorBoundUs(60e6));
    assert.equal(tightened.probes, probed.probes);
  }
  const median = (valuesUs: number[]): number => valuesUs.sort((a, b) => a - b)[valuesUs.length >> 1]!;
  assert.ok(median(withUs) < median(withoutUs), `${median(withUs)} and ${median(withoutUs)} µs`);
});

test("ClockFilter takes no media before probes or long after them, and none that contradicts them", () => {
  const filter = new ClockFilter();
  assert.equal(filter.insertTransit(5_000_000, 100), false);
  const path = new ClockPath({ seed: 1 });
  for (const probe of path.probes(40, 250)) filter.insert(probe);
  const offsetUs = filter.offsetUs(10e6);
  assert.equal(filter.insertTransit(10.1e6 + path.offsetUs(10.1e6) + 30_000, 10.1e6), false);
  assert.equal(filter.insertTransit(NaN, 10.1e6), false);
  assert.equal(filter.insertTransit(-1, 10.1e6), false);
  assert.equal(filter.insertTransit(25e6 + path.offsetUs(25e6) - 5_000, 25e6), false);
  assert.equal(filter.state(25e6), "holdover");
  assert.ok(Math.abs(filter.offsetUs(10e6) - offsetUs) < 1);
});
