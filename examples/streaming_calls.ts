/**
 * Streaming calls: a sequence of answers, a sequence of items, and both at once. A loop that is left stops the other side's generator.
 *
 *     node examples/streaming_calls.ts · deno run --allow-ffi examples/streaming_calls.ts · bun examples/streaming_calls.ts
 */
import { cbor, RpcClient, RpcServer } from "../mod.ts";

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .handler("countdown", cbor<{ from: number }>(), async function* (_session, { from }) {
    try {
      for (let n = from; n > 0; n--) yield n;
    } finally {
      console.log("server: countdown ends");
    }
  })
  .channel("sum", cbor<number>(), async (_session, numbers) => {
    let sum = 0;
    for await (const n of numbers) sum += n;
    return sum;
  })
  .channel("shout", cbor<string>(), async function* (_session, lines) {
    for await (const line of lines) yield `${line.toUpperCase()}!`;
  })
  .build();
const { addresses } = await server.start();
const client = await RpcClient.connect<typeof server>(addresses[0]!);

for await (const n of client.requestStream("countdown", { from: 1_000_000 })) {
  console.log(`countdown: ${n}`);
  if (n < 999_999) break;
}

const sum = client.requestChannel("sum", { timeoutMs: 5_000 });
await sum.sendAll([1, 2, 3, 4]);
console.log(`sum: ${await sum.response()}`);

const shout = client.requestChannel("shout");
for (const line of ["hello", "bye"]) {
  await shout.send(line);
  const { value } = await shout.next();
  console.log(`shout: ${value}`);
}
shout.end();

await client.close();
await server.shutdown();
console.log("done");
