import assert from "node:assert/strict";
import { test } from "node:test";
import { ClockPath, type ClockPathOptions, type SampledProbe } from "../../tests/support/clock_path.ts";
import { ClockFilter } from "./clock_filter.ts";

interface Sample {
  readonly probe: SampledProbe;
  readonly filter: ClockFilter;
  readonly errorUs: number;
}

/** Run a filter over 300 s of probes, 5 a second, and look at it after each. */
function follow(options: ClockPathOptions, look: (sample: Sample) => void): void {
  const filter = new ClockFilter();
  for (const probe of new ClockPath(options).probes(1_500, 200)) {
    assert.equal(filter.insert(probe), "used", `seed ${options.seed}`);
    look({ probe, filter, errorUs: filter.offsetUs(probe.t4) - probe.trueOffsetUs });
  }
}

test("ClockFilter knows nothing before the first probe", () => {
  const filter = new ClockFilter();
  assert.equal(filter.state(0), "unsynchronized");
  assert.equal(filter.offsetUs(0), 0);
  assert.equal(filter.errorBoundUs(0), Infinity);
  assert.equal(filter.uncertaintyUs(0), Infinity);
  assert.equal(filter.roundTripTimeUs, 0);
});

test("ClockFilter takes half of the first round trip for the bound", () => {
  const filter = new ClockFilter();
  filter.insert({ t1: 1_000, t2: 501_000, t3: 501_100, t4: 3_100 });
  assert.equal(filter.roundTripTimeUs, 2_000);
  assert.equal(filter.state(3_100), "converging");
  assert.ok(Math.abs(filter.offsetUs(3_100) - 499_000) < 20);
  assert.ok(filter.errorBoundUs(3_100) >= 1_000 && filter.errorBoundUs(3_100) < 1_050);
});

test("ClockFilter is synchronized by a burst of 8 on a quiet path and holds over after 10 s of silence", () => {
  const filter = new ClockFilter();
  const probes = new ClockPath({ seed: 1, burstRate: 0 }).probes(8, 28);
  for (const probe of probes) filter.insert(probe);
  const lastUs = probes.at(-1)!.t4;
  assert.equal(filter.state(lastUs), "synchronized");
  assert.equal(filter.state(lastUs + 10_000_000), "synchronized");
  assert.equal(filter.state(lastUs + 10_000_001), "holdover");
  assert.ok(filter.errorBoundUs(lastUs + 10_000_000) > filter.errorBoundUs(lastUs));
  assert.ok(filter.uncertaintyUs(lastUs + 10_000_000) > filter.uncertaintyUs(lastUs));
});

test("ClockFilter finds offset and drift behind bursty queues", () => {
  for (const seed of [1, 2, 3, 4]) {
    follow({ seed, driftPpm: -45 + 30 * seed }, ({ probe, filter, errorUs }) => {
      if (probe.t4 > 10e6) assert.ok(Math.abs(errorUs) < 250, `seed ${seed}, ${probe.t4} µs: ${errorUs}`);
      if (probe.t4 > 90e6) {
        assert.ok(Math.abs(filter.driftPpm - probe.trueDriftPpm) < 4, `seed ${seed}: ${filter.driftPpm}`);
      }
    });
  }
});

test("ClockFilter knows the drift after a minute where scheduling leaves no transit the fastest", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const filter = new ClockFilter();
    const probes = new ClockPath({ seed, schedulingUs: 500, thereUs: 3_000, backUs: 3_000 }).probes(240, 250);
    for (const probe of probes) filter.insert(probe);
    const errorPpm = filter.driftPpm - probes.at(-1)!.trueDriftPpm;
    assert.ok(Math.abs(errorPpm) < 5, `seed ${seed}: ${errorPpm}`);
  }
});

test("ClockFilter is right where every one of the last probes was held up", () => {
  const path = new ClockPath({ seed: 5 });
  const filter = new ClockFilter();
  for (const probe of path.probes(300, 200)) filter.insert(probe);
  const congested = new ClockPath({ seed: 6, thereUs: 45_000 });
  for (const probe of congested.probes(50, 200, 60_000)) {
    filter.insert(probe);
    const errorUs = filter.offsetUs(probe.t4) - probe.trueOffsetUs;
    assert.ok(Math.abs(errorUs) < 1_000, `${probe.t4} µs: ${errorUs}`);
  }
});

test("ClockFilter keeps the truth within its bound on the most asymmetric paths", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const [thereUs, backUs] = seed % 2 === 0 ? [0, 9_000] : [9_000, 0];
    let outside = 0;
    follow({ seed, thereUs, backUs, wanderPpm: 5 }, ({ probe, filter, errorUs }) => {
      if (Math.abs(errorUs) > filter.errorBoundUs(probe.t4)) outside++;
    });
    assert.ok(outside <= 1, `seed ${seed}: ${outside} of 1500 outside`);
  }
});

test("ClockFilter's uncertainty covers most errors of a symmetric path, and its bound is near half the round trip", () => {
  let within = 0;
  let total = 0;
  for (const seed of [1, 2, 3, 4]) {
    follow({ seed }, ({ probe, filter, errorUs }) => {
      if (probe.t4 < 20e6) return;
      total++;
      if (Math.abs(errorUs) <= filter.uncertaintyUs(probe.t4)) within++;
      assert.ok(filter.errorBoundUs(probe.t4) < 5_000 + 600, `seed ${seed}`);
    });
  }
  assert.ok(within / total > 0.5, `${within} of ${total}`);
});

test("ClockFilter takes probes that took no time at all, as on a network in memory", () => {
  const filter = new ClockFilter();
  for (let t = 0; t < 8; t++) {
    assert.equal(filter.insert({ t1: t * 28_000, t2: t * 28_000 + 500, t3: t * 28_000 + 500, t4: t * 28_000 }), "used");
  }
  assert.equal(filter.state(200_000), "synchronized");
  assert.ok(Math.abs(filter.offsetUs(200_000) - 500) <= filter.errorBoundUs(200_000));
});

test("ClockFilter ignores impossible stamps and a single liar", () => {
  const filter = new ClockFilter();
  const probes = new ClockPath({ seed: 7 }).probes(20, 200);
  for (const probe of probes) filter.insert(probe);
  const last = probes.at(-1)!;
  const before = filter.offsetUs(last.t4);
  assert.equal(filter.insert({ ...last, t4: last.t1 - 1 }), "ignored");
  assert.equal(filter.insert({ ...last, t3: last.t2 - 1 }), "ignored");
  assert.equal(filter.insert({ ...last, t3: last.t2 + 60_000_000 }), "ignored");
  assert.equal(filter.insert({ ...last, t2: NaN }), "ignored");
  assert.equal(filter.insert({ ...last, t2: last.t2 + 3_600e6, t3: last.t3 + 3_600e6 }), "ignored");
  assert.equal(filter.ignored, 5);
  assert.equal(filter.offsetUs(last.t4), before);
});

test("ClockFilter starts again when three probes in a row agree that a clock was set", () => {
  const path = new ClockPath({ seed: 8 });
  const filter = new ClockFilter();
  for (const probe of path.probes(50, 200)) filter.insert(probe);
  path.step(-7_200e6);
  const probes = path.probes(3, 200, 20_000);
  assert.deepEqual(probes.map((probe) => filter.insert(probe)), ["ignored", "ignored", "stepped"]);
  const last = probes.at(-1)!;
  assert.ok(Math.abs(filter.offsetUs(last.t4) - last.trueOffsetUs) <= filter.errorBoundUs(last.t4));
});

test("ClockFilter takes answers that overtook each other, and comes back after hours of silence", () => {
  const path = new ClockPath({ seed: 9 });
  const filter = new ClockFilter();
  const [first, second, ...rest] = path.probes(20, 200);
  for (const probe of [second!, first!, ...rest]) assert.equal(filter.insert(probe), "used");
  const late = path.probes(100, 200, 3 * 3_600_000);
  for (const probe of late) filter.insert(probe);
  const last = late.at(-1)!;
  assert.ok(Math.abs(filter.offsetUs(last.t4) - last.trueOffsetUs) < 500);
});

test("ClockFilter's bound holds from the first probe on, when few slots leave much to chance", () => {
  const paths = [
    { thereUs: 60, backUs: 60, thereQueueUs: 80, backQueueUs: 40, burstRate: 0.3, gapMs: 250 },
    { thereUs: 60, backUs: 60, thereQueueUs: 80, backQueueUs: 40, burstRate: 0.3, gapMs: 2_000 },
    { thereUs: 9_000, backUs: 0, thereQueueUs: 80, backQueueUs: 40, burstRate: 0.3, gapMs: 250 },
    { thereUs: 3_000, backUs: 3_000, thereQueueUs: 80, backQueueUs: 40, burstRate: 0.3, gapMs: 2_000 },
    // Processors that sleep between lone probes, and not within the burst.
    { thereUs: 25, backUs: 70, thereQueueUs: 300, backQueueUs: 700, burstRate: 0, gapMs: 2_000 },
  ];
  for (const { gapMs, ...path } of paths) {
    for (let seed = 1; seed <= 40; seed++) {
      const clocks = { ...path, seed, driftPpm: (37 * seed) % 200 - 100 };
      const later = new ClockPath(clocks);
      const burst = new ClockPath({ ...clocks, thereQueueUs: 80, backQueueUs: 40 });
      const filter = new ClockFilter();
      for (const probe of [...burst.probes(8, 28), ...later.probes(20_000 / gapMs, gapMs, gapMs)]) {
        filter.insert(probe);
        for (const atUs of [probe.t4, probe.t4 + gapMs * 900]) {
          const errorUs = filter.offsetUs(atUs) - later.offsetUs(atUs);
          const boundUs = filter.errorBoundUs(atUs);
          assert.ok(Math.abs(errorUs) <= boundUs, `seed ${seed}, ${gapMs} ms, ${atUs} µs: ${errorUs} of ${boundUs}`);
        }
      }
    }
  }
});

test("ClockFilter's bound holds on a path so short that a clock's course over minutes counts", () => {
  let probes = 0;
  let outside = 0;
  for (const wanderPpm of [0, 2]) {
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const path = { seed, wanderPpm, thereUs: 100, backUs: 100, thereQueueUs: 30, backQueueUs: 30, burstRate: 0.05 };
      follow(path, ({ probe, filter, errorUs }) => {
        probes++;
        if (Math.abs(errorUs) > filter.errorBoundUs(probe.t4)) outside++;
      });
    }
  }
  assert.ok(outside <= 0.001 * probes, `${outside} of ${probes}`);
});
