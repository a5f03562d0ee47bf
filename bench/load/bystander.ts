/**
 * A client that has nothing to do with an attack: told a number of seconds, it makes calls as fast as they are answered, and says how many
 * were in each second.
 *
 * @module
 */
import { RpcClient, type SocketAddress } from "../../mod.ts";
import { serve, settings } from "./program.ts";

const IN_FLIGHT = 64;
const PAYLOAD = new Uint8Array(64);

const client = await RpcClient.connect(settings<SocketAddress>());
await serve({}, (seconds) => callsPerSecond(Number(seconds)), () => client.close({ graceMs: 0 }));

async function callsPerSecond(seconds: number): Promise<number[]> {
  const counts: number[] = new Array(seconds).fill(0);
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    for (;;) {
      await client.request("echo", PAYLOAD);
      const second = Math.floor((performance.now() - startedMs) / 1000);
      if (second >= seconds) return;
      counts[second]!++;
    }
  }));
  return counts;
}
