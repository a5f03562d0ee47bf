/**
 * Many frames on streams of every delivery, played in another process: `playout.ts [FRAMES] [WARM_UP_FRAMES] [LIMIT_MB]`. Fails when the resident memory
 * of either grows by more than the limit once the first frames have warmed everything up, or when less than nine tenths of the frames are played.
 * Defaults: a million, 200,000 and 8 MB.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { RpcClient } from "../../mod.ts";
import type { server } from "./playout_server.ts";
import { residentBytes } from "./resources.ts";
import { startServer } from "./server_process.ts";

const [frames = 1_000_000, warmUpFrames = 200_000, limitMb = 8] = process.argv.slice(2).map(Number);
const DELIVERIES = ["reliable", "expiring", "datagram"] as const;
const FRAMES_TOGETHER = 64;
const STEPS = 8;

const serverProcess = await startServer("playout_server");
const client = await RpcClient.connect<typeof server>(serverProcess.address);

await play(warmUpFrames);
const before = await residentMb();
console.log(
  `after ${warmUpFrames} frames: sender ${before.sender.toFixed(1)} MB, player ${before.player.toFixed(1)} MB`,
);
let after = before;
for (let step = 1; step <= STEPS; step++) {
  await play(Math.floor((frames - warmUpFrames) / STEPS));
  after = await residentMb();
  const sent = Math.round(warmUpFrames + ((frames - warmUpFrames) * step) / STEPS);
  console.log(`after ${sent} frames: sender ${after.sender.toFixed(1)} MB, player ${after.player.toFixed(1)} MB`);
}
const { played, missing } = await client.request("counts", null);
console.log(`${played} frames played, ${missing} reported missing`);
assert.ok(played > 0.9 * frames && played + missing <= frames, `${played} and ${missing} of ${frames} frames`);

await client.close();
await serverProcess.stop();
const growthMb = Math.max(after.sender - before.sender, after.player - before.player);
console.log(`growth ${growthMb.toFixed(1)} MB, limit ${limitMb} MB`);
process.exitCode = growthMb <= limitMb ? 0 : 1;

async function residentMb(): Promise<{ sender: number; player: number }> {
  return { sender: residentBytes() / 1e6, player: await client.request("resident", null) / 1e6 };
}

/** Send so many frames, a third on a stream of each delivery, and wait until all were played or missed. */
async function play(count: number): Promise<void> {
  const shares = DELIVERIES.map((_, n) => Math.floor((count + n) / DELIVERIES.length));
  await Promise.all(DELIVERIES.map((delivery, n) => sendAll(delivery, shares[n]!)));
}

async function sendAll(delivery: typeof DELIVERIES[number], count: number): Promise<void> {
  const payload = new Uint8Array(64);
  const stream = await client.createStream(delivery, { delivery });
  for (let sent = 0; sent < count; sent += FRAMES_TOGETHER) {
    const together = Array.from({ length: Math.min(FRAMES_TOGETHER, count - sent) }, () => stream.send(payload));
    await Promise.all(together);
    // However busy the machine is, no more than this is on its way.
    await client.request("counts", null);
  }
  await stream.end();
}
