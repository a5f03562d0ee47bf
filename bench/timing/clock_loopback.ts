/**
 * How well `client.clock` knows the clock of a server in another process on the same machine, over QUIC on loopback. The truth
 * comes from CLOCK_MONOTONIC, which both processes read beside `performance.now()`. Run with Node 26:
 * `node bench/timing/clock_loopback.ts [seconds]`.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { RpcClient, RpcServer } from "../../mod.ts";

/** What CLOCK_MONOTONIC is ahead of the clock a session uses, in microseconds: the narrowest of many readings. */
function monotonicAheadUs(): number {
  let aheadUs = NaN;
  let narrowestUs = Infinity;
  for (let reading = 0; reading < 2_000; reading++) {
    const before = Number(process.hrtime.bigint()) / 1000;
    const sessionUs = performance.now() * 1000;
    const after = Number(process.hrtime.bigint()) / 1000;
    if (after - before >= narrowestUs) continue;
    narrowestUs = after - before;
    aheadUs = (before + after) / 2 - sessionUs;
  }
  return aheadUs;
}

async function serve(): Promise<void> {
  const server = RpcServer.builder().bind("127.0.0.1:0").build();
  const { addresses } = await server.start();
  console.log(JSON.stringify({ port: addresses[0]!.port, aheadUs: monotonicAheadUs() }));
  process.stdin.on("end", () => void server.shutdown({ graceMs: 0 })).resume();
}

async function measure(seconds: number): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "serve"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line") as [string];
  const { port, aheadUs } = JSON.parse(line) as { port: number; aheadUs: number };
  const trueOffsetUs = monotonicAheadUs() - aheadUs;
  const startedMs = performance.now();
  const client = await RpcClient.connect(`127.0.0.1:${port}`);
  await client.clock.ready();
  const readyMs = performance.now() - startedMs;
  const errorsUs: number[] = [];
  let outside = 0;
  for (let sample = 0; sample < seconds * SAMPLES_PER_S; sample++) {
    const errorUs = Math.abs(client.clock.offsetUs - trueOffsetUs);
    errorsUs.push(errorUs);
    if (errorUs > client.clock.errorBoundUs) outside++;
    await new Promise((resolve) => setTimeout(resolve, 1000 / SAMPLES_PER_S));
  }
  errorsUs.sort((a, b) => a - b);
  const at = (share: number): string => errorsUs[Math.floor((errorsUs.length - 1) * share)]!.toFixed(1);
  console.log(`ready after ${readyMs.toFixed(0)} ms, fastest round trip ${client.clock.roundTripTimeUs.toFixed(0)} µs`);
  console.log(`error p50 ${at(0.5)} µs, p99 ${at(0.99)} µs, worst ${at(1)} µs over ${seconds} s`);
  console.log(
    `error bound ${client.clock.errorBoundUs.toFixed(0)} µs, ${outside} of ${errorsUs.length} errors outside`,
  );
  await client.close();
  child.stdin.end();
  await once(child, "exit");
}

const SAMPLES_PER_S = 20;

if (process.argv[2] === "serve") await serve();
else await measure(Number(process.argv[2] ?? 30));
