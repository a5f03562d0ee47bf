/**
 * Sender process of the demo: `sender.ts ADDRESS DURATION_MS SEED`. Sends the streams, says `started` when it begins, and ends when the receiver has
 * written its report.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { RpcClient } from "../../mod.ts";
import { DEMO_STREAMS, type DemoStream } from "./demo_streams.ts";
import type { SentLog } from "./recording.ts";
import type { receiverOf } from "./receiver_service.ts";
import { showClock } from "./true_offset.ts";

const [address = "", ...numbers] = process.argv.slice(2);
const [durationMs, seed] = numbers.map(Number) as [number, number];

await using client = await RpcClient.connect<ReturnType<typeof receiverOf>>(address);
const shown = await showClock();
await client.request("clock.watch", shown.port);
const senders = await Promise.all(DEMO_STREAMS.map(({ name, options }) => client.createStream(name, options)));
console.log("started");
const startedMs = performance.now();
const captures = await Promise.all(DEMO_STREAMS.map((stream, n) => sendAll(stream, senders[n]!)));
await Promise.all(senders.map((sender) => sender.end()));
shown.close();
const log: SentLog = {
  startedUs: startedMs * 1000,
  capturesUs: Object.fromEntries(DEMO_STREAMS.map(({ name }, n) => [name, captures[n]!])),
};
await client.request("report.write", log);

/** Send the frames of a stream, each when it is time for it; returns when that was, in microseconds. */
async function sendAll(stream: DemoStream, sender: Awaited<ReturnType<typeof client.createStream>>): Promise<number[]> {
  const { intervalMs, options: { clockRate } } = stream;
  const frame = stream.frames(seed);
  const capturesUs: number[] = [];
  for (let n = 0; n * intervalMs < durationMs; n++) {
    const dueMs = startedMs + n * intervalMs;
    if (dueMs > performance.now()) await sleep(dueMs - performance.now());
    capturesUs.push(dueMs * 1000);
    // Not waited for: a camera does not wait for the network either.
    void sender.send(frame(n), {
      timestamp: Math.round((n * intervalMs * clockRate) / 1000),
      captureUs: dueMs * 1000,
    });
  }
  return capturesUs;
}
