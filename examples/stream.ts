/**
 * Streams: frames in order with sequence numbers and timestamps, back-pressure by waiting for `send`, and an end that says that all was taken.
 *
 *     node examples/stream.ts · deno run --allow-ffi examples/stream.ts · bun examples/stream.ts
 */
import { RpcClient, RpcServer } from "../mod.ts";

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .stream("microphone", async (_session, incoming) => {
    console.log(`server: stream "${incoming.name}" at ${incoming.clockRate} Hz`);
    for await (const frame of incoming) {
      console.log(`server: frame ${frame.sequence} at ${frame.timestamp}, ${frame.payload.length} bytes`);
    }
    console.log("server: stream ended");
  })
  .build();
const { addresses } = await server.start();

const client = await RpcClient.connect<typeof server>(addresses[0]!);

// 20 ms of 16-bit samples at 48 kHz are 960 samples.
const stream = await client.createStream("microphone", { clockRate: 48_000 });
for (let n = 0; n < 5; n++) await stream.send(new Uint8Array(960 * 2), { timestamp: n * 960 });

// Resolves when the server's handler has taken every frame.
await stream.end();
console.log(`client: ${stream.stats.framesSent} frames sent and taken`);

await client.close();
await server.shutdown();
console.log("done");
