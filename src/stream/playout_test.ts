import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSource } from "../../tests/support/fake_source.ts";
import { seededRandom } from "../connection/memory_link.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { Playout } from "./playout.ts";
import type { PlayoutItem } from "./playout_item.ts";
import type { PlayoutOptions } from "./playout_options.ts";
import { TimingTrace } from "./timing_trace.ts";

/** A playout with 40 ms of delay, its source, and what a loop over it got and when. */
function playing(options: PlayoutOptions = {}) {
  const clock = new VirtualClock();
  const source = new FakeSource(clock);
  const playout = new Playout(source, clock, { targetMs: 40, ...options });
  const got: string[] = [];
  const loop = (async () => {
    for await (const item of playout) got.push(`${clock.nowUs() / 1000} ${text(item)}`);
    got.push(`${clock.nowUs() / 1000} done`);
  })().catch((error: EchoStreamError) => void got.push(`${clock.nowUs() / 1000} ${error.code}`));
  return { clock, source, playout, got, loop };
}

function text(item: PlayoutItem): string {
  return item.kind === "frame" ? `#${item.sequence}` : `${item.reason} ${item.sequence}+${item.count}`;
}

test("Playout hands out each frame when it is due, and ends after the last one", async () => {
  const { clock, source, playout, got } = playing();
  await source.stream(0, 3);
  source.end();
  await clock.advance(1_000);
  assert.deepEqual(got, ["40 #0", "60 #1", "80 #2", "80 done"]);
  assert.equal(playout.isOver, true);
  assert.equal(clock.pendingTimers, 0);
  assert.deepEqual(await playout.next(), { value: undefined, done: true });
});

test("Playout plays what is left at its pace when the stream has ended", async () => {
  const clock = new VirtualClock();
  const source = new FakeSource(clock);
  const playout = new Playout(source, clock, { minDelayMs: 200 });
  const playedUs: number[] = [];
  const playingAll = (async () => {
    for await (const item of playout) if (item.kind === "frame") playedUs.push(item.playoutUs);
  })();
  await source.stream(0, 100);
  source.end();
  const before = playedUs.length;
  await clock.run(playingAll);
  assert.ok(before < 92 && playedUs.length === 100, `${before} of ${playedUs.length}`);
  for (let n = before; n < 100; n++) assert.ok(playedUs[n]! - playedUs[n - 1]! <= 20_001, `${n}: ${playedUs}`);
});

test("Playout reports a gap in place of a lost frame, and its trace knows when it came after all", async () => {
  const trace = new TimingTrace();
  const { clock, source, got } = playing({ trace });
  source.push(0);
  await clock.advance(40);
  source.push(2);
  await clock.advance(30);
  source.push(1);
  source.end();
  await clock.advance(100);
  assert.deepEqual(got, ["40 #0", "60 lost 1+1", "80 #2", "80 done"]);
  assert.deepEqual([...trace].map(({ sequence, outcome }) => [sequence, outcome]), [[0, "played"], [2, "played"], [
    1,
    "late",
  ]]);
});

test("Playout tells when frame was due, how late it is handed out, and when it was captured", async () => {
  const clock = new VirtualClock();
  const peerClock = { state: "synchronized", toLocalUs: (us: number) => us - 1_000_000 } as const;
  const source = new FakeSource(clock, { peerClock });
  const playout = new Playout(source, clock, { targetMs: 40 });
  await clock.advance(10);
  source.push(0);
  await clock.advance(45);
  const before = playout.pull();
  assert.ok(before?.kind === "frame");
  assert.deepEqual([before.arrivalUs, before.playoutUs, before.lateUs], [10_000, 50_000, 5_000]);
  assert.deepEqual([before.captureUs, before.captureLocalUs], [undefined, undefined]);
  source.clockReference = { timestamp: 0, senderUs: 1_003_000 };
  source.push(1);
  assert.equal(playout.pull(), undefined);
  assert.equal(playout.nextPlayoutUs(), 70_000);
  const after = playout.pull(70_000);
  assert.ok(after?.kind === "frame");
  assert.deepEqual([after.captureUs, after.captureLocalUs], [1_023_000, 23_000]);
  assert.equal(playout.getStats().estimatedPlayoutTimestamp, (1_003_000 + 55_000 - 50_000) / 1_000);
});

test("Playout plays what has arrived before it rejects with the stream's error, once", async () => {
  const { clock, source, playout, got } = playing();
  source.push(0);
  source.end(new EchoStreamError(ErrorCode.UNAVAILABLE, "Gone"));
  await clock.advance(1_000);
  assert.deepEqual(got, ["40 #0", "40 UNAVAILABLE"]);
  assert.equal(playout.error?.code, "UNAVAILABLE");
  assert.deepEqual(await playout.next(), { value: undefined, done: true });
});

test("Playout ends with the last frame, with no timer left, whatever arrived, whatever it was told and whenever the stream ends", async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(random() * limit);
    const { clock, playout, source, got } = playing({
      targetMs: random() < 0.5 ? "adaptive" : below(60),
      maxFrames: 1 << below(6),
      maxDelayMs: 300,
      late: random() < 0.5 ? "drop" : "deliver",
    });
    let n = random() < 0.5 ? 0 : 2 ** 32 - 5;
    for (let step = below(40); step > 0; step--) {
      const what = random();
      if (what < 0.6) source.push(n++);
      else if (what < 0.7) n += below(3);
      else if (what < 0.8) source.push(n - below(4));
      else if (what < 0.84) n += below(2) * 100_000;
      else if (what < 0.88) playout.skipToLive();
      else if (what < 0.92) playout.setTarget(below(200));
      else playout.steer(random() < 0.5 ? undefined : playout.wantedOffsetUs + below(100_000));
      if (random() < 0.8) await clock.advance(below(40));
    }
    await clock.advance(0);
    const last = got.length;
    source.end();
    // No media time, delay or steering is longer, and each item takes a turn.
    await clock.advance(3_000);
    const rest = got.slice(last);
    assert.deepEqual([playout.isOver, clock.pendingTimers], [true, 0], `seed ${seed}: ${got.join(", ")}`);
    assert.match(got.at(-1)!, /done$/, `seed ${seed}`);
    assert.ok(rest.every((line) => !line.includes("underrun")), `seed ${seed}: ${rest.join(", ")}`);
  }
});

test("Playout leaves the stream with its loop, when it is closed, and when its signal aborts", async () => {
  const left = playing();
  left.source.push(0);
  await left.clock.advance(0);
  await left.playout.close();
  await left.clock.advance(0);
  assert.deepEqual([left.got, left.source.hasLeft, left.clock.pendingTimers], [["0 done"], true, 0]);

  const controller = new AbortController();
  const aborted = playing({ signal: controller.signal });
  aborted.source.push(0);
  await aborted.clock.advance(0);
  controller.abort();
  await aborted.clock.advance(0);
  assert.deepEqual([aborted.got, aborted.source.hasLeft, aborted.clock.pendingTimers], [["0 CANCELLED"], true, 0]);

  const broken = playing({ signal: AbortSignal.abort() });
  await broken.clock.advance(0);
  assert.deepEqual([broken.got, broken.source.hasLeft], [["0 CANCELLED"], true]);
});

test("Playout drops the oldest frames when nobody pulls, and reports them", async () => {
  const clock = new VirtualClock();
  const source = new FakeSource(clock);
  const playout = new Playout(source, clock, { targetMs: 40, maxFrames: 4 });
  await source.stream(0, 10);
  const items: string[] = [];
  for (let item = playout.pull(); item !== undefined; item = playout.pull()) items.push(text(item));
  assert.deepEqual(items, ["discarded 0+6", "#6", "#7", "#8"]);
  assert.equal(clock.pendingTimers, 0);
  assert.equal(playout.getStats().packetsDiscarded, 6);
});

test("Playout serves those who ask at once in their order", async () => {
  const clock = new VirtualClock();
  const source = new FakeSource(clock);
  const playout = new Playout(source, clock, { targetMs: 0 });
  const asked = Promise.all([playout.next(), playout.next(), playout.next()]);
  source.push(0);
  source.push(1, 20_000);
  await clock.advance(20);
  const results = await clock.run(asked);
  assert.deepEqual(results.map(({ value }) => value && text(value)), ["#0", "#1", "underrun 2+0"]);
});

test("Playout says when it is congested, and skips to live", async () => {
  const clock = new VirtualClock();
  const source = new FakeSource(clock);
  const playout = new Playout(source, clock, { maxDelayMs: 200 });
  const changes: boolean[] = [];
  playout.onCongestion = (isCongested) => void changes.push(isCongested);
  source.push(0);
  await clock.advance(600);
  for (let n = 1; n < 12; n++) source.push(n);
  assert.deepEqual([playout.isCongested, source.isCongested], [true, true]);
  playout.skipToLive();
  while (playout.nextPlayoutUs() !== undefined && playout.pull() !== undefined);
  await source.stream(30, 32);
  assert.deepEqual(changes, [true, false]);
});

test("Playout follows a new target by time scaling, down as well as up", async () => {
  const { clock, source, playout } = playing({ targetMs: 200 });
  await source.stream(0, 20);
  playout.setTarget(40);
  await source.stream(20, 100);
  assert.equal(playout.delayUs, 40_000);
  playout.setTarget(100);
  await source.stream(100, 150);
  assert.equal(playout.delayUs, 100_000);
  await playout.close();
  assert.equal(clock.pendingTimers, 0);
});

test("Playout counts with W3C's names: seconds, and sums over the frames emitted", async () => {
  const { clock, source, playout } = playing();
  await source.stream(0, 5);
  await clock.advance(5);
  source.push(6);
  await clock.advance(300);
  const stats = playout.getStats();
  assert.equal(stats.packetsReceived, 6);
  assert.equal(stats.bytesReceived, 60);
  assert.equal(stats.packetsLost, 1);
  assert.equal(stats.jitterBufferEmittedCount, 6);
  assert.equal(stats.framesRendered, 6);
  assert.ok(Math.abs(stats.jitterBufferTargetDelay - 6 * 0.04) < 0.001, `${stats.jitterBufferTargetDelay}`);
  assert.equal(stats.lastPacketReceivedTimestamp, 105);
  assert.ok(Math.abs(stats.jitter - 0.015 / 16) < 1e-9);
  assert.equal(stats.timestamp, 405);
});

test("Playout refuses options that make no sense, before it takes the stream", () => {
  const clock = new VirtualClock();
  const source = new FakeSource(clock);
  const wrong: [object, ErrorConstructor][] = [
    [{ targetMs: -1 }, RangeError],
    [{ maxFrames: 0 }, RangeError],
    [{ maxBytes: 0 }, RangeError],
    [{ minDelayMs: 10, maxDelayMs: 5 }, RangeError],
    [{ late: "never" }, TypeError],
    [{ timestampBits: 16 }, TypeError],
  ];
  for (const [options, type] of wrong) assert.throws(() => new Playout(source, clock, options), type);
  new Playout(source, clock);
  assert.throws(() => new Playout(source, clock), TypeError);
});
