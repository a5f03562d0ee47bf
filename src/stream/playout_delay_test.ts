import assert from "node:assert/strict";
import { test } from "node:test";
import { PlayoutDelay } from "./playout_delay.ts";
import { PlayoutMoment } from "./playout_moment.ts";

const FRAME_US = 20_000;

/** Runs frames of 20 ms over a path whose delay is a function of the frame, and looks every 10 ms, as a consumer would. */
class Run {
  readonly delay: PlayoutDelay;
  lateFrames = 0;
  readonly #moment = Object.assign(new PlayoutMoment(), { nowUs: 0 });
  #frame = 0;

  constructor(delay: PlayoutDelay) {
    this.delay = delay;
  }

  /** Send `frames` more; a frame arrives `pathUs(frame)` after it was sent and never before the one ahead of it. */
  play(frames: number, pathUs: (frame: number) => number, look: (nowUs: number) => void = () => {}): void {
    for (const end = this.#frame + frames; this.#frame < end; this.#frame++) {
      const mediaUs = this.#frame * FRAME_US;
      const arrivalUs = Math.max(this.#moment.nowUs, mediaUs + pathUs(this.#frame));
      for (let tickUs = this.#moment.nowUs + 10_000; tickUs < arrivalUs; tickUs += 10_000) {
        this.advance(tickUs);
        look(tickUs);
      }
      this.advance(arrivalUs);
      if (mediaUs + this.delay.offsetUs < arrivalUs) this.lateFrames++;
      this.observe(this.#frame, mediaUs, arrivalUs);
      look(arrivalUs);
    }
  }

  observe(sequence: number, mediaUs: number, nowUs: number): void {
    this.delay.observe(Object.assign(this.#moment, { sequence, mediaUs, nowUs }));
  }

  advance(nowUs: number): void {
    this.delay.advance(Object.assign(this.#moment, { nowUs }));
  }
}

test("PlayoutDelay falls to a few milliseconds on a path without jitter", () => {
  const run = new Run(new PlayoutDelay());
  run.play(1_000, () => 30_000);
  assert.equal(run.lateFrames, 0);
  assert.ok(run.delay.delayUs < 15_000, `${run.delay.delayUs}`);
});

test("PlayoutDelay covers what happens every second, and not what happens every ten", () => {
  const often = new Run(new PlayoutDelay());
  often.play(3_000, (frame) => frame % 50 === 0 ? 130_000 : 30_000);
  assert.ok(often.delay.delayUs >= 95_000, `${often.delay.delayUs}`);
  // Not at equal distances, which would be foretold.
  const seldom = new Run(new PlayoutDelay());
  seldom.play(3_000, (frame) => [400, 1_000, 1_300, 2_150].includes(frame) ? 130_000 : 30_000);
  assert.ok(seldom.delay.delayUs < 30_000, `${seldom.delay.delayUs}`);
});

test("PlayoutDelay follows a path that has become longer, and one that is short again", () => {
  const run = new Run(new PlayoutDelay());
  run.play(1_000, () => 30_000);
  const before = run.delay.offsetUs;
  run.lateFrames = 0;
  run.play(100, () => 150_000);
  assert.ok(run.lateFrames * FRAME_US <= 300_000, `${run.lateFrames} late`);
  run.play(900, () => 150_000);
  run.play(100, () => 30_000);
  assert.ok(run.delay.offsetUs - before <= 20_000, `${run.delay.offsetUs - before}`);
});

test("PlayoutDelay is ready for a stall that comes at regular intervals", () => {
  const run = new Run(new PlayoutDelay());
  // 200 ms every 11 s, as from a radio that scans; what queues meanwhile comes at once.
  const path = (frame: number): number => 30_000 + Math.max(0, 200_000 - (frame % 550) * FRAME_US);
  run.play(550 * 3 + 300, path);
  run.lateFrames = 0;
  run.play(550 * 5, path);
  assert.equal(run.lateFrames, 0);
});

test("PlayoutDelay moves by at most a quarter of the media's pace, and 20 ms that were saved up", () => {
  const delay = new PlayoutDelay({ targetMs: 50 });
  const run = new Run(delay);
  run.play(100, () => 30_000);
  delay.setTarget(300);
  const fromUs = delay.offsetUs;
  const startUs = 99 * FRAME_US + 30_000;
  run.play(200, () => 30_000, (nowUs) => {
    assert.ok(delay.offsetUs - fromUs <= 20_000 + 0.25 * (nowUs - startUs) + 1);
  });
  assert.equal(Math.round(delay.delayUs), 300_000);
  delay.setTarget(50);
  run.play(75, () => 30_000);
  assert.equal(Math.round(delay.delayUs), 50_000);
  assert.equal(Math.round(delay.scaledUs), 500_000);
  assert.equal(delay.jumpedUs, 0);
});

test("PlayoutDelay follows the drift of the sender's clock", () => {
  const run = new Run(new PlayoutDelay({ targetMs: 50 }));
  run.play(50 * 300, (frame) => 30_000 + frame * FRAME_US * 100e-6);
  assert.ok(Math.abs(run.delay.offsetUs - (30_000 + 30_000 + 50_000)) < 2_000, `${run.delay.offsetUs}`);
});

test("PlayoutDelay keeps within its limits", () => {
  const run = new Run(new PlayoutDelay({ minDelayMs: 60, maxDelayMs: 80 }));
  run.play(500, () => 30_000);
  assert.ok(run.delay.delayUs >= 60_000);
  run.play(500, (frame) => frame % 10 === 0 ? 400_000 : 30_000);
  assert.ok(run.delay.delayUs <= 80_000, `${run.delay.delayUs}`);
});

test("A larger price for late media holds more delay", () => {
  const delays = [5, 20, 80].map((costPerLatePercent) => {
    const run = new Run(new PlayoutDelay({ costPerLatePercent }));
    let sum = 0;
    let state = 1;
    run.play(4_000, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return 30_000 + 20_000 / (1e-3 + state / 2 ** 32) ** 0.4;
    }, () => void (sum += run.delay.delayUs));
    return sum;
  });
  assert.ok(delays[0]! < delays[1]! && delays[1]! < delays[2]!, `${delays}`);
});

test("PlayoutDelay begins anew after restart", () => {
  const run = new Run(new PlayoutDelay());
  run.play(100, () => 30_000);
  run.delay.restart();
  assert.equal(run.delay.delayUs, 0);
  run.advance(5e6);
  assert.ok(Number.isNaN(run.delay.offsetUs));
  run.observe(0, 9e12, 5e6);
  assert.ok(Math.abs(run.delay.offsetUs - (5e6 - 9e12)) <= 40_000);
});

test("PlayoutDelay does not stretch what is left when the sender has ended", () => {
  const [ended, stalled] = [new Run(new PlayoutDelay()), new Run(new PlayoutDelay())];
  for (const run of [ended, stalled]) run.play(200, (frame) => frame % 20 === 0 ? 90_000 : 30_000);
  const offsetUs = ended.delay.offsetUs;
  ended.delay.end();
  for (const run of [ended, stalled]) for (let us = 4.1e6; us < 5e6; us += 10_000) run.advance(us);
  assert.ok(ended.delay.offsetUs <= offsetUs, `${ended.delay.offsetUs} > ${offsetUs}`);
  assert.ok(stalled.delay.offsetUs > offsetUs);
});

/** Delay of frames in an ordered stream with a round trip of 100 ms: what is lost comes 9/8 of it later, and all behind it too. */
function resent(lost: readonly number[]): (frame: number) => number {
  return (frame) => {
    const behind = lost.map((each) => frame - each).filter((frames) => frames >= 0);
    return 50_000 + Math.max(0, 112_500 - Math.min(Infinity, ...behind) * FRAME_US);
  };
}

test("A delay of about a round trip does not cut out again after one lost packet (moq #3477)", () => {
  for (const options of [{ targetMs: 100 }, { minDelayMs: 100 }]) {
    const run = new Run(new PlayoutDelay(options));
    run.play(500, resent([100]));
    assert.ok(run.lateFrames <= 1, `${run.lateFrames} late`);
    assert.ok(run.delay.delayUs < 140_000, `${run.delay.delayUs}`);
  }
});

test("A delay of about a round trip rises by what losses need, and does not cut out at each (moq #3477)", () => {
  const run = new Run(new PlayoutDelay({ minDelayMs: 100 }));
  const lost = Array.from({ length: 60 }, (_, n) => 50 * n + ((n * 7) % 13));
  run.play(250, resent(lost));
  run.lateFrames = 0;
  run.play(2_500, resent(lost));
  assert.ok(run.lateFrames <= 2, `${run.lateFrames} late`);
});
