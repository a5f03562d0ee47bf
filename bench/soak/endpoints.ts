/**
 * Many endpoints, each opened, used for one call and closed: `endpoints.ts [COUNT]`, 1,000 by default. Fails when a thread, a descriptor or a timer is
 * left behind. What the first few leave (the I/O thread of this environment) is where counting starts.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { RpcClient, RpcServer, silentLogger } from "../../mod.ts";
import { type Resources, resources } from "./resources.ts";

const count = Number(process.argv[2] ?? 1_000);
const TOGETHER = 10;
/** Closed sockets leave within moments; this is how often and how long they are looked at. */
const LOOK_AGAIN_MS = 20;
const MAX_LOOKS = 250;

for (let n = 0; n < 2; n++) await batch(TOGETHER);
const before = await settled();
console.log("before:", JSON.stringify(before));
for (let opened = 0; opened < count; opened += TOGETHER) await batch(Math.min(TOGETHER, count - opened));
const after = await settled(before);
console.log("after: ", JSON.stringify(after));
assert.ok(isWithin(after, before), `${count} endpoints left something behind`);

async function batch(size: number): Promise<void> {
  await Promise.all(Array.from({ length: size }, useOne));
}

async function useOne(): Promise<void> {
  const server = RpcServer.builder().bind("127.0.0.1:0").options({ log: silentLogger })
    .handler("echo", (_session, bytes) => bytes).build();
  const { addresses } = await server.start();
  const client = await RpcClient.connect<typeof server>(addresses[0]!);
  assert.equal((await client.request("echo", new Uint8Array(3))).length, 3);
  await client.close();
  await server.shutdown();
}

/** Counts once they have stopped changing, or are no more than `goal`. */
async function settled(goal?: Resources): Promise<Resources> {
  let last = resources();
  for (let look = 0, same = 0; look < MAX_LOOKS && same < 5; look++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    const now = resources();
    if (goal !== undefined && isWithin(now, goal)) return now;
    same = goal === undefined && JSON.stringify(now) === JSON.stringify(last) ? same + 1 : 0;
    last = now;
  }
  return last;
}

function isWithin(now: Resources, goal: Resources): boolean {
  return now.threads <= goal.threads && now.udpSockets <= goal.udpSockets && now.files <= goal.files &&
    now.timers <= goal.timers;
}
