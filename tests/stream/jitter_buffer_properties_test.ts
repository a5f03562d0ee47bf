/**
 * Laws of the jitter buffer over any order, loss, repetition and timing of arrivals.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JitterBuffer, type TimedPacket } from "../../src/stream/jitter_buffer.ts";
import { MediaGap } from "../../src/stream/media_gap.ts";

const FRAME_US = 20_000;
const payload = new Uint8Array(10);

interface Arrival {
  readonly packet: TimedPacket;
  readonly atUs: number;
}

/** Packets with their arrivals: each is lost, delayed on its own or repeated; sequences wrap around in the midst of them. */
const arrivals: fc.Arbitrary<Arrival[]> = fc
  .tuple(
    fc.array(
      fc.record({
        delayUs: fc.oneof(fc.nat(5_000), fc.nat(60_000), fc.nat(800_000)),
        copies: fc.constantFrom(0, 1, 1, 1, 1, 1, 1, 2),
      }),
      { minLength: 1, maxLength: 120 },
    ),
    fc.constantFrom(0, 0xffff_ffc0, 0x7fff_ffc0),
  )
  .map(([frames, first]) =>
    frames
      .flatMap(({ delayUs, copies }, n) => {
        const packet = { sequence: (first + n) >>> 0, timestamp: n * FRAME_US, payload };
        return Array.from({ length: copies }, (_, copy) => ({ packet, atUs: n * FRAME_US + delayUs + copy * 7_000 }));
      })
      .sort((a, b) => a.atUs - b.atUs)
  );

const options = fc.record({
  late: fc.constantFrom("drop" as const, "deliver" as const),
  targetMs: fc.constantFrom("adaptive" as const, 0, 50, 300),
  maxPackets: fc.constantFrom(4, 64, 1024),
});

/** Insert and pop as a consumer would that wakes when it is told to, and 3 s after the last arrival. */
function play(
  jitter: JitterBuffer<TimedPacket>,
  input: readonly Arrival[],
  onItem: (item: TimedPacket | MediaGap, nowUs: number) => void,
): void {
  const drain = (nowUs: number): void => {
    for (let item = jitter.pop(nowUs); item !== undefined; item = jitter.pop(nowUs)) onItem(item, nowUs);
  };
  const wakeUntil = (endUs: number): void => {
    for (let wakeUs = jitter.nextPlayoutUs(); wakeUs !== undefined && wakeUs < endUs; wakeUs = jitter.nextPlayoutUs()) {
      drain(wakeUs);
      // A millisecond is the resolution of timers.
      if (jitter.nextPlayoutUs() === wakeUs) drain(wakeUs += 1_000);
    }
  };
  for (const { packet, atUs } of input) {
    wakeUntil(atUs);
    jitter.insert(packet, atUs);
    drain(atUs);
  }
  const endUs = (input.at(-1)?.atUs ?? 0) + 3_000_000;
  wakeUntil(endUs);
  drain(endUs);
}

test("Every sequence comes out once, in order, as its packet or within a gap", () => {
  fc.assert(fc.property(arrivals, options, (input, option) => {
    const jitter = new JitterBuffer<TimedPacket>(option);
    let next: number | undefined;
    play(jitter, input, (item) => {
      const count = item instanceof MediaGap ? item.count : 1;
      if (count === 0) return;
      if (next !== undefined) assert.equal(item.sequence, next);
      next = (item.sequence + count) >>> 0;
    });
    assert.equal(jitter.size, 0);
    assert.equal(jitter.sizeBytes, 0);
  }));
});

test("No packet comes out before its time, and each that was in time comes out", () => {
  fc.assert(fc.property(arrivals, fc.constantFrom(0, 50, 300), (input, targetMs) => {
    const jitter = new JitterBuffer<TimedPacket>({ targetMs });
    const arrived = new Set<number>();
    const played = new Set<number>();
    const original = new Set(input.map(({ packet }) => packet));
    const fastestUs = Math.min(...input.map(({ packet, atUs }) => atUs - packet.timestamp));
    play(jitter, input, (item, nowUs) => {
      if (item instanceof MediaGap) return;
      assert.ok(original.has(item));
      assert.ok(nowUs - item.timestamp >= fastestUs + targetMs * 1_000 - 1, `${item.sequence} at ${nowUs}`);
      played.add(item.sequence);
    });
    for (const { packet } of input) arrived.add(packet.sequence);
    const { packetsLate, packetsDiscarded, packetsDuplicated, packetsReceived } = jitter.stats;
    assert.equal(packetsReceived, played.size + packetsLate + packetsDiscarded + packetsDuplicated);
    assert.ok(played.size <= arrived.size);
  }));
});

test("A lost packet delays none of the later ones", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 98 }), { maxLength: 60 }), (lost) => {
    const sent = Array.from({ length: 100 }, (_, n) => ({
      packet: { sequence: n, timestamp: n * FRAME_US, payload },
      atUs: n * FRAME_US,
    }));
    const playedUs = new Map<number, number>();
    const jitter = new JitterBuffer<TimedPacket>({ targetMs: 40, frameDurationUs: FRAME_US });
    play(jitter, sent.filter((_, n) => !lost.includes(n)), (item, nowUs) => {
      if (!(item instanceof MediaGap)) playedUs.set(item.sequence, nowUs);
    });
    for (const { packet, atUs } of sent) {
      const at = playedUs.get(packet.sequence);
      // Runs of losses longer than the delay end with an underrun and go on at the next arrival.
      if (at !== undefined) assert.ok(at - atUs <= 40_000 + 1_000, `${packet.sequence} at ${at}`);
    }
    assert.equal(playedUs.size, 100 - lost.length);
  }));
});

test("Any packets at all leave the buffer within its bounds and never stuck", () => {
  const anything = fc.record({
    sequence: fc.oneof(fc.nat(50), fc.integer({ min: 0, max: 0xffff_ffff })),
    timestamp: fc.oneof(fc.nat(1_000_000), fc.maxSafeNat()),
    stepUs: fc.oneof(fc.nat(20_000), fc.nat(100_000_000)),
    asks: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(anything, { maxLength: 200 }), (packets) => {
    const jitter = new JitterBuffer<TimedPacket>({ maxPackets: 16, maxBytes: 100 });
    let nowUs = 0;
    for (const { sequence, timestamp, stepUs, asks } of packets) {
      jitter.insert({ sequence, timestamp, payload }, nowUs += stepUs);
      assert.ok(jitter.size <= 16 && jitter.sizeBytes <= 100);
      for (let left = 1_000; asks && jitter.pop(nowUs) !== undefined; left--) assert.ok(left > 0);
    }
    nowUs += 60_000_000;
    for (let left = 1_000; jitter.pop(nowUs) !== undefined; left--) assert.ok(left > 0);
    assert.equal(jitter.size, 0);
  }));
});

test("Sequences and 32-bit timestamps that wrap play as those that do not", () => {
  fc.assert(fc.property(arrivals, fc.constantFrom("drop" as const, "deliver" as const), (input, late) => {
    const plain: string[] = [];
    const wrapping: string[] = [];
    const describe = (item: TimedPacket | MediaGap, first: number): string => {
      const sequence = (item.sequence - first) >>> 0;
      return item instanceof MediaGap ? `${item.reason} ${sequence}+${item.count}` : `${sequence}`;
    };
    const first = input[0]?.packet.sequence ?? 0;
    play(new JitterBuffer({ late, timestampBits: 32 }), input, (item) => plain.push(describe(item, first)));
    const moved = input.map(({ packet, atUs }) => ({
      packet: {
        sequence: (packet.sequence - first + 0xffff_fff0) >>> 0,
        timestamp: (packet.timestamp + 0xffff_f000) >>> 0,
        payload,
      },
      atUs,
    }));
    play(new JitterBuffer({ late, timestampBits: 32 }), moved, (item) => wrapping.push(describe(item, 0xffff_fff0)));
    assert.deepEqual(wrapping, plain);
  }));
});

test("A target that is lowered comes down, whatever it was and whatever the jitter (w3c/webrtc-extensions #199)", () => {
  const delays = fc.array(fc.nat(30_000), { minLength: 50, maxLength: 50 });
  const target = fc.integer({ min: 40, max: 400 });
  fc.assert(fc.property(delays, target, target, (delaysUs, highMs, lowMs) => {
    const jitter = new JitterBuffer<TimedPacket>({ targetMs: Math.max(highMs, lowMs) });
    let nowUs = 0;
    for (let n = 0; n < 300; n++) {
      if (n === 150) jitter.setTarget(Math.min(highMs, lowMs));
      nowUs = Math.max(nowUs, n * FRAME_US + delaysUs[n % 50]!);
      jitter.insert({ sequence: n, timestamp: n * FRAME_US, payload }, nowUs);
      while (jitter.pop(nowUs) !== undefined);
    }
    assert.ok(Math.abs(jitter.delayUs - 1000 * Math.min(highMs, lowMs)) < 1, `${jitter.delayUs}`);
  }));
});

test("However the local clock leaps or steps back, packets come out once and in order, and memory is bounded", () => {
  const leap = fc.record({
    at: fc.integer({ min: 1, max: 150 }),
    byUs: fc.integer({ min: -100_000_000, max: 100_000_000 }),
  });
  fc.assert(fc.property(fc.array(leap, { maxLength: 4 }), (leaps) => {
    const jitter = new JitterBuffer<TimedPacket>();
    let aheadUs = 0;
    let last = -1;
    for (let n = 0; n < 200; n++) {
      for (const { at, byUs } of leaps) if (at === n) aheadUs += byUs;
      const nowUs = n * FRAME_US + aheadUs;
      jitter.insert({ sequence: n, timestamp: n * FRAME_US, payload }, nowUs);
      for (let item = jitter.pop(nowUs); item !== undefined; item = jitter.pop(nowUs)) {
        if (item instanceof MediaGap) continue;
        assert.ok(item.sequence > last, `${item.sequence} after ${last}`);
        last = item.sequence;
      }
      assert.ok(jitter.size <= 1_024);
    }
    assert.ok(last >= 0);
  }));
});
