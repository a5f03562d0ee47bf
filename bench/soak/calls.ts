/**
 * Many calls on one connection, client and server in this process: `calls.ts [CALLS] [WARM_UP_CALLS] [LIMIT_MB]`. Fails when resident memory grows by
 * more than the limit once the first calls have warmed everything up. Defaults: a million, 100,000 and 8 MB.
 *
 * @module
 */
import process from "node:process";
import { RpcClient, RpcServer, silentLogger } from "../../mod.ts";
import { residentBytes } from "./resources.ts";

const [calls = 1_000_000, warmUpCalls = 100_000, limitMb = 8] = process.argv.slice(2).map(Number);
const IN_FLIGHT = 64;
const STEP = Math.max(1, Math.floor((calls - warmUpCalls) / 9));

const server = RpcServer.builder().bind("127.0.0.1:0").options({ log: silentLogger })
  .handler("echo", (_session, bytes) => bytes).build();
const { addresses } = await server.start();
const client = await RpcClient.connect<typeof server>(addresses[0]!);

await makeCalls(warmUpCalls);
const before = residentBytes();
console.log(`after ${warmUpCalls} calls: ${megabytes(before)} MB`);
let after = before;
for (let made = warmUpCalls; made < calls; made += STEP) {
  await makeCalls(Math.min(STEP, calls - made));
  after = residentBytes();
  console.log(`after ${Math.min(calls, made + STEP)} calls: ${megabytes(after)} MB`);
}

await client.close();
await server.shutdown();
const growthMb = (after - before) / 1e6;
console.log(`growth ${growthMb.toFixed(1)} MB, limit ${limitMb} MB`);
process.exitCode = growthMb <= limitMb ? 0 : 1;

async function makeCalls(count: number): Promise<void> {
  const payload = new Uint8Array(64);
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await client.request("echo", payload);
      if (answer.length !== payload.length) throw new Error(`An echo of ${answer.length} bytes`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
