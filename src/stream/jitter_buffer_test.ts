import assert from "node:assert/strict";
import { test } from "node:test";
import { JitterBuffer, type JitterBufferOptions, type TimedPacket } from "./jitter_buffer.ts";
import { MediaGap } from "./media_gap.ts";

const payload = new Uint8Array(100);

/** The `n`th packet of 20 ms. */
function packet(n: number): TimedPacket {
  return { sequence: n >>> 0, timestamp: n * 20_000, payload };
}

function buffer(options: JitterBufferOptions = {}): JitterBuffer<TimedPacket> {
  return new JitterBuffer({ targetMs: 40, ...options });
}

/** All that is due at `nowUs`: sequences of packets, and gaps as `reason sequence+count`. */
function due(jitter: JitterBuffer<TimedPacket>, nowUs: number): (number | string)[] {
  const items: (number | string)[] = [];
  for (let item = jitter.pop(nowUs); item !== undefined; item = jitter.pop(nowUs)) {
    items.push(item instanceof MediaGap ? `${item.reason} ${item.sequence}+${item.count}` : item.sequence);
  }
  return items;
}

test("JitterBuffer releases reordered packets in sequence at their playout time", () => {
  const jitter = buffer();
  jitter.insert(packet(0), 0);
  assert.equal(jitter.nextPlayoutUs(), 40_000);
  assert.deepEqual(due(jitter, 39_999), []);
  jitter.insert(packet(2), 40_000);
  assert.deepEqual(due(jitter, 40_000), [0]);
  jitter.insert(packet(1), 41_000);
  assert.equal(jitter.nextPlayoutUs(), 60_000);
  assert.deepEqual(due(jitter, 59_999), []);
  assert.deepEqual(due(jitter, 60_000), [1]);
  assert.deepEqual(due(jitter, 80_000), [2]);
});

test("JitterBuffer takes a packet from before the first one as long as nothing was played", () => {
  const jitter = buffer();
  jitter.insert(packet(1), 0);
  jitter.insert(packet(0), 100);
  assert.deepEqual(due(jitter, 60_000), [0, 1]);
});

test("JitterBuffer drops a packet that comes twice, before and after it was played", () => {
  const jitter = buffer();
  jitter.insert(packet(0), 0);
  jitter.insert(packet(0), 1_000);
  assert.deepEqual(due(jitter, 40_000), [0]);
  jitter.insert(packet(0), 41_000);
  assert.deepEqual(due(jitter, 50_000), []);
  assert.equal(jitter.stats.packetsDuplicated, 2);
});

test("One lost packet is a gap when it was due, and the later ones play on time (pion #256)", () => {
  const jitter = buffer();
  for (const n of [0, 2]) jitter.insert(packet(n), n * 20_000);
  assert.deepEqual(due(jitter, 40_000), [0]);
  assert.equal(jitter.nextPlayoutUs(), 60_000);
  jitter.insert(packet(3), 60_000);
  assert.deepEqual(due(jitter, 60_000), ["lost 1+1"]);
  assert.deepEqual(due(jitter, 80_000), [2]);
  assert.deepEqual(due(jitter, 100_000), [3]);
  assert.equal(jitter.stats.packetsLost, 1);
});

test("JitterBuffer still takes the later of two missing packets when only the first was due", () => {
  const jitter = buffer();
  jitter.insert(packet(0), 0);
  assert.deepEqual(due(jitter, 40_000), [0]);
  jitter.insert(packet(3), 60_000);
  assert.deepEqual(due(jitter, 61_000), ["lost 1+1"]);
  jitter.insert(packet(2), 62_000);
  assert.deepEqual(due(jitter, 100_000), [2, 3]);
});

test("JitterBuffer that is asked late plays what it holds between missing packets", () => {
  const jitter = buffer({ targetMs: 100 });
  for (const n of [0, 1, 3]) jitter.insert(packet(n), n * 20_000);
  assert.deepEqual(due(jitter, 100_000), [0]);
  jitter.insert(packet(6), 120_000);
  assert.deepEqual(due(jitter, 220_000), [1, "lost 2+1", 3, "lost 4+2", 6]);
  assert.equal(jitter.size, 0);
});

test("JitterBuffer says once that nothing is left to play", () => {
  const jitter = buffer({ frameDurationUs: 20_000 });
  jitter.insert(packet(0), 0);
  assert.deepEqual(due(jitter, 40_000), [0]);
  assert.equal(jitter.nextPlayoutUs(), 60_000);
  assert.deepEqual(due(jitter, 60_000), ["underrun 1+0"]);
  assert.equal(jitter.nextPlayoutUs(), undefined);
  assert.deepEqual(due(jitter, 80_000), []);
});

test("JitterBuffer reports a late packet as a gap, or delivers it at once when asked to", () => {
  const dropping = buffer();
  const delivering = buffer({ late: "deliver" });
  for (const jitter of [dropping, delivering]) {
    jitter.insert(packet(0), 0);
    due(jitter, 75_000);
    jitter.insert(packet(1), 75_000);
  }
  assert.deepEqual(due(dropping, 75_000), ["late 1+1"]);
  assert.deepEqual(due(delivering, 75_000), [1]);
  assert.equal(dropping.stats.packetsLate, 1);
});

test("JitterBuffer counts a packet that comes after its gap as late, and never plays it", () => {
  const jitter = buffer({ late: "deliver" });
  for (const n of [0, 2]) jitter.insert(packet(n), n * 20_000);
  assert.deepEqual(due(jitter, 65_000), [0, "lost 1+1"]);
  jitter.insert(packet(1), 66_000);
  assert.deepEqual(due(jitter, 80_000), [2]);
  assert.equal(jitter.stats.packetsLate, 1);
});

test("JitterBuffer follows sequences and 32-bit timestamps across their wrap", () => {
  const jitter = new JitterBuffer({ targetMs: 40, clockRateHz: 48_000, timestampBits: 32 });
  for (let n = 0; n < 4; n++) {
    const timestamp = (0xffff_ffff - 1_000 + n * 960) >>> 0;
    jitter.insert({ sequence: (0xffff_fffe + n) >>> 0, timestamp, payload }, n * 20_000);
  }
  assert.deepEqual(due(jitter, 99_999), [0xffff_fffe, 0xffff_ffff, 0]);
  assert.deepEqual(due(jitter, 100_000), [1]);
});

test("JitterBuffer ignores one packet whose sequence or timestamp lies by hours", () => {
  const jitter = buffer();
  jitter.insert(packet(0), 0);
  jitter.insert({ sequence: 1, timestamp: 3.6e9, payload }, 20_000);
  jitter.insert({ sequence: 5_000_000, timestamp: 20_000, payload }, 20_000);
  jitter.insert(packet(1), 20_100);
  assert.deepEqual(due(jitter, 61_000), [0, 1]);
  assert.equal(jitter.stats.packetsDiscarded, 2);
});

test("A sender that begins anew is a discontinuity, and its packets play", () => {
  const jitter = buffer();
  for (const n of [0, 1]) jitter.insert(packet(n), n * 20_000);
  assert.deepEqual(due(jitter, 40_000), [0]);
  for (const n of [0, 1]) {
    jitter.insert({ sequence: 1_000_000 + n, timestamp: 9e12 + n * 20_000, payload }, 41_000 + n * 20_000);
  }
  assert.deepEqual(due(jitter, 61_000), ["discarded 1+1", "discontinuity 1000000+0"]);
  assert.deepEqual(due(jitter, 110_000), [1_000_000, 1_000_001]);
});

test("JitterBuffer plays on when the local clock leaps or steps back", () => {
  const jitter = buffer();
  jitter.insert(packet(0), 0);
  assert.deepEqual(due(jitter, 3.6e9), [0]);
  assert.deepEqual(due(jitter, 0), []);
  for (const n of [1, 2]) jitter.insert(packet(n), 3.6e9 + n * 20_000);
  assert.deepEqual(due(jitter, 3.6e9 + 90_000), ["discontinuity 1+0", 1, 2]);
});

test("A consumer that stops asking costs the oldest packets, which are reported as one gap", () => {
  const jitter = buffer({ maxPackets: 4 });
  for (let n = 0; n < 100; n++) jitter.insert(packet(n), n * 1_000);
  assert.equal(jitter.size, 4);
  assert.deepEqual(due(jitter, 1e9), ["discarded 0+96", 96, 97, 98, 99, "underrun 100+0"]);
});

test("JitterBuffer holds no more bytes than it may", () => {
  const jitter = buffer({ maxBytes: 350 });
  for (let n = 0; n < 10; n++) jitter.insert(packet(n), n);
  assert.equal(jitter.sizeBytes, 300);
  assert.equal(jitter.size, 3);
});

test("skipToLive leaves the newest packet, due now", () => {
  const jitter = buffer({ targetMs: 500 });
  for (let n = 0; n < 10; n++) jitter.insert(packet(n), n * 20_000);
  jitter.skipToLive();
  assert.deepEqual(due(jitter, 180_000), ["discarded 0+9", 9]);
});

test("A target that is lowered comes down (w3c/webrtc-extensions #199)", () => {
  const jitter = buffer({ targetMs: 400 });
  let nowUs = 0;
  const play = (packets: number): void => {
    for (let i = 0; i < packets; i++, nowUs += 20_000) {
      jitter.insert(packet(nowUs / 20_000), nowUs);
      due(jitter, nowUs);
    }
  };
  play(50);
  assert.equal(Math.round(jitter.delayUs), 400_000);
  jitter.setTarget(100);
  play(75);
  assert.equal(Math.round(jitter.delayUs), 100_000);
});

test("JitterBuffer is congested while packets come later than its largest delay", () => {
  const jitter = new JitterBuffer<TimedPacket>({ maxDelayMs: 200 });
  jitter.insert(packet(0), 0);
  assert.equal(jitter.isCongested, false);
  jitter.insert(packet(1), 320_000);
  assert.equal(jitter.isCongested, true);
  jitter.insert(packet(16), 321_000);
  assert.equal(jitter.isCongested, false);
});

test("JitterBuffer rejects options out of range", () => {
  const wrong: JitterBufferOptions[] = [
    { clockRateHz: 0 },
    { clockRateHz: NaN },
    { targetMs: -1 },
    { minDelayMs: -1 },
    { minDelayMs: 3_000 },
    { maxPackets: 0 },
    { maxBytes: 0 },
    { costPerLatePercent: Infinity },
    { costPerLatePercent: -1 },
    { costPerDelayMs: 0 },
  ];
  for (const options of wrong) assert.throws(() => new JitterBuffer(options), RangeError);
});

test("JitterBuffer plays at the offset it is steered to, and says which it would choose", () => {
  const jitter = buffer();
  jitter.insert(packet(0), 0);
  jitter.insert(packet(1), 20_000);
  assert.equal(jitter.wantedOffsetUs, 40_000);
  jitter.steer(100_000);
  assert.equal(jitter.nextPlayoutUs(), 100_000);
  assert.equal(jitter.delayUs, 100_000);
  assert.deepEqual(due(jitter, 99_999), []);
  assert.deepEqual(due(jitter, 100_000), [0]);
  assert.equal(jitter.wantedOffsetUs, 40_000);
});

test("JitterBuffer that is steered no more goes on from there, and comes back to its own delay by time scaling", () => {
  const jitter = new JitterBuffer({ targetMs: 40, frameDurationUs: 20_000 });
  jitter.insert(packet(0), 0);
  jitter.steer(200_000);
  jitter.steer(undefined);
  const delaysUs: number[] = [];
  for (let n = 1; n < 80; n++) {
    jitter.insert(packet(n), n * 20_000);
    due(jitter, n * 20_000);
    delaysUs.push(jitter.delayUs);
  }
  assert.ok(delaysUs[0]! >= 170_000, `${delaysUs}`);
  assert.ok(delaysUs.every((delayUs, n) => (delaysUs[n - 1] ?? 190_000) - delayUs <= 10_000), `${delaysUs}`);
  assert.equal(delaysUs.at(-1), 40_000);
});

test("A sequence gap of millions is one discontinuity, found in bounded work and memory", () => {
  const jitter = buffer();
  let pops = 0;
  const reasons: string[] = [];
  for (let n = 0; n < 100; n++) {
    const sequence = n < 50 ? n : n + 2_000_000_000;
    jitter.insert({ sequence, timestamp: n * 20_000, payload }, n * 20_000);
    for (let item = jitter.pop(n * 20_000); item !== undefined; item = jitter.pop(n * 20_000)) {
      pops++;
      if (item instanceof MediaGap) reasons.push(item.reason);
    }
    assert.ok(jitter.size <= 4);
  }
  assert.ok(pops <= 102, `${pops}`);
  assert.deepEqual(reasons, ["discarded", "discontinuity"]);
});

for (const jumpUs of [-3.6e9, -60e6, -3e6, 60e6, 3.6e9, 8e15]) {
  test(`Timestamps that jump by ${jumpUs / 1e6} s are a discontinuity, and playout goes on`, () => {
    const jitter = new JitterBuffer<TimedPacket>();
    const reasons: string[] = [];
    const playedUs: number[] = [];
    for (let n = 0; n < 200; n++) {
      const nowUs = n * 20_000;
      jitter.insert({ sequence: n, timestamp: 9e12 / 2 + nowUs + (n < 100 ? 0 : jumpUs), payload }, nowUs);
      for (let item = jitter.pop(nowUs); item !== undefined; item = jitter.pop(nowUs)) {
        if (item instanceof MediaGap) reasons.push(item.reason);
        else playedUs[item.sequence] = nowUs;
      }
      assert.ok(jitter.size < 10);
    }
    assert.equal(reasons.at(-1), "discontinuity");
    for (let n = 100; n < 190; n++) assert.ok(playedUs[n]! - n * 20_000 <= 80_000, `${n} at ${playedUs[n]}`);
  });
}

test("JitterBuffer reports no underrun after the end", () => {
  const jitter = buffer({ frameDurationUs: 20_000 });
  jitter.insert(packet(0), 0);
  jitter.end();
  assert.deepEqual(due(jitter, 1e9), [0]);
  assert.equal(jitter.nextPlayoutUs(), undefined);
});
