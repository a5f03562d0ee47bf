import assert from "node:assert/strict";
import { test } from "node:test";
import { type Faults, Impairment } from "../support/impairment.ts";

const PACKET = new Uint8Array(1_000);

/** When a packet of each of `count` milliseconds leaves, `undefined` for those that are lost. */
function pass(faults: Faults, count = 20_000, seed = 7): (number | undefined)[] {
  const impairment = new Impairment(seed, { delayMs: 25, ...faults });
  return Array.from({ length: count }, (_, ms) => impairment.pass(PACKET, ms)[0]?.dueMs);
}

/** In `parts` of a thousand, how many of them hold. */
function perMille(values: readonly unknown[], holds: (value: unknown) => boolean): number {
  return 1000 * values.filter(holds).length / values.length;
}

test("Impairment decides the same for the same seed, and otherwise for another", () => {
  const bad = { jitterMs: 3, drop: 0.02, reorder: 0.01 };
  assert.deepEqual(pass(bad), pass(bad));
  assert.notDeepEqual(pass(bad), pass(bad, 20_000, 8));
});

test("Impairment without faults lets everything pass at once and unchanged", () => {
  const impairment = new Impairment(7);
  const packet = Uint8Array.of(1, 2, 3);
  assert.deepEqual(impairment.pass(packet, 5), [{ dueMs: 5, bytes: packet }]);
  assert.equal(impairment.counts.passed, 1);
});

test("Impairment loses the share of packets it is told, each on its own", () => {
  const lost = pass({ drop: 0.1 }, 100_000).map((dueMs) => dueMs === undefined);
  const share = perMille(lost, Boolean);
  assert.ok(share > 95 && share < 105, `${share} of 1000`);
  const pairs = perMille(lost.map((isLost, n) => isLost && lost[n + 1]), Boolean);
  assert.ok(pairs > 8 && pairs < 12, `${pairs} of 1000 in a row`);
});

test("Impairment loses the share of packets it is told, so many in a row on average", () => {
  const lost = pass({ drop: 0.02, meanBurst: 2 }, 200_000).map((dueMs) => dueMs === undefined);
  const share = perMille(lost, Boolean);
  assert.ok(share > 17 && share < 23, `${share} of 1000`);
  const bursts = lost.filter((isLost, n) => isLost && !lost[n - 1]).length;
  const mean = lost.filter(Boolean).length / bursts;
  assert.ok(mean > 1.8 && mean < 2.2, `${mean} in a row`);
});

test("Impairment adds jitter of the mean it is told and keeps the order of packets", () => {
  const due = pass({ jitterMs: 3 }, 200_000) as number[];
  assert.ok(due.every((dueMs, n) => n === 0 || dueMs >= due[n - 1]!));
  const mean = due.reduce((sum, dueMs, n) => sum + dueMs - n - 25, 0) / due.length;
  assert.ok(mean > 2.9 && mean < 4, `mean ${mean}`);
});

test("Impairment lets the share of packets it is told be overtaken", () => {
  const due = pass({ reorder: 0.1 }) as number[];
  const overtaken = due.filter((dueMs, n) => due[n + 1] !== undefined && due[n + 1]! < dueMs).length;
  assert.ok(overtaken > 0.07 * due.length && overtaken < 0.11 * due.length, `${overtaken} of ${due.length}`);
});

test("Impairment follows a path that becomes longer and shorter again, without overtaking", () => {
  const impairment = new Impairment(1, { delayMs: (nowMs) => (nowMs < 10 || nowMs >= 20 ? 5 : 50) });
  const due = [0, 9, 10, 19, 20, 63, 64, 65].map((ms) => impairment.pass(PACKET, ms)[0]?.dueMs);
  assert.deepEqual(due, [5, 14, 60, 69, 69, 69, 69, 70]);
});

test("Impairment lets a bottleneck carry its rate, and loses what finds its queue full", () => {
  const impairment = new Impairment(1, { rateBytesPerS: 100_000, queuePackets: 3, delayMs: 20 });
  const due = Array.from({ length: 5 }, () => impairment.pass(PACKET, 0)[0]?.dueMs);
  // A packet of 1,000 bytes takes 10 ms.
  assert.deepEqual(due, [30, 40, 50, undefined, undefined]);
  assert.deepEqual(impairment.pass(PACKET, 10).map(({ dueMs }) => dueMs), [60]);
  assert.deepEqual(impairment.pass(PACKET, 100).map(({ dueMs }) => dueMs), [130]);
  const { passed, dropped, overflowed } = impairment.counts;
  assert.deepEqual([passed, dropped, overflowed], [5, 2, 2]);
});

test("Impairment changes one bit, cuts the end off, and sends twice, as often as it is told", () => {
  const bits = (bytes: Uint8Array): number =>
    bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  const corrupting = new Impairment(3, { corrupt: 1 }).pass(PACKET, 0);
  assert.deepEqual(corrupting.map(({ bytes }) => [bytes.length, bits(bytes)]), [[1_000, 1]]);
  const shorter = new Impairment(3, { truncate: 1 }).pass(PACKET, 0)[0]!.bytes.length;
  assert.ok(shorter >= 1 && shorter <= 1_000, `${shorter} bytes`);
  const twice = new Impairment(3, { duplicate: 0.5 });
  const copies = Array.from({ length: 1_000 }, (_, ms) => twice.pass(PACKET, ms).length);
  const share = perMille(copies, (count) => count === 2);
  assert.ok(share > 450 && share < 550, `${share} of 1000`);
  assert.equal(twice.counts.duplicated, copies.filter((count) => count === 2).length);
});

test("Impairment loses packets that are too long for the path", () => {
  const impairment = new Impairment(1, { mtuBytes: 1_000 });
  const passed = [999, 1_000, 1_001].map((length) => impairment.pass(new Uint8Array(length), 0).length);
  assert.deepEqual(passed, [1, 1, 0]);
});

test("Impairment lets nothing pass while it is cut", () => {
  const impairment = new Impairment(1);
  impairment.cut = true;
  assert.deepEqual(impairment.pass(PACKET, 0), []);
  impairment.cut = false;
  assert.equal(impairment.pass(PACKET, 1).length, 1);
});
