/**
 * Client process of the bench of I/O threads: `client.ts JSON`. Connects, prints a line, and then a line of figures for each bench it reads
 * the name of. Ends when its standard input closes.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { echostream } from "../peers/echostream.ts";
import { BULK_FRAME_BYTES, type PeerAddress, type PeerClient } from "../peers/peer.ts";
import { type LoadOptions, measureCalls } from "../macro/load.ts";

/** What it is told. */
interface Job extends LoadOptions {
  readonly address: PeerAddress;
  readonly connections: number;
}

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const clients = await Promise.all(Array.from({ length: job.connections }, () => echostream.connect(job.address)));
console.log("connected");
for await (const bench of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await measure(bench)));
}
process.exit(0);

function measure(bench: string): Promise<object> {
  switch (bench) {
    case "calls":
      return measureCalls(spread(), 64, 64, job);
    case "one call":
      return measureCalls(clients[0]!, 1, 64, job);
    case "upload":
      return flow((client) => client.bulk!(16 * BULK_FRAME_BYTES), 16 * BULK_FRAME_BYTES);
    case "download":
      return flow((client) => client.download!(16 * BULK_FRAME_BYTES), 16 * BULK_FRAME_BYTES);
    case "handshakes":
      return flow(async () => await (await echostream.connect(job.address)).close(), 0);
    default:
      throw new RangeError(`Unknown bench "${bench}"`);
  }
}

/** One client of all of them, which take turns. */
function spread(): Pick<PeerClient, "call"> {
  let next = 0;
  return { call: (payload, done) => clients[next++ % clients.length]!.call(payload, done) };
}

/** Every connection does it again and again. */
async function flow(once: (client: PeerClient) => Promise<unknown>, bytes: number): Promise<object> {
  const begunMs = performance.now() + job.warmUpMs;
  const endMs = begunMs + job.durationMs;
  let done = 0;
  await Promise.all(clients.map(async (client) => {
    while (performance.now() < endMs) {
      await once(client);
      const nowMs = performance.now();
      if (nowMs >= begunMs && nowMs < endMs) done++;
    }
  }));
  const perS = done / (job.durationMs / 1000);
  return { ops: Math.round(perS), mbPerS: Math.round(perS * bytes / 1e5) / 10 };
}
