/**
 * Client process of the demo: `client.ts ADDRESS FILE`. Shows each thing and checks it; whatever is not as it should be ends it with an error.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { cbor, EchoStreamError, RpcClient } from "../mod.ts";
import { sendFile } from "./file_transfer.ts";
import { measureRates } from "./rates.ts";
import { bold, dim, done, section, table } from "./screen.ts";
import type { server } from "./service.ts";

const [address = "", file = ""] = process.argv.slice(2);
const EVENTS = 200;

const startedMs = performance.now();
let welcomed: (text: string) => void;
const welcome = new Promise<string>((resolve) => welcomed = resolve);
const client = await RpcClient.builder<typeof server>()
  .connect(address)
  .handler("answer", cbor<string>(), (_session, question) => `${question} 42`)
  .listener("welcome", (_session, text) => welcomed(text))
  .build();
const connectedMs = performance.now() - startedMs;

section("Connection");
done("QUIC, TLS 1.3", `handshake in ${connectedMs.toFixed(1)} ms with ${address}, certificate verified`);
done("onConnect hook", `the server says "${await welcome}"`);

section("Requests");
const sent = new TextEncoder().encode("bytes travel untouched");
assert.deepEqual(await client.request("echo", sent), sent);
done("echo", `${sent.length} bytes there and back`);
assert.equal(await client.request("add", { a: 2, b: 40 }), 42);
done("add", "2 + 40 = 42, typed from the server's code");
assert.equal(await client.request("user.rename", { id: 1, name: "Ada" }), "user 1 is now Ada");
const refused = await failure(client.request("user.rename", { id: 1, name: "" }));
assert.equal(refused.code, "INVALID_ARGUMENT");
done("schema", `an empty name is refused: ${refused.code}, "${refused.issues?.[0]?.message}"`);
const late = await failure(client.request("sleep", null, { timeoutMs: 50 }));
assert.equal(late.code, "DEADLINE_EXCEEDED");
done("deadline", `after 50 ms ${late.code}, and the handler stops`);
// @ts-expect-error the compiler knows that the server has no such method
const unknown = await failure(client.request("nope", null));
assert.equal(unknown.code, "UNIMPLEMENTED");
done("unknown method", unknown.code);
assert.equal(await client.request("ask.back", "the answer is"), "the answer is 42");
done("server asks client", "the handler called a handler of this client in between");

section("Events");
const tocks: number[] = [];
const all = new Promise<void>((resolve) => {
  client.on("tock", (n) => {
    tocks.push(n);
    if (tocks.length === EVENTS) resolve();
  });
});
for (let n = 0; n < EVENTS; n++) await client.emit("tick", n);
await all;
assert.deepEqual(tocks, Array.from({ length: EVENTS }, (_, n) => n));
done("each way", `${EVENTS} to the server and ${EVENTS} back, in order`);

section("Plugin");
const report = await client.request("audit.report", null);
assert.equal(report.marks["calls given up"], 1);
done("audit.report", `${report.sessions} session, marks ${JSON.stringify(report.marks)}`);

section("A file through a stream");
const sender = await sendFile(client, file);
done("SHA-256", `${sender.sha256.slice(0, 32)}… at both ends`);

section("Rates on this machine, one connection");
table(await measureRates(client));

await client.close();
console.log(dim(`\n${bold("client")} closed after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`));

async function failure(request: Promise<unknown>): Promise<EchoStreamError> {
  const error = await request.then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof EchoStreamError, `An EchoStreamError was expected, not ${error}`);
  return error;
}
