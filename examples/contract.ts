/**
 * A contract that server and client share: methods, an event and a push, with an error that the caller tells from all others.
 *
 *     node examples/contract.ts · deno run --allow-ffi examples/contract.ts · bun examples/contract.ts
 */
import { cbor, contract, ErrorCode, isApplicationError, RpcClient, RpcServer } from "../mod.ts";

// Would be a module, or a package, of its own: it imports nothing of either end.
const shop = contract({
  "shop.buy": {
    input: cbor<{ item: string; count: number }>(),
    output: cbor<{ left: number }>(),
    errors: { outOfStock: { code: ErrorCode.RESOURCE_EXHAUSTED, data: cbor<{ left: number }>() } },
  },
  "shop.stock": {
    kind: "serverStream",
    input: cbor<null>(),
    output: cbor<[item: string, left: number]>(),
    idempotent: true,
  },
  "shop.seen": { kind: "event", payload: cbor<string>() },
  "shop.sold": { kind: "push", payload: cbor<string>() },
});

const stock = new Map([["tea", 3], ["bread", 1]]);
const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  // Leave one out, or misspell it, and this does not compile.
  .implement(shop, {
    "shop.buy": async (session, { item, count }, call) => {
      const left = stock.get(item) ?? 0;
      if (left < count) throw call.error("outOfStock", { left });
      stock.set(item, left - count);
      await session.emit("shop.sold", item);
      return { left: left - count };
    },
    "shop.stock": async function* () {
      yield* stock;
    },
    "shop.seen": (_session, item) => console.log("server: seen", item),
  })
  .build();
const { addresses } = await server.start();

const client = await RpcClient.connect<typeof shop>(addresses[0]!);
const sold = client.events("shop.sold");
await client.emit("shop.seen", "tea");
console.log("tea left:", (await client.request("shop.buy", { item: "tea", count: 2 })).left);
console.log("sold:", (await sold.next()).value);
try {
  await client.request("shop.buy", { item: "tea", count: 2 });
} catch (error) {
  if (!isApplicationError(error, client, "shop.buy", "outOfStock")) throw error;
  console.log(`${error.code}: only ${error.data.left} left`);
}
for await (const [item, left] of client.requestStream("shop.stock", null)) console.log(`${item}: ${left}`);

await client.close();
await server.shutdown();
console.log("done");
