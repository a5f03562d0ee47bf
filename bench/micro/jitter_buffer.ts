/**
 * One packet through the jitter buffer, inserted and popped: `node --expose-gc bench/micro/jitter_buffer.ts`. The aim is 200 ns
 * and no allocation; with `--expose-gc` the heap's growth over a million packets is printed, too.
 *
 * @module
 */

import { JitterBuffer, type JitterBufferOptions, type TimedPacket } from "../../src/stream/jitter_buffer.ts";
import { report } from "./report.ts";

const payload = new Uint8Array(160);

/** Packets are reused, as only the buffer is measured; there are more of them than it holds. */
function driver(options: JitterBufferOptions, frameUs: number, jitterUs: number): () => unknown {
  const jitter = new JitterBuffer<TimedPacket>(options);
  const packets = Array.from({ length: 64 }, () => ({ sequence: 0, timestamp: 0, payload }));
  let n = 0;
  let state = 1;
  return () => {
    const packet = packets[n & 63]!;
    packet.sequence = n >>> 0;
    packet.timestamp = n * frameUs;
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const nowUs = n++ * frameUs + (state / 2 ** 32) * jitterUs;
    jitter.insert(packet, nowUs);
    return jitter.pop(nowUs);
  };
}

await report("jitter buffer, insert and pop of a packet", {
  "20 ms audio, adaptive, 5 ms of jitter": driver({}, 20_000, 5_000),
  "20 ms audio, adaptive, 100 ms of jitter": driver({}, 20_000, 100_000),
  "33 ms video, adaptive, 20 ms of jitter": driver({}, 33_333, 20_000),
  "20 ms audio, fixed 100 ms, 20 ms of jitter": driver({ targetMs: 100 }, 20_000, 20_000),
});

const collect = (globalThis as { gc?: () => void }).gc;
if (collect !== undefined) {
  const step = driver({}, 20_000, 20_000);
  for (let i = 0; i < 100_000; i++) step();
  collect();
  const { memoryUsage } = await import("node:process");
  const before = memoryUsage().heapUsed;
  for (let i = 0; i < 1_000_000; i++) step();
  const grownBefore = memoryUsage().heapUsed - before;
  collect();
  console.log(
    `heap after 1,000,000 packets: ${grownBefore} bytes more, ${memoryUsage().heapUsed - before} after collection`,
  );
}
