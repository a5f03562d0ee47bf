/**
 * Many calls on one connection between two processes: `calls.ts [CALLS] [WARM_UP_CALLS] [LIMIT_MB] [IN_FLIGHT]`. Fails when the resident memory of either
 * grows by more than the limit once the first calls have warmed everything up. Defaults: a million, 100,000, 8 MB and 64 at a time.
 *
 * @module
 */
import process from "node:process";
import { RpcClient } from "../../mod.ts";
import type { server } from "./echo_server.ts";
import { residentBytes } from "./resources.ts";
import { startServer } from "./server_process.ts";

const [calls = 1_000_000, warmUpCalls = 100_000, limitMb = 8, inFlight = 64] = process.argv.slice(2).map(Number);
const STEPS = 9;

const serverProcess = await startServer("echo_server");
const client = await RpcClient.connect<typeof server>(serverProcess.address);

await makeCalls(warmUpCalls);
const before = await residentMb();
console.log(`after ${warmUpCalls} calls: client ${before.client.toFixed(1)} MB, server ${before.server.toFixed(1)} MB`);
let after = before;
for (let step = 1; step <= STEPS; step++) {
  await makeCalls(Math.round((calls - warmUpCalls) / STEPS));
  after = await residentMb();
  const made = Math.round(warmUpCalls + ((calls - warmUpCalls) * step) / STEPS);
  console.log(`after ${made} calls: client ${after.client.toFixed(1)} MB, server ${after.server.toFixed(1)} MB`);
}

await client.close();
await serverProcess.stop();
const growthMb = Math.max(after.client - before.client, after.server - before.server);
console.log(`growth ${growthMb.toFixed(1)} MB, limit ${limitMb} MB`);
process.exitCode = growthMb <= limitMb ? 0 : 1;

async function residentMb(): Promise<{ client: number; server: number }> {
  return { client: residentBytes() / 1e6, server: await client.request("resident", null) / 1e6 };
}

async function makeCalls(count: number): Promise<void> {
  const payload = new Uint8Array(64);
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await client.request("echo", payload);
      if (answer.length !== payload.length) throw new Error(`An echo of ${answer.length} bytes`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}
