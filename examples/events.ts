/**
 * Events both ways: the client tells the server, the server pushes to everybody in a room. Ordered, typed, and nobody waits for an answer.
 *
 *     node examples/events.ts · deno run --allow-ffi examples/events.ts · bun examples/events.ts
 */
import { cbor, RpcClient, RpcServer } from "../mod.ts";

interface Line {
  from: string;
  text: string;
}

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .pushes({ said: cbor<Line>() })
  .handler("join", cbor<string>(), (session, name) => {
    session.set("name", name); // each session has a store of its own
    session.join("chat"); // left again when the session ends
    return `${name} joined`;
  })
  .listener("say", cbor<string>(), async (session, text) => {
    const from = session.get<string>("name") ?? "?";
    await session.to("chat").emit("said", { from, text }); // encoded once, to all but the session itself
  })
  .onDisconnect((session, reason) => console.log(`server: ${session.get("name")} left, ended by ${reason.by}`))
  .build();
const { addresses } = await server.start();

const ada = await RpcClient.connect<typeof server>(addresses[0]!);
const bob = await RpcClient.connect<typeof server>(addresses[0]!);

const heard = new Promise<void>((resolve) => {
  bob.on("said", ({ from, text }) => {
    console.log(`bob hears ${from}: ${text}`);
    if (text === "bye") resolve();
  });
});

console.log(await ada.request("join", "ada"));
console.log(await bob.request("join", "bob"));
for (const text of ["hello", "how are you?", "bye"]) await ada.emit("say", text);
await heard;

await ada.close();
await bob.close();
await server.shutdown();
console.log("done");
