/**
 * Client process of the macro bench: `client.ts SYSTEM PORT JSON` with `{"benches", "warmUpMs", "durationMs"}`. Prints one JSON object per bench.
 *
 * @module
 */
import process from "node:process";
import { BULK_FRAME_BYTES, ITEM_BYTES, type PeerClient } from "../peers/peer.ts";
import { type LoadOptions, measureCalls, measureFlow, type Measurement } from "./load.ts";
import { loadSystem } from "./systems.ts";

/** Payload of a small call. */
const CALL_BYTES = 64;
const FIRST_FRAMES = 128;
const FIRST_ITEMS = 10_000;

const [system = "", port = "", job = "{}"] = process.argv.slice(2);
const { benches, ...options } = JSON.parse(job) as LoadOptions & { benches: string[] };
const peer = await loadSystem(system);
const client = await peer.connect(Number(port));
for (const bench of benches) {
  const measuring = measure(client, bench);
  if (measuring !== undefined) console.log(JSON.stringify({ bench, ...await measuring }));
}
await client.close();
process.exit(0);

/** Benches are named `unary-<in flight>`, `bulk`, `items` and `echo-items`; `undefined` when the system has none of that kind. */
function measure(client: PeerClient, bench: string): Promise<Measurement> | undefined {
  switch (bench) {
    case "bulk":
      return measureFlow((frames) => client.bulk(frames * BULK_FRAME_BYTES), FIRST_FRAMES, BULK_FRAME_BYTES, options);
    case "items":
      return client.items && measureItems((count) => client.items!(count));
    case "echo-items":
      return client.echoItems && measureItems((count) => client.echoItems!(count));
    default:
      return measureCalls(client, Number(bench.replace("unary-", "")), CALL_BYTES, options);
  }
}

function measureItems(move: (count: number) => Promise<number>): Promise<Measurement> {
  const whole = async (count: number): Promise<void> => {
    const received = await move(count);
    if (received !== count) throw new Error(`${received} items came instead of ${count}`);
  };
  return measureFlow(whole, FIRST_ITEMS, ITEM_BYTES, options);
}
