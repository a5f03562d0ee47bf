/**
 * Client process of the macro bench: `client.ts SYSTEM PORT JSON` with `{"benches", "warmUpMs", "durationMs"}`. Prints one JSON object per bench.
 *
 * @module
 */
import process from "node:process";
import { BULK_FRAME_BYTES, type PeerClient } from "../peers/peer.ts";
import { type LoadOptions, measureBulk, measureCalls, type Measurement } from "./load.ts";
import { loadSystem } from "./systems.ts";

/** Payload of a small call. */
const CALL_BYTES = 64;

const [system = "", port = "", job = "{}"] = process.argv.slice(2);
const { benches, ...options } = JSON.parse(job) as LoadOptions & { benches: string[] };
const peer = await loadSystem(system);
const client = await peer.connect(Number(port));
for (const bench of benches) console.log(JSON.stringify({ bench, ...await measure(client, bench) }));
await client.close();
process.exit(0);

/** Benches are named `unary-<in flight>` and `bulk`. */
function measure(client: PeerClient, bench: string): Promise<Measurement> {
  return bench === "bulk"
    ? measureBulk(client, BULK_FRAME_BYTES, options)
    : measureCalls(client, Number(bench.replace("unary-", "")), CALL_BYTES, options);
}
