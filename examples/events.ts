/**
 * Events both ways: the client tells the server, the server pushes to every client. Ordered, typed, and nobody waits for an answer.
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
  .listener("say", cbor<Line>(), async (_session, line) => {
    for (const everyone of server.sessions) await everyone.emit("said", line);
  })
  .onConnect((session) => console.log("server: someone joined from", session.peerAddr().replace(/:\d+$/, "")))
  .onDisconnect((_session, reason) => console.log("server: someone left, ended by", reason.by))
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

for (const text of ["hello", "how are you?", "bye"]) await ada.emit("say", { from: "ada", text });
await heard;

await ada.close();
await bob.close();
await server.shutdown();
console.log("done");
