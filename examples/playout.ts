/**
 * Timed streams: frames leave when they are captured, cross the network in datagrams, and come out of the playout at the pace at which they
 * went in, however unevenly they arrive. What is missing comes out as a gap, for concealment.
 *
 *     node examples/playout.ts · deno run --allow-ffi examples/playout.ts · bun examples/playout.ts
 */
import { RpcClient, RpcServer } from "../mod.ts";

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .stream("microphone", async (_session, incoming) => {
    // Without `targetMs` the delay is the least that lets nearly all frames arrive in time, found anew all the time.
    const playout = incoming.playout({ targetMs: 60, late: "deliver" });
    for await (const item of playout) {
      if (item.kind === "frame") console.log(`server: play frame ${item.sequence}, ${item.payload.length} bytes`);
      else if (item.count > 0) console.log(`server: conceal ${item.count} frames (${item.reason})`);
    }
    const { framesRendered } = playout.getStats();
    console.log(`server: ${framesRendered} frames played`);
  })
  .build();
const { addresses } = await server.start();

const client = await RpcClient.connect<typeof server>(addresses[0]!);
const microphone = await client.createStream("microphone", {
  clockRate: 48_000,
  delivery: "datagram",
  protection: { parityEvery: 4 },
});
for (let n = 0; n < 5; n++) {
  await microphone.send(new Uint8Array(160), { timestamp: n * 960 });
  await new Promise((resolve) => setTimeout(resolve, 20));
}
await microphone.end();

await client.close();
await server.shutdown();
console.log("done");
