import assert from "node:assert/strict";
import { test } from "node:test";
import { type DelayedMember, GroupDelay } from "./group_delay.ts";

/** One that would play `wantedMs` after capture; media time 0 was captured at the local time `baseMs`. */
function member(wantedMs: number, baseMs = 0): DelayedMember {
  return { wantedUs: (baseMs + wantedMs) * 1000, baseUs: baseMs * 1000, offsetUs: NaN };
}

/** How long after capture each plays, in milliseconds. */
function delaysMs(members: readonly DelayedMember[]): number[] {
  return members.map(({ offsetUs, baseUs }) => (offsetUs - baseUs) / 1000);
}

test("GroupDelay is that of whoever needs most, and nobody plays behind", () => {
  const group = new GroupDelay();
  const members = [member(40, 7_000), member(100), member(NaN)];
  group.advance(members, undefined, 0);
  assert.equal(group.delayUs, 100_000);
  assert.deepEqual(delaysMs(members), [100, 100, NaN]);
});

test("GroupDelay moves by a quarter of the time that passes at most", () => {
  const group = new GroupDelay();
  const members = [member(40), member(40)];
  group.advance(members, undefined, 0);
  members[0]!.wantedUs = 140_000;
  group.advance(members, undefined, 100_000);
  assert.deepEqual(delaysMs(members), [65, 65]);
  group.advance(members, undefined, 1_000_000);
  assert.deepEqual(delaysMs(members), [140, 140]);
});

test("GroupDelay lets a member that joins go the rest of the way with the others", () => {
  const group = new GroupDelay();
  const members = [member(40)];
  group.advance(members, undefined, 0);
  members[0]!.wantedUs = 140_000;
  members.push(member(10, 500));
  group.advance(members, undefined, 100_000);
  assert.deepEqual(delaysMs(members), [65, 65]);
  group.advance(members, undefined, 200_000);
  assert.deepEqual(delaysMs(members), [90, 90]);
});

test("GroupDelay comes down by time scaling when whoever needs most leaves", () => {
  const group = new GroupDelay();
  const members = [member(40), member(60), member(200)];
  group.advance(members, undefined, 0);
  members.pop();
  group.advance(members, undefined, 100_000);
  assert.deepEqual(delaysMs(members), [175, 175]);
  group.advance(members, undefined, 1_000_000);
  assert.deepEqual(delaysMs(members), [60, 60]);
});

test("GroupDelay moves nobody but by time scaling when it learns when a member's frames were captured", () => {
  const group = new GroupDelay();
  const members = [member(40), member(40, 300)];
  group.advance(members, undefined, 0);
  members[1]!.baseUs += 30_000;
  group.advance(members, undefined, 20_000);
  assert.equal(members[0]!.offsetUs, 40_000);
  assert.equal(members[1]!.offsetUs, 345_000);
  assert.equal(group.behindUs(members[0]!), 25_000);
  group.advance(members, undefined, 1_000_000);
  assert.deepEqual(delaysMs(members), [40, 40]);
});

test("GroupDelay does not let one that stalls hold the others beyond maxSkewMs", () => {
  const group = new GroupDelay({ maxSkewMs: 80 });
  const members = [member(40), member(40)];
  for (let ms = 0; ms <= 20_000; ms += 20) {
    members[1]!.wantedUs = 40_000 + ms * 1000;
    group.advance(members, undefined, ms * 1000);
    assert.ok(members[0]!.offsetUs <= 120_000, `${members[0]!.offsetUs}`);
    assert.ok(members[1]!.offsetUs >= members[0]!.offsetUs);
  }
  assert.ok(group.behindUs(members[1]!) > 4_000_000);
});

test("GroupDelay keeps together those who stall together, and those whom one lies far before", () => {
  const group = new GroupDelay({ maxSkewMs: 80 });
  const members = [member(-9_000), member(40), member(60), member(600), member(650)];
  group.advance(members, undefined, 0);
  assert.deepEqual(delaysMs(members), [-8_920, 120, 120, 650, 650]);
});

test("GroupDelay of a master is the master's, whatever the others need", () => {
  const group = new GroupDelay({ policy: "master" });
  const members = [member(50), member(90), member(10)];
  group.advance(members, members[0], 0);
  assert.equal(group.delayUs, 50_000);
  assert.deepEqual(delaysMs(members), [50, 90, 50]);
  assert.deepEqual(members.map((each) => group.behindUs(each)), [0, 40_000, 0]);
});

test("GroupDelay refuses a policy that is none, and a negative skew", () => {
  assert.throws(() => new GroupDelay({ policy: "none" as "master" }), TypeError);
  assert.throws(() => new GroupDelay({ maxSkewMs: -1 }), RangeError);
});
