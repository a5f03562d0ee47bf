import assert from "node:assert/strict";
import { test } from "node:test";
import { type DelayedMember, GroupDelay } from "./group_delay.ts";

function member(wantedMs: number): DelayedMember {
  return { wantedUs: wantedMs * 1000, behindUs: NaN };
}

test("GroupDelay is that of whoever needs most, and nobody plays behind", () => {
  const group = new GroupDelay();
  const members = [member(40), member(100), member(NaN)];
  group.advance(members, undefined, 0);
  assert.equal(group.delayUs, 100_000);
  assert.deepEqual(members.map(({ behindUs }) => behindUs), [0, 0, NaN]);
});

test("GroupDelay moves by a quarter of the time that passes at most", () => {
  const group = new GroupDelay();
  const members = [member(40)];
  group.advance(members, undefined, 0);
  members[0]!.wantedUs = 140_000;
  group.advance(members, undefined, 100_000);
  assert.equal(group.delayUs, 65_000);
  group.advance(members, undefined, 1_000_000);
  assert.equal(group.delayUs, 140_000);
});

test("GroupDelay does not let one that stalls hold the others beyond maxSkewMs", () => {
  const group = new GroupDelay({ maxSkewMs: 80 });
  const members = [member(40), member(40)];
  for (let ms = 0; ms <= 20_000; ms += 20) {
    members[1]!.wantedUs = 40_000 + ms * 1000;
    group.advance(members, undefined, ms * 1000);
    assert.ok(group.delayUs <= 120_000, `${group.delayUs}`);
  }
  assert.deepEqual([members[0]!.behindUs, members[1]!.behindUs > 0], [0, true]);
});

test("GroupDelay of a master is the master's, whatever the others need", () => {
  const group = new GroupDelay({ policy: "master" });
  const members = [member(50), member(90)];
  group.advance(members, members[0], 0);
  assert.equal(group.delayUs, 50_000);
  assert.deepEqual(members.map(({ behindUs }) => behindUs), [0, 40_000]);
});

test("GroupDelay refuses a policy that is none, and a negative skew", () => {
  assert.throws(() => new GroupDelay({ policy: "none" as "master" }), TypeError);
  assert.throws(() => new GroupDelay({ maxSkewMs: -1 }), RangeError);
});
