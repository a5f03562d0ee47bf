import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSource } from "../../tests/support/fake_source.ts";
import { VirtualClock } from "../virtual_clock.ts";
import type { PeerClock } from "./frame_source.ts";
import { Playout } from "./playout.ts";
import { syncGroup } from "./sync_group.ts";

/** A sender whose clock is ahead by that much. */
function clockAhead(aheadUs: number, state: PeerClock["state"] = "synchronized"): PeerClock {
  return { state, toLocalUs: (us) => us - aheadUs };
}

/** A stream captured at the sender's time `aheadUs` plus its timestamp. */
function member(clock: VirtualClock, peerClock: PeerClock, aheadUs: number, targetMs: number) {
  const source = new FakeSource(clock, { peerClock });
  source.clockReference = { timestamp: 0, senderUs: aheadUs };
  const playout = new Playout(source, clock, { targetMs });
  return { source, playout, playedUs: new Map<number, number>() };
}

/** Frames `from` to before `to` of all of them; what is pulled every millisecond is noted. */
async function run(clock: VirtualClock, members: readonly ReturnType<typeof member>[], from: number, to: number) {
  for (let n = from; n < to; n++) {
    for (const { source } of members) source.push(n);
    for (let ms = 0; ms < 20; ms++) {
      for (const { playout, playedUs } of members) {
        for (let item = playout.pull(); item !== undefined; item = playout.pull()) {
          if (item.kind === "frame") playedUs.set(item.sequence, clock.nowUs());
        }
      }
      await clock.advance(1);
    }
  }
}

for (const state of ["synchronized", "unsynchronized"] as const) {
  test(`Streams of one sender play together, its clock ${state}`, async () => {
    const clock = new VirtualClock();
    const peerClock = clockAhead(5_000_000, state);
    const audio = member(clock, peerClock, 5_000_000, 20);
    const video = member(clock, peerClock, 5_000_000, 80);
    const group = syncGroup([audio.playout, video.playout]);
    await run(clock, [audio, video], 0, 100);
    for (let n = 30; n < 90; n++) assert.equal(audio.playedUs.get(n), video.playedUs.get(n));
    assert.deepEqual([group.skewUs(audio.playout), group.skewUs(video.playout)], [0, 0]);
  });
}

test("Streams of two senders play together through their clocks", async () => {
  const clock = new VirtualClock();
  const one = member(clock, clockAhead(5_000_000), 5_000_000, 20);
  const other = member(clock, clockAhead(-9_000_000), -9_000_000, 60);
  const group = syncGroup([one.playout, other.playout]);
  await run(clock, [one, other], 0, 60);
  for (let n = 30; n < 50; n++) assert.equal(one.playedUs.get(n), other.playedUs.get(n));
  assert.equal(group.delayUs, 60_000);
});

test("A stream that joins late plays with the others at once, and goes on alone when it is removed", async () => {
  const clock = new VirtualClock();
  const peerClock = clockAhead(1_000_000);
  const first = member(clock, peerClock, 1_000_000, 60);
  const group = syncGroup([first.playout]);
  await run(clock, [first], 0, 20);
  const late = member(clock, peerClock, 1_000_000, 20);
  group.add(late.playout);
  await run(clock, [first, late], 20, 40);
  for (let n = 20; n < 36; n++) assert.equal(first.playedUs.get(n), late.playedUs.get(n));
  assert.throws(() => syncGroup([late.playout]), TypeError);
  group.remove(late.playout);
  assert.equal(group.skewUs(late.playout), undefined);
  await late.playout.close();
  await first.playout.close();
  assert.deepEqual(group.playouts, []);
});

test("A stream that stalls does not hold the others beyond maxSkewMs", async () => {
  const clock = new VirtualClock();
  const peerClock = clockAhead(0);
  const good = member(clock, peerClock, 0, 20);
  const bad = member(clock, peerClock, 0, 20);
  const group = syncGroup([good.playout, bad.playout], { maxSkewMs: 50 });
  await run(clock, [good, bad], 0, 20);
  bad.playout.setTarget(1_000);
  await run(clock, [good, bad], 20, 300);
  assert.equal(group.delayUs, 70_000);
  assert.ok(group.skewUs(bad.playout)! > 500_000);
  assert.equal(group.skewUs(good.playout), 0);
});

test("syncGroup refuses the policy master without a master", () => {
  assert.throws(() => syncGroup([], { policy: "master" }), TypeError);
});
