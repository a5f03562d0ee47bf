/**
 * How late frames are handed out, over real QUIC through a proxy that delays, shakes and loses packets, beside a bare `setTimeout` in the
 * same process: `playout_lateness.ts [SECONDS]`, with any runtime.
 *
 * Lateness is how long after its due time something happens, 0 when it happens before: a playout is never early, but `setTimeout` is where
 * it drops the fraction of a millisecond. So it is measured both ways: given the time left as it is, which may fire up to 2 ms early, and
 * rounded up, so that it does not.
 *
 * @module
 */

import process from "node:process";
import { systemClock } from "../../src/clock.ts";
import { RpcClient } from "../../src/client/client.ts";
import { seededRandom } from "../../src/connection/memory_link.ts";
import { RpcServer } from "../../src/server/server.ts";
import { UdpProxy } from "../../tests/support/udp_proxy.ts";

const seconds = Number(process.argv[2] ?? 20);
const FRAME_MS = 10;
const random = seededRandom(1);
const playoutMs: number[] = [];
const roundedMs: number[] = [];
const plainMs: number[] = [];

/** Milliseconds since `dueUs`, 0 before. */
function latenessMs(dueUs: number): number {
  return Math.max(0, (systemClock.nowUs() - dueUs) / 1000);
}

/** What somebody would write who wants something to happen in `delayMs`. */
function measureBare(delayMs: number): void {
  const dueUs = systemClock.nowUs() + delayMs * 1000;
  setTimeout(() => roundedMs.push(latenessMs(dueUs)), Math.ceil(delayMs));
  setTimeout(() => plainMs.push(latenessMs(dueUs)), delayMs);
}

const server = RpcServer.builder().bind("127.0.0.1:0")
  .stream("pose", async (_session, incoming) => {
    for await (const item of incoming.playout({ targetMs: 40 })) {
      if (item.kind !== "frame") continue;
      playoutMs.push(latenessMs(item.playoutUs));
      measureBare(20 + 20 * random());
    }
  })
  .build();
const { addresses } = await server.start();
const faults = { delayMs: 20, jitterMs: 3, drop: 0.01, reorder: 0.01 };
const proxy = await UdpProxy.open(addresses[0]!, { faults });
const client = await RpcClient.connect<typeof server>(proxy.address);
const stream = await client.createStream("pose", { delivery: "datagram" });
const startUs = systemClock.nowUs();
for (let n = 0; n < seconds * 1000 / FRAME_MS; n++) {
  const waitMs = (startUs + n * FRAME_MS * 1000 - systemClock.nowUs()) / 1000;
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  stream.send(new Uint8Array(100)).catch(() => {});
}
await stream.end();
await client.close();
await proxy.close();
await server.shutdown({ graceMs: 0 });

const at = (values: number[], share: number): number =>
  values.sort((a, b) => a - b)[Math.floor(values.length * share)]!;
const ROWS = [["playout", playoutMs], ["setTimeout, rounded up", roundedMs], [
  "setTimeout, as it is",
  plainMs,
]] as const;
for (const [name, values] of ROWS) {
  const figures = [0.5, 0.9, 0.99].map((share) => `p${share * 100} ${at(values, share).toFixed(3)} ms`);
  const ratio = (at(playoutMs, 0.99) / at(values, 0.99)).toFixed(2);
  console.log(`${name.padEnd(22)} ${figures.join(", ")} of ${values.length}; p99 of playout is ${ratio} ×`);
}
