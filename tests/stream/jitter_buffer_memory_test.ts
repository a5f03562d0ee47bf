/**
 * What the jitter buffer allocates per packet: nothing, as a garbage collection is a pause in what plays. V8 counts its heap to
 * the byte; JavaScriptCore counts it per collection, and allocates for no number. The times that the buffer is told are made
 * beforehand: what V8 allocates for a fractional argument is the caller's, and differs by what it inlines. Nor is it the buffer's
 * what code allocates that waits for the thread which compiles it.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { JitterBuffer, type TimedPacket } from "../../src/stream/jitter_buffer.ts";

const FRAME_US = 20_000;
const BATCH = 5_000;
const payload = new Uint8Array(160);

/** Plays a stream whose packets, all different objects that are used again, take up to `jitterUs` longer than the fastest. */
class Stream {
  readonly #jitter: JitterBuffer<TimedPacket>;
  readonly #frameTicks: number;
  readonly #jitterUs: number;
  readonly #packets = Array.from({ length: 64 }, () => ({ sequence: 0, timestamp: 0, payload }));
  #sent = 0;
  #state = 1;
  #nowUs = 0.5;
  // Beside something that is no number, V8 keeps numbers as they are passed.
  readonly #arrivalsUs: (number | undefined)[] = [undefined];
  readonly #timestamps: (number | undefined)[] = [undefined];
  played = 0;

  constructor(jitterUs: number, clockRateHz: number) {
    this.#jitter = new JitterBuffer({ clockRateHz });
    this.#frameTicks = (FRAME_US * clockRateHz) / 1e6;
    this.#jitterUs = jitterUs;
  }

  /** Decide when the next `packets` arrive. */
  plan(packets: number): void {
    this.#arrivalsUs.length = this.#timestamps.length = 1;
    for (let n = 0; n < packets; n++) {
      this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0;
      // In order: one that takes longer holds up those behind it.
      const arrivalUs = (this.#sent + n) * FRAME_US + (0.5 + this.#state / 2 ** 32) * this.#jitterUs;
      if (arrivalUs > this.#nowUs) this.#nowUs = arrivalUs;
      this.#arrivalsUs.push(this.#nowUs);
      this.#timestamps.push((this.#sent + n) * this.#frameTicks);
    }
  }

  /** Send those, and play what is due whenever one arrives. */
  play(): void {
    for (let n = 1; n < this.#arrivalsUs.length; n++) {
      const packet = this.#packets[this.#sent & 63]!;
      packet.sequence = this.#sent++;
      packet.timestamp = this.#timestamps[n]!;
      const nowUs = this.#arrivalsUs[n]!;
      this.#jitter.insert(packet, nowUs);
      while (this.#jitter.pop(nowUs) !== undefined) this.played++;
    }
  }
}

for (const [jitterMs, clockRateHz] of [[0, 1_000_000], [20, 1_000_000], [100, 1_000_000], [20, 48_000]] as const) {
  test(`A packet that is in time costs no allocation: ${jitterMs} ms of jitter, clock rate ${clockRateHz} Hz`, () => {
    const stream = new Stream(jitterMs * 1000, clockRateHz);
    stream.plan(200_000);
    stream.play();
    // What is allocated for good never settles.
    let bytes = bytesPerPacket(stream);
    for (let round = 1; bytes >= MOST_BYTES && round < MOST_ROUNDS; round++) bytes = bytesPerPacket(stream);
    assert.ok(bytes < MOST_BYTES, `${bytes} bytes a packet`);
  });
}

function bytesPerPacket(stream: Stream): number {
  const playedBefore = stream.played;
  const bytes = new Float64Array(41);
  for (let batch = 0; batch < bytes.length; batch++) {
    stream.plan(BATCH);
    const before = process.memoryUsage().heapUsed;
    stream.play();
    bytes[batch] = (process.memoryUsage().heapUsed - before) / BATCH;
  }
  assert.ok(stream.played - playedBefore > 40 * BATCH, "frames play");
  // The middle one: engines collect when they like.
  return bytes.sort()[20]!;
}

/** A fractional number takes 12 or 16 bytes; what happens a few times a second, as forgetting does, may need one. */
const MOST_BYTES = 3;
/** A machine that is busy with other work takes a few; the first is enough on an idle one. */
const MOST_ROUNDS = 30;
