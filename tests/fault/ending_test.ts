import assert from "node:assert/strict";
import { test } from "node:test";
import { ENTRY_POINT, runText } from "../support/run_script.ts";

/**
 * Programs with a server, a connected client and calls that never end, which must end by themselves and leave no rejection unhandled.
 * Each is what happens, and what it prints.
 */
const PROGRAMS: Record<string, readonly [program: string, printed: RegExp]> = {
  "is done": [`await client.request("echo", E); await client.close(); await server.shutdown();`, /^$/],
  "closes its client while a call is pending": [
    `const call = outcome(client.request("never", E));
     await client.close({ graceMs: 0 }); console.log(await call); await server.shutdown();`,
    /^UNAVAILABLE perhapsProcessed$/,
  ],
  "shuts its server down while a call runs that ends within the grace, and one that does not": [
    `const calls = [outcome(client.request("soon", E)), outcome(client.request("never", E))];
     await client.request("echo", E);
     await server.shutdown({ graceMs: 300 }); console.log((await Promise.all(calls)).join(", "));
     await client.close();`,
    /^answered, UNAVAILABLE perhapsProcessed$/,
  ],
  "shuts its server down while a handler of a stream hangs": [
    `const stream = await client.createStream("hung");
     const sent = outcome((async () => { for (let n = 0; n < 30; n++) await stream.send(new Uint8Array(50000)); await stream.end(); })());
     await client.request("echo", E);
     await server.shutdown({ graceMs: 100 }); console.log(await sent); await client.close();`,
    /^UNAVAILABLE/,
  ],
  "awaits nothing of what it sends": [
    `void client.emit("fails", "x"); void client.emit("fails.later", "x"); void client.emit("nobody", "x");
     for (const name of ["fails", "nobody", "hung"]) {
       const stream = await client.createStream(name);
       for (let n = 0; n < 30; n++) void stream.send(new Uint8Array(20000));
     }
     await client.request("echo", E);
     await client.close({ graceMs: 0 }); void client.emit("late", "x"); await server.shutdown({ graceMs: 0 });`,
    /^$/,
  ],
  "leaves its client, which shall not reconnect, to a server that shuts down": [
    `const last = await RpcClient.connect(addresses[0], { log, reconnect: false });
     await client.close(); await server.shutdown({ graceMs: 0 }); console.log((await last.closed).by);`,
    /^remote$/,
  ],
  "closes its client while that waits to reconnect, and while calls wait for it": [
    `await server.shutdown({ graceMs: 0 });
     while (client.state === "connected") await new Promise((resolve) => setTimeout(resolve, 1));
     const call = outcome(client.request("echo", E)); void client.emit("nobody", "x"); void client.emit("nobody", "y");
     console.log(client.state); await client.close(); console.log(await call, (await client.closed).by);`,
    /^reconnecting\nUNAVAILABLE notProcessed local$/,
  ],
  "exits in a handler": [`await client.request("exit", E); console.log("still here");`, /^$/],
};

const text = (program: string): string => `
import process from "node:process";
import { RpcClient, RpcServer } from "${ENTRY_POINT}";
process.on("unhandledRejection", (error) => console.log("UNHANDLED", error));
const E = new Uint8Array(0);
const log = () => {};
const server = RpcServer.builder().bind("127.0.0.1:0").options({ log })
  .handler("echo", (_session, bytes) => bytes)
  .handler("never", () => new Promise(() => {}))
  .handler("soon", (_session, bytes) => new Promise((resolve) => setTimeout(resolve, 20, bytes)))
  .handler("exit", () => process.exit(0))
  .listener("fails", () => { throw new Error("listener"); })
  .listener("fails.later", async () => { throw new Error("listener"); })
  .stream("hung", () => new Promise(() => {}))
  .stream("fails", () => { throw new Error("stream"); })
  .build();
const { addresses } = await server.start();
const client = await RpcClient.connect(addresses[0], { log });
const outcome = (promise) => promise.then(() => "answered", (error) => [error.code, error.disposition].join(" ").trim());
${program}
`;

for (const [what, [program, printed]] of Object.entries(PROGRAMS)) {
  test(`A program that ${what} ends by itself`, async () => {
    const name = `ending_${Object.keys(PROGRAMS).indexOf(what)}`;
    const { code, output } = await runText(name, text(program));
    assert.equal(code, 0, output);
    assert.match(output.trim(), printed);
  });
}
