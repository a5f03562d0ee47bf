import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { runnablePath } from "../support/repository.ts";
import { ENTRY_POINT, runText } from "../support/run_script.ts";

const isDeno = "Deno" in globalThis;

test("A peer that is killed fails every pending call with UNAVAILABLE within keep-alive and idle time", async () => {
  const before = isDeno ? ["run", "--no-check", "--quiet", "--allow-all"] : [];
  const child = spawn(process.execPath, [...before, runnablePath("tests/support/waiting_server.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const port = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", resolve);
      child.once("exit", (code) => reject(new Error(`The server ended with ${code}`)));
    });
    const client = await RpcClient.connect(`127.0.0.1:${port}`, {
      tuning: { idleTimeoutMs: 600, keepAliveIntervalMs: 200 },
      reconnect: false,
    });
    const pending = [1, 2, 3].map(() => client.request("never", "").catch((error: unknown) => error));
    assert.deepEqual(await client.request("echo", Uint8Array.of(1)), Uint8Array.of(1));
    child.kill("SIGKILL");
    for (const error of await Promise.all(pending)) {
      assert.ok(error instanceof EchoStreamError);
      assert.equal(error.code, "UNAVAILABLE");
      assert.equal(error.disposition, "perhapsProcessed");
      assert.match(error.message, /127\.0\.0\.1:\d+/);
    }
    assert.equal((await client.closed).by, "timeout");
    await assert.rejects(client.request("echo", ""), { code: "UNAVAILABLE", disposition: "notProcessed" });
  } finally {
    child.kill("SIGKILL");
  }
});

/** What connecting says in a child process whose conditions `prelude` spoils. */
async function connectingSays(name: string, prelude: string, permissions?: readonly string[]): Promise<string> {
  const text = `
import process from "node:process";
${prelude}
const { RpcClient } = await import("${ENTRY_POINT}");
await RpcClient.connect("127.0.0.1:9").catch((error) => console.log(error.name, error.code, error.message));
`;
  const { output } = await runText(name, text, permissions === undefined ? {} : { permissions });
  return output;
}

test("A platform without a binary is named, and what to do", async () => {
  const output = await connectingSays("no_binary", 'Object.defineProperty(process, "platform", { value: "plan9" });');
  assert.match(
    output,
    /EchoStreamError UNAVAILABLE echostream has no native binary for plan9-\w+: .*npm run build:native/,
  );
});

if (isDeno) {
  test("Deno without --allow-ffi gets an error that names the flag", async () => {
    // Deno grants everything to a child of node:child_process that names no permission at all, so it names one that does not help.
    const output = await connectingSays("no_ffi", "", ["--allow-env=UNUSED"]);
    assert.match(output, /EchoStreamError UNAVAILABLE .*--allow-ffi/);
  });
}
