import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ClockPath, type SampledProbe } from "../../tests/support/clock_path.ts";
import { SynchronizedClock } from "./synchronized_clock.ts";

/** A clock on a hand-moved local time. */
function clockAt(startUs: number): { clock: SynchronizedClock; local: { nowUs: number } } {
  const local = { nowUs: startUs };
  return { clock: new SynchronizedClock(() => local.nowUs), local };
}

function feed(clock: SynchronizedClock, local: { nowUs: number }, probes: readonly SampledProbe[]): void {
  for (const probe of probes) {
    local.nowUs = Math.max(local.nowUs, probe.t4);
    clock.insert(probe);
  }
}

test("SynchronizedClock shows local time until it knows better, then the peer's", () => {
  const { clock, local } = clockAt(77);
  assert.equal(clock.nowUs(), 77);
  assert.equal(clock.state, "unsynchronized");
  const path = new ClockPath({ seed: 1 });
  feed(clock, local, path.probes(50, 200));
  assert.equal(clock.state, "synchronized");
  assert.ok(Math.abs(clock.nowUs() - local.nowUs - path.offsetUs(local.nowUs)) < 500);
  assert.ok(Math.abs(clock.offsetUs - path.offsetUs(local.nowUs)) <= clock.errorBoundUs);
});

test("SynchronizedClock, once synchronized, never runs backwards nor faster than its drift and 500 ppm", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.double({ min: -80, max: 80, noNaN: true }),
      (seed, driftPpm) => {
        const { clock, local } = clockAt(0);
        let shownUs: number | undefined;
        let shownAtUs = 0;
        for (const probe of new ClockPath({ seed, driftPpm }).probes(150, 250)) {
          for (const readUs of [probe.t4 - 50_000, probe.t4 - 1, probe.t4]) {
            if (readUs < local.nowUs) continue;
            local.nowUs = readUs;
            if (shownUs !== undefined) checkPace(clock.nowUs() - shownUs, readUs - shownAtUs);
            if (readUs === probe.t4) clock.insert(probe);
            if (clock.state === "synchronized") [shownUs, shownAtUs] = [clock.nowUs(), readUs];
          }
        }
        assert.equal(clock.steps, 0);
      },
    ),
    { numRuns: 30, seed: 4 },
  );
});

/** Drift estimates of the first seconds are off by tens of ppm themselves: 300 ppm are allowed for them. */
function checkPace(shownUs: number, passedUs: number): void {
  const allowedUs = passedUs * 800e-6 + 1;
  assert.ok(shownUs >= 0 && Math.abs(shownUs - passedUs) <= allowedUs, `${shownUs} µs shown in ${passedUs}`);
}

test("SynchronizedClock does not jump at the moment it learns something new", () => {
  const { clock, local } = clockAt(0);
  const probes = new ClockPath({ seed: 2 }).probes(200, 200);
  feed(clock, local, probes.slice(0, 50));
  assert.equal(clock.state, "synchronized");
  for (const probe of probes.slice(50)) {
    local.nowUs = Math.max(local.nowUs, probe.t4);
    const before = clock.nowUs();
    clock.insert(probe);
    assert.ok(Math.abs(clock.nowUs() - before) < 0.01);
  }
});

test("SynchronizedClock converts there and back, before, during and after slewing", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.integer({ min: -5_000_000, max: 20_000_000 }),
      (seed, awayUs) => {
        const { clock, local } = clockAt(0);
        feed(clock, local, new ClockPath({ seed }).probes(20, 200));
        const localUs = local.nowUs + awayUs;
        assert.ok(Math.abs(clock.toLocalUs(clock.toRemoteUs(localUs)) - localUs) < 0.01);
      },
    ),
    { numRuns: 100, seed: 5 },
  );
});

test("SynchronizedClock counts the step of a clock that was set or slept, and is right again after it", () => {
  const { clock, local } = clockAt(0);
  const path = new ClockPath({ seed: 3 });
  feed(clock, local, path.probes(50, 200));
  path.step(-90e6);
  const after = path.probes(20, 200, 20_000);
  feed(clock, local, after);
  assert.equal(clock.steps, 1);
  assert.ok(Math.abs(clock.offsetUs - path.offsetUs(local.nowUs)) < 1_000);
});

test("SynchronizedClock that began while a queue stood in one direction is right within moments of its end", () => {
  const { clock, local } = clockAt(0);
  const path = new ClockPath({ seed: 5 });
  const queued = path.probes(40, 250).map((probe) => ({
    ...probe,
    t2: probe.t2 + 240_000,
    t3: probe.t3 + 240_000,
    t4: probe.t4 + 240_000,
  }));
  feed(clock, local, queued);
  assert.equal(clock.state, "synchronized");
  assert.ok(Math.abs(clock.offsetUs - path.offsetUs(local.nowUs)) > 100_000);
  assert.ok(Math.abs(clock.offsetUs - path.offsetUs(local.nowUs)) < clock.errorBoundUs);
  feed(clock, local, path.probes(4, 250, 11_000));
  assert.ok(
    Math.abs(clock.offsetUs - path.offsetUs(local.nowUs)) < 2_000,
    `${clock.offsetUs - path.offsetUs(local.nowUs)}`,
  );
  assert.equal(clock.steps, 1);
});

test("SynchronizedClock notices that wall clock and monotonic clock moved apart", () => {
  const { clock, local } = clockAt(1_000_000);
  assert.equal(clock.checkWallClock(5e15), false);
  local.nowUs += 1_000_000;
  assert.equal(clock.checkWallClock(5e15 + 1_000_300), false);
  local.nowUs += 1_000_000;
  assert.equal(clock.checkWallClock(5e15 + 602_000_000), true);
  local.nowUs += 1_000_000;
  assert.equal(clock.checkWallClock(5e15 + 603_000_000), false);
});

test("SynchronizedClock keeps the truth within its bound while it slews", () => {
  for (const seed of [1, 2, 3]) {
    const { clock, local } = clockAt(0);
    const path = new ClockPath({ seed });
    for (const probe of path.probes(500, 200)) {
      feed(clock, local, [probe]);
      const errorUs = Math.abs(clock.offsetUs - path.offsetUs(local.nowUs));
      assert.ok(errorUs <= clock.errorBoundUs, `seed ${seed}: ${errorUs}`);
    }
  }
});
