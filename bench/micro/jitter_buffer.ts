/**
 * A packet through the jitter buffer, from insert to pop: `node bench/micro/jitter_buffer.ts`, and under Deno or Bun. By how
 * much packets are delayed decides how much there is to learn from them, hence a line for each amount of jitter and for some of
 * the seeded networks. 200 ns is what it may take; `tests/stream/jitter_buffer_memory_test.ts` shows that nothing is allocated.
 *
 * @module
 */

import { JitterBuffer, type JitterBufferOptions, type TimedPacket } from "../../src/stream/jitter_buffer.ts";
import { type NetworkKind, networkTrace } from "../timing/network_model.ts";
import { Random } from "../timing/random.ts";
import { OPERATIONS, reportSamples } from "./report.ts";

const payload = new Uint8Array(160);

/** Packets in the order of their arrival, and after how long they come again. */
interface Traffic {
  readonly sequences: Int32Array;
  readonly sentUs: Float64Array;
  readonly arrivedUs: Float64Array;
  readonly count: number;
  readonly lengthUs: number;
}

function traffic(sentUs: Float64Array, arrivedUs: Float64Array, periodUs: number): Traffic {
  const order = [...sentUs.keys()].filter((n) => !Number.isNaN(arrivedUs[n]!));
  order.sort((a, b) => arrivedUs[a]! - arrivedUs[b]!);
  return {
    sequences: Int32Array.from(order),
    sentUs: Float64Array.from(order, (n) => sentUs[n]!),
    arrivedUs: Float64Array.from(order, (n) => arrivedUs[n]!),
    count: sentUs.length,
    lengthUs: Math.round(sentUs.at(-1)! + periodUs),
  };
}

/** Frames of 20 ms, each delayed by anything up to `jitterMs`, so that some overtake others when that is more than 20. */
function jittered(jitterMs: number): Traffic {
  const random = new Random(1);
  const sentUs = Float64Array.from({ length: 6_000 }, (_, n) => n * 20_000);
  return traffic(sentUs, sentUs.map((atUs) => atUs + random.between(0, jitterMs * 1000)), 20_000);
}

function network(kind: NetworkKind): Traffic {
  const { sentUs, arrivedUs, periodUs } = networkTrace(kind, 1);
  return traffic(sentUs, arrivedUs, periodUs);
}

/** Packet by packet: it is inserted, and all that is due is popped. Packets are used again, as only the buffer is measured. */
function driver(
  { sequences, sentUs, arrivedUs, count, lengthUs }: Traffic,
  options: JitterBufferOptions = {},
): () => unknown {
  const jitter = new JitterBuffer<TimedPacket>(options);
  const ticksPerUs = (options.clockRateHz ?? 1e6) / 1e6;
  const packets = Array.from({ length: 1_024 }, () => ({ sequence: 0, timestamp: 0, payload }));
  let next = 0;
  let startUs = 0;
  let first = 0;
  return () => {
    let popped: unknown;
    for (let n = 0; n < OPERATIONS; n++) {
      const sequence = first + sequences[next]!;
      const packet = packets[sequence & 1_023]!;
      packet.sequence = sequence;
      packet.timestamp = (startUs + sentUs[next]!) * ticksPerUs;
      const nowUs = startUs + arrivedUs[next]!;
      jitter.insert(packet, nowUs);
      for (let item = jitter.pop(nowUs); item !== undefined; item = jitter.pop(nowUs)) popped = item;
      if (++next === sequences.length) {
        next = 0;
        startUs += lengthUs;
        first += count;
      }
    }
    return popped;
  };
}

const tasks: Record<string, () => unknown> = {};
for (const jitterMs of [0, 5, 20, 50, 100, 200, 500]) tasks[`${jitterMs} ms of jitter`] = driver(jittered(jitterMs));
tasks["20 ms of jitter, fixed 100 ms"] = driver(jittered(20), { targetMs: 100 });
tasks["20 ms of jitter, 48 kHz"] = driver(jittered(20), { clockRateHz: 48_000 });
for (const kind of ["wifi", "wifi-busy", "lte-video", "edge-audio"] as const) tasks[kind] = driver(network(kind));
await reportSamples("jitter buffer, from insert to pop", tasks);
