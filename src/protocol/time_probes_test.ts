import assert from "node:assert/strict";
import { test } from "node:test";
import { TimeProbes } from "./time_probes.ts";

test("TimeProbes sends 8 probes within 200 ms, then 4 a second while streams flow, and one in 2 s otherwise", () => {
  const probes = new TimeProbes(1_000);
  const leave = (): number => {
    const nowUs = probes.nextProbeUs();
    probes.send(nowUs, 0);
    return nowUs;
  };
  const burst = Array.from({ length: 8 }, leave);
  assert.equal(burst[0], 1_000);
  assert.ok(burst[7]! - burst[0]! <= 200_000);
  assert.equal(leave() - burst[7]!, 2_000_000);
  probes.setActive(true, burst[7]! + 2_100_000);
  assert.equal(probes.nextProbeUs(), burst[7]! + 2_350_000);
  assert.equal(leave(), burst[7]! + 2_350_000);
  assert.equal(leave(), burst[7]! + 2_600_000);
  probes.restart(burst[7]! + 2_700_000);
  const again = Array.from({ length: 8 }, leave);
  assert.equal(again[0], burst[7]! + 2_700_000);
  assert.ok(again[7]! - again[0]! <= 200_000);
});

test("TimeProbes sends 10 probes a second while streams flow and the clock is not known well", () => {
  const probes = new TimeProbes(0);
  for (let n = 0; n < 8; n++) probes.send(n, 0);
  probes.setActive(true, 1_000, true);
  assert.equal(probes.nextProbeUs(), 101_000);
  probes.send(101_000, 0);
  assert.equal(probes.nextProbeUs(), 201_000);
  probes.setActive(true, 150_000);
  probes.send(201_000, 0);
  assert.equal(probes.nextProbeUs(), 451_000);
});

test("TimeProbes gives the stamps of the probe that is answered, with the departure the socket reports", () => {
  const probes = new TimeProbes(0);
  const first = probes.send(100, 7);
  const second = probes.send(200, 8);
  probes.onDeparture(second.sequence, 230);
  assert.deepEqual(probes.onAnswer({ sequence: 1, nonce: 8, t2: 50, t3: 60 }, 900), {
    t1: 230,
    t2: 50,
    t3: 60,
    t4: 900,
  });
  assert.deepEqual(probes.onAnswer({ sequence: 0, nonce: 7, t2: 51, t3: 61 }, 950), {
    t1: 100,
    t2: 51,
    t3: 61,
    t4: 950,
  });
  assert.equal(first.sequence, 0);
  assert.equal(probes.ignored, 0);
});

test("TimeProbes ignores and counts answers that are forged, replayed or to nothing", () => {
  const probes = new TimeProbes(0);
  probes.send(100, 7);
  assert.equal(probes.onAnswer({ sequence: 0, nonce: 6, t2: 0, t3: 0 }, 200), undefined);
  assert.equal(probes.onAnswer({ sequence: 9, nonce: 7, t2: 0, t3: 0 }, 200), undefined);
  assert.ok(probes.onAnswer({ sequence: 0, nonce: 7, t2: 0, t3: 0 }, 200));
  assert.equal(probes.onAnswer({ sequence: 0, nonce: 7, t2: 0, t3: 0 }, 200), undefined);
  assert.equal(probes.ignored, 3);
});

test("TimeProbes forgets a probe that never left, and all but the last 16", () => {
  const probes = new TimeProbes(0);
  probes.send(0, 1);
  probes.onDeparture(0, 0);
  assert.equal(probes.onAnswer({ sequence: 0, nonce: 1, t2: 0, t3: 0 }, 10), undefined);
  for (let i = 1; i <= 17; i++) probes.send(i, 1);
  assert.equal(probes.onAnswer({ sequence: 1, nonce: 1, t2: 0, t3: 0 }, 20), undefined);
  assert.ok(probes.onAnswer({ sequence: 2, nonce: 1, t2: 0, t3: 0 }, 20));
});
