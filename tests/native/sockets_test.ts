/**
 * The ways of other systems to move packets, on this one: see docs/platforms.md, "What differs".
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { ENTRY_POINT, runText, type ScriptRun } from "../support/run_script.ts";

const WAYS = { linux: ["batched", "messages", "plain"], darwin: ["messages", "plain"] }[String(process.platform)] ??
  ["plain"];

for (const way of WAYS) {
  test(`calls small and large, in parallel and over both kinds of addresses, are answered over "${way}" sockets`, async () => {
    const { code, output } = await run(
      way,
      `
      for (const address of ["127.0.0.1:0", "[::1]:0"]) {
        const server = RpcServer.builder().options({ log: silentLogger }).bind(address).handler("echo", (_session, bytes) => bytes).build();
        const { addresses } = await server.start();
        const client = await RpcClient.connect(addresses[0]);
        const sizes = [...Array(64).fill(64), 1_000_000];
        const answers = await Promise.all(sizes.map((size) => client.request("echo", new Uint8Array(size).fill(size % 251))));
        const right = answers.filter((bytes, n) => bytes.length === sizes[n] && bytes.every((byte) => byte === sizes[n] % 251));
        console.log(right.length);
        await client.close();
        await server.shutdown();
      }`,
    );
    assert.deepEqual({ code, output }, { code: 0, output: "65\n65\n" });
  });
}

test("ways of moving packets that this system has not are an error that names those it has", async () => {
  const { output } = await run(
    "pigeon",
    `await RpcServer.builder().bind("127.0.0.1:0").build().start().catch((error) => console.log(error.code, error.message));`,
  );
  assert.equal(
    output,
    `UNAVAILABLE Cannot bind to 127.0.0.1:0: ECHOSTREAM_SOCKETS is "pigeon"; this system has ${WAYS.join(", ")}\n`,
  );
});

function run(way: string, body: string): Promise<ScriptRun> {
  return runText(`sockets_${way}`, `import { RpcClient, RpcServer, silentLogger } from "${ENTRY_POINT}";\n${body}`, {
    permissions: ["--allow-ffi"],
    env: { ECHOSTREAM_SOCKETS: way },
  });
}
