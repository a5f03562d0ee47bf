/**
 * How late frames are by delivery, over real QUIC on loopback through a proxy that delays everything and loses some of it, by a seeded
 * random source. Prints the delivery latency of the frames that arrived, and how much lower the 99th percentile is than `reliable`'s.
 *
 *     node bench/timing/delivery_latency.ts [loss] [delayMs] [seconds] [seed] [mtuBytes]
 *
 * Without `mtuBytes` packets are those of loopback, which hold 64 KiB; 1452 makes them those of the internet.
 *
 * @module
 */

import process from "node:process";
import { systemClock } from "../../src/clock.ts";
import { RpcClient } from "../../src/client/client.ts";
import { RpcServer } from "../../src/server/server.ts";
import type { StreamOptions } from "../../src/stream/stream_options.ts";
import { UdpProxy } from "../../tests/support/udp_proxy.ts";

interface Load {
  readonly name: string;
  readonly frameBytes: number;
  readonly framesPerS: number;
}

interface Row {
  readonly load: string;
  readonly delivery: string;
  readonly arrived: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const LOADS: readonly Load[] = [
  { name: "pose: 100 Hz, 100 B", frameBytes: 100, framesPerS: 100 },
  { name: "video: 30 Hz, 6,000 B", frameBytes: 6_000, framesPerS: 30 },
];
const DELIVERIES: readonly (readonly [name: string, options: StreamOptions])[] = [
  ["reliable", {}],
  ["expiring", { delivery: "expiring" }],
  ["datagram", { delivery: "datagram" }],
  ["datagram, duplicate", { delivery: "datagram", protection: "duplicate" }],
  ["datagram, parity of 4", { delivery: "datagram", protection: { parityEvery: 4 } }],
];

const [loss = 0.05, delayMs = 20, seconds = 20, seed = 1, mtuBytes = Infinity] = process.argv.slice(2).map(Number);

const rows: Row[] = [];
for (const load of LOADS) {
  for (const [delivery, options] of DELIVERIES) rows.push(await measure(load, delivery, options));
}
print(rows);

async function measure(load: Load, delivery: string, options: StreamOptions): Promise<Row> {
  const latenciesMs: number[] = [];
  const server = RpcServer.builder().bind("127.0.0.1:0")
    .stream("frames", async (_session, incoming) => {
      // Both ends are in one process, so that the timestamp and the arrival are of one clock.
      for await (const { timestamp, arrivalUs } of incoming) latenciesMs.push((arrivalUs - timestamp) / 1_000);
    })
    .build();
  const { addresses } = await server.start();
  const proxy = await UdpProxy.open(addresses[0]!, { seed, faults: { mtuBytes } });
  const client = await RpcClient.connect<typeof server>(proxy.address);
  const stream = await client.createStream("frames", options);
  proxy.faults = { drop: loss, delayMs, mtuBytes };
  const count = seconds * load.framesPerS;
  const startUs = systemClock.nowUs();
  for (let n = 0; n < count; n++) {
    const waitMs = (startUs + n * 1e6 / load.framesPerS - systemClock.nowUs()) / 1_000;
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    // A camera does not wait for the network either.
    stream.send(new Uint8Array(load.frameBytes)).catch(() => {});
  }
  await stream.end();
  proxy.faults = { mtuBytes };
  await client.close();
  await proxy.close();
  await server.shutdown({ graceMs: 0 });
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number =>
    latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(share * latenciesMs.length))]!;
  return {
    load: load.name,
    delivery,
    arrived: latenciesMs.length / count,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}

function print(rows: readonly Row[]): void {
  console.log(`${loss * 100} % loss each way, ${delayMs} ms one way, ${seconds} s each, seed ${seed}\n`);
  console.log("| load | delivery | arrived | p50 | p99 | max | p99 of reliable is |");
  console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
  for (const row of rows) {
    const reliable = rows.find(({ load, delivery }) => load === row.load && delivery === "reliable")!;
    const figures = [row.p50Ms, row.p99Ms, row.maxMs].map((ms) => `${ms.toFixed(1)} ms`);
    const factor = `${(reliable.p99Ms / row.p99Ms).toFixed(1)} ×`;
    console.log(
      `| ${[row.load, row.delivery, `${(row.arrived * 100).toFixed(1)} %`, ...figures, factor].join(" | ")} |`,
    );
  }
}
