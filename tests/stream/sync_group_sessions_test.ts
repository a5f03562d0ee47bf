/**
 * Streams of one sender and of several that are played together at the other end of their sessions.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { syncGroup, type SyncGroupOptions } from "../../src/stream/sync_group.ts";
import { VirtualClock } from "../../src/virtual_clock.ts";
import type { PairOptions } from "../support/session_pair.ts";
import { SyncSender, type SyncStream } from "../support/sync_scene.ts";

const FRAME_MS = 20;

/** A frame of each stream every 20 ms, `count` times. */
async function stream(clock: VirtualClock, streams: readonly SyncStream[], count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    for (const each of streams) each.send();
    await clock.advance(FRAME_MS);
  }
}

/** By how much `a` was played later than `b` what was captured when both had so many frames less than now, in microseconds. */
function skewsUs(a: SyncStream, b: SyncStream, lastFrames: number): number[] {
  const [ofA, ofB] = [a.delaysUs.slice(-lastFrames), b.delaysUs.slice(-lastFrames)];
  return ofA.map((delayUs, n) => delayUs - ofB[n]!).filter((skewUs) => !Number.isNaN(skewUs));
}

function largest(values: readonly number[]): number {
  assert.ok(values.length > 0);
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** How far the delay moves from one frame that was played to the next, in microseconds. */
function movesUs(each: SyncStream): number[] {
  const delaysUs = each.delaysUs.filter((delayUs) => !Number.isNaN(delayUs));
  return delaysUs.slice(1).map((delayUs, n) => delayUs - delaysUs[n]!);
}

/** How far what a sender says of its timestamps may be off, by its tolerance and the drift until the next word. */
const REFERENCE_US = 150;

/** A quarter of what a frame lasts, of the frames that are missing between two, and of what a jump of the clock by a frame costs. */
const SLEW_US = 0.25 * 2 * FRAME_MS * 1000;

for (const [name, options] of [["memory", true], ["native", false]] as const) {
  test(`Streams of one sender play what was captured together at the same time (${name})`, async () => {
    const clock = options ? new VirtualClock() : undefined;
    const pair: PairOptions = clock === undefined ? {} : { clock, network: { delayMs: 10, jitterMs: 15 } };
    const sender = await SyncSender.join(pair, 7_000e6, 30);
    try {
      const streams = [
        await sender.stream("audio", { targetMs: 20 }),
        await sender.stream("video", { targetMs: 80 }, { delivery: "expiring" }),
        await sender.stream("pose", {}),
      ];
      const group = syncGroup(streams.map(({ playout }) => playout));
      const startUs = sender.pair.clock.nowUs();
      for (let n = 0; n < 30; n++) {
        for (const each of streams) each.send(clock === undefined ? startUs + n * 4_000 : undefined);
        await clock?.advance(FRAME_MS);
      }
      for (const each of streams) await each.end();
      assert.deepEqual(group.playouts, []);
      let compared = 0;
      for (const [n, first] of streams[0]!.frames) {
        for (const other of streams.slice(1)) {
          const frame = other.frames.get(n);
          // Of the first frames some are played before all are members.
          if (frame === undefined || n < 5) continue;
          compared++;
          // A frame that is taken later meets an offset that has moved meanwhile; references are whole microseconds.
          const movedUs = 0.25 * Math.abs(frame.outUs - first.outUs);
          assert.ok(Math.abs(frame.dueUs - first.dueUs) <= movedUs + 2, `frame ${n}: ${frame.dueUs - first.dueUs} µs`);
        }
      }
      assert.ok(compared > 30, `${compared}`);
    } finally {
      await sender.pair.close();
    }
  });

  test(`Streams of two senders play together through their clocks (${name})`, async () => {
    const clock = options ? new VirtualClock() : undefined;
    const path = (delayMs: number): PairOptions => clock === undefined ? {} : { clock, network: { delayMs } };
    const near = await SyncSender.join(path(5), 3_000e6);
    const far = await SyncSender.join(path(60), -1e6);
    // Connections that are left open would keep the file from ending.
    try {
      for (const { pair } of [near, far]) await pair.run(pair.client.session.clock.ready());
      const streams = [await near.stream("near", { targetMs: 20 }), await far.stream("far", { targetMs: 20 })] as const;
      syncGroup(streams.map(({ playout }) => playout));
      const startUs = near.pair.clock.nowUs();
      for (let n = 0; n < 40; n++) {
        for (const each of streams) each.send(clock === undefined ? startUs + n * 4_000 : undefined);
        await clock?.advance(FRAME_MS);
      }
      const boundUs = streams[0].errorBoundUs + streams[1].errorBoundUs;
      for (const each of streams) await each.end();
      // The group's first frames are those of whoever arrived first.
      assertTogether(...streams, 15, boundUs + 2);
    } finally {
      for (const { pair } of [near, far]) await pair.close();
    }
  });
}

/** Two senders on one clock, one near and one far, whose clocks are known. */
async function twoSenders(
  body: (clock: VirtualClock, near: SyncSender, far: SyncSender) => Promise<void>,
  ready = true,
): Promise<void> {
  const clock = new VirtualClock();
  const near = await SyncSender.join({ clock, network: { delayMs: 5, jitterMs: 5, seed: 1 } }, 3_000e6, 20);
  const far = await SyncSender.join({ clock, network: { delayMs: 100, jitterMs: 5, seed: 2 } }, 9e6, -35);
  if (ready) { for (const { pair } of [near, far]) await pair.run(pair.client.session.clock.ready()); }
  await body(clock, near, far);
  for (const { pair } of [near, far]) await pair.close();
  await clock.advance(2_000);
  assert.equal(clock.pendingTimers, 0);
}

async function pairOfStreams(near: SyncSender, far: SyncSender, options?: (near: SyncStream) => SyncGroupOptions) {
  const streams = [await near.stream("s", { targetMs: 30 }), await far.stream("s", { targetMs: 30 })] as const;
  const group = syncGroup(streams.map(({ playout }) => playout), options?.(streams[0]));
  return { streams, group };
}

test("All wait for whoever needs most with the policy maxDelay, and for nobody with a master", async () => {
  await twoSenders(async (clock, near, far) => {
    const { streams, group } = await pairOfStreams(near, far);
    await stream(clock, streams, 100);
    assert.ok(group.delayUs! >= 130_000 && group.delayUs! < 150_000, `${group.delayUs}`);
    assert.ok(largest(skewsUs(...streams, 30).slice(0, 20)) < 10_000);
  });
  await twoSenders(async (clock, near, far) => {
    const { streams, group } = await pairOfStreams(near, far, (master) => ({
      policy: "master",
      master: master.playout,
    }));
    await stream(clock, streams, 100);
    assert.ok(group.delayUs! >= 35_000 && group.delayUs! < 50_000, `${group.delayUs}`);
    assert.ok(group.skewUs(streams[1].playout)! > 80_000);
    assert.equal(group.skewUs(streams[0].playout), 0);
    for (const each of streams) {
      assert.ok(each.frames.size >= 90, "what plays behind the master is played all the same");
    }
  });
});

test("A stream that joins late plays with the others from its first frame on, and nobody jumps", async () => {
  await twoSenders(async (clock, near, far) => {
    const { streams, group } = await pairOfStreams(near, far);
    await stream(clock, streams, 100);
    const late = await near.stream("late", { targetMs: 10 });
    group.add(late.playout);
    await stream(clock, [...streams, late], 100);
    const skews = skewsUs(late, streams[0], 100);
    assert.ok(skews.length > 80 && largest(skews) <= REFERENCE_US, `${skews}`);
    for (const each of streams) assert.ok(largest(movesUs(each).slice(20)) <= SLEW_US, `${movesUs(each)}`);
  });
});

test("When whoever needs most leaves, the others come down by time scaling, and so does who left", async () => {
  await twoSenders(async (clock, near, far) => {
    const [fast, slow] = [await near.stream("fast", { targetMs: 20 }), await near.stream("slow", { targetMs: 200 })];
    const other = await far.stream("other", { targetMs: 20 });
    const group = syncGroup([fast, slow, other].map(({ playout }) => playout));
    await stream(clock, [fast, slow, other], 100);
    assert.ok(group.delayUs! > 200_000);
    group.remove(slow.playout);
    slow.playout.setTarget(20);
    await stream(clock, [fast, slow, other], 100);
    assert.ok(group.delayUs! < 140_000, `${group.delayUs}`);
    for (const each of [fast, slow, other]) {
      assert.ok(largest(movesUs(each).slice(40)) <= SLEW_US, `${movesUs(each)}`);
      assert.ok(each.frames.size > 180);
    }
  });
});

test("A sender that stalls holds the other up by maxSkewMs at most, and they meet again", async () => {
  await twoSenders(async (clock, near, far) => {
    const { streams, group } = await pairOfStreams(near, far, () => ({ maxSkewMs: 150 }));
    await stream(clock, streams, 100);
    far.pair.setCut(true);
    await stream(clock, streams, 150);
    far.pair.setCut(false);
    await stream(clock, streams, 50);
    assert.ok(largest(streams[0].delaysUs.filter((us) => us > 0)) <= 40_000 + 150_000, `${streams[0].delaysUs}`);
    assert.ok(streams[0].frames.size > 270, `${streams[0].frames.size}`);
    assert.ok(largest(movesUs(streams[0]).slice(20)) <= SLEW_US);
    await stream(clock, streams, 300);
    assert.equal(group.skewUs(streams[1].playout), 0);
    assert.ok(largest(skewsUs(...streams, 60).slice(0, 40)) < 10_000);
  });
});

test("Members that play before their senders' clocks are known come together by time scaling once they are", async () => {
  await twoSenders(async (clock, near, far) => {
    const { streams } = await pairOfStreams(near, far);
    await stream(clock, streams, 8);
    assert.notEqual(far.pair.client.session.clock.state, "synchronized");
    await stream(clock, streams, 192);
    for (const each of streams) assert.ok(largest(movesUs(each)) <= SLEW_US, `${movesUs(each)}`);
    const boundUs = streams[0].errorBoundUs + streams[1].errorBoundUs;
    assert.ok(largest(skewsUs(...streams, 60).slice(0, 40)) < boundUs);
  }, false);
});

for (const stepS of [-2, 5]) {
  test(`A sender whose clock steps by ${stepS} s holds the other up by maxSkewMs at most, and they meet again`, async () => {
    await twoSenders(async (clock, near, far) => {
      const { streams, group } = await pairOfStreams(near, far);
      await stream(clock, streams, 100);
      far.clock.aheadUs += stepS * 1e6;
      await stream(clock, streams, 500);
      const { steps } = far.pair.client.session.clock;
      assert.equal(steps, 1);
      assert.ok(streams[0].frames.size > 580, `${streams[0].frames.size}`);
      assert.ok(largest(streams[0].delaysUs.filter((us) => us > 0)) <= 40_000 + 250_000);
      assert.ok(largest(movesUs(streams[0]).slice(20)) <= SLEW_US, `${movesUs(streams[0])}`);
      assert.equal(group.skewUs(streams[1].playout), 0);
      const boundUs = streams[0].errorBoundUs + streams[1].errorBoundUs;
      assert.ok(largest(skewsUs(...streams, 60).slice(0, 40)) < boundUs);
    });
  });
}

test("Whatever the clocks are and the paths are like, skew is no more than what the clocks may be off", async () => {
  const peer = fc.record({
    aheadUs: fc.integer({ min: 0, max: 1e12 }),
    driftPpm: fc.integer({ min: -100, max: 100 }),
    delayMs: fc.integer({ min: 0, max: 80 }),
    jitterMs: fc.integer({ min: 0, max: 20 }),
    datagramLoss: fc.constantFrom(0, 0.05),
    seed: fc.integer({ min: 1, max: 1e6 }),
    targetMs: fc.constantFrom("adaptive" as const, 20, 60),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(peer, { minLength: 2, maxLength: 3 }), async (peers) => {
      const clock = new VirtualClock();
      const senders: SyncSender[] = [];
      const streams: SyncStream[] = [];
      for (const { aheadUs, driftPpm, targetMs, ...network } of peers) {
        const sender = await SyncSender.join({ clock, network }, aheadUs, driftPpm);
        senders.push(sender);
        streams.push(await sender.stream("s", { targetMs }));
      }
      syncGroup(streams.map(({ playout }) => playout));
      for (const { pair } of senders) await pair.run(pair.client.session.clock.ready());
      await stream(clock, streams, 150);
      const first = streams[0]!.capturedUs.length;
      const earlierUs = streams.map(({ errorBoundUs }) => errorBoundUs);
      await stream(clock, streams, 50);
      const boundsUs = streams.map(({ errorBoundUs }, n) => Math.max(errorBoundUs, earlierUs[n]!));
      await clock.advance(1_000);
      for (const [n, a] of streams.entries()) {
        for (const [m, b] of streams.slice(0, n).entries()) {
          assertTogether(a, b, first, boundsUs[n]! + boundsUs[m]! + 2 * REFERENCE_US);
        }
      }
      for (const { pair } of senders) await pair.close();
    }),
    { numRuns: 12 },
  );
});

/** From frame `first` on, what was captured together plays together within `limitUs`, but for what moves between the two. */
function assertTogether(a: SyncStream, b: SyncStream, first: number, limitUs: number): void {
  const [delaysOfA, delaysOfB] = [a.delaysUs, b.delaysUs];
  let compared = 0;
  for (let n = first; n < delaysOfA.length; n++) {
    const outsUs = [a.frames.get(n)?.outUs, b.frames.get(n)?.outUs] as const;
    if (outsUs[0] === undefined || outsUs[1] === undefined) continue;
    compared++;
    const skewUs = Math.abs(delaysOfA[n]! - delaysOfB[n]!);
    const movedUs = 0.25 * Math.abs(outsUs[0] - outsUs[1]);
    assert.ok(skewUs <= limitUs + movedUs, `frame ${n}: ${skewUs} of ${limitUs} + ${movedUs} µs`);
  }
  assert.ok(compared > 20, `${compared}`);
}
