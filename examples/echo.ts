/**
 * Requests: bytes for bytes, typed values, an error with a code, and a deadline. Server and client share this process so that it runs alone:
 *
 *     node examples/echo.ts        (Node 22.18 or newer)
 *     deno run --allow-ffi examples/echo.ts
 *     bun examples/echo.ts
 *
 * In your own program import "@echostream/core" instead of "../mod.ts".
 */
import { cbor, EchoStreamError, RpcClient, RpcServer } from "../mod.ts";

const server = RpcServer.builder()
  .bind("127.0.0.1:0") // port 0: the system chooses
  .handler("echo", (_session, bytes) => bytes)
  .handler("add", cbor<{ a: number; b: number }>(), (_session, { a, b }) => a + b)
  .handler("user.name", cbor<number>(), (_session, id) => {
    if (id !== 1) throw new EchoStreamError("NOT_FOUND", `No user ${id}`);
    return "Ada";
  })
  .handler("slow", (_session, bytes, call) => {
    // Ends as soon as nobody waits for the answer any more.
    return new Promise<Uint8Array>((resolve) => call.signal.addEventListener("abort", () => resolve(bytes)));
  })
  .build();
const { addresses } = await server.start();

// No certificate was given, so the server made one that this user's clients trust on loopback.
const client = await RpcClient.connect<typeof server>(addresses[0]!);

const echoed = await client.request("echo", new TextEncoder().encode("hello"));
console.log("echo:", new TextDecoder().decode(echoed));

console.log("add:", await client.request("add", { a: 2, b: 40 }));

console.log("user.name:", await client.request("user.name", 1));

const missing = await client.request("user.name", 7).catch((error: EchoStreamError) => error);
if (missing instanceof EchoStreamError) console.log("user.name:", missing.code, "-", missing.message);

const late = await client.request("slow", new Uint8Array(1), { timeoutMs: 50 }).catch((error: EchoStreamError) =>
  error
);
if (late instanceof EchoStreamError) console.log("slow:", late.code);

await client.close();
await server.shutdown();
console.log("done");
