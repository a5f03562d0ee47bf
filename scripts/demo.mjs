/**
 * `npm run demo`: builds what is missing, then starts the demo's server and client as two processes over QUIC and says how it went.
 * Arguments: the runtime (`node`, `deno`, `bun`), then the file to send (default: the addon).
 *
 * @module
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { command, exitOf, lineOf, prepare, within } from "./demo_processes.mjs";
import { findRuntime, root } from "./runtimes.mjs";

/** The client ends by itself within seconds; after this it hangs. */
const CLIENT_TIMEOUT_MS = 120_000;
const SERVER_EXIT_TIMEOUT_MS = 20_000;

const [runtimeName = "node", file] = process.argv.slice(2);
try {
  await demo(findRuntime(runtimeName), file);
  console.log("demo: ok");
} catch (error) {
  console.log(`demo: failed: ${error.message}`);
  process.exitCode = 1;
}

async function demo(runtime, file) {
  prepare(runtime);
  const path = file === undefined ? addonPath() : resolve(process.env.INIT_CWD ?? "", file);
  if (!existsSync(path)) throw new Error(`there is no file ${path}`);
  console.log(`echostream on ${runtimeName} ${runtime.version}`);

  const server = spawn(runtime.executable, command(runtime, "demo/server.ts"), {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const serverExit = exitOf(server, "server");
  const address = await lineOf(server, "listening on ", serverExit, (line) => {
    console.log(process.stdout.isTTY ? `\x1b[2mserver │\x1b[0m ${line}` : `server | ${line}`);
  });
  const client = spawn(runtime.executable, command(runtime, "demo/client.ts", address, path), {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const failed = await within(CLIENT_TIMEOUT_MS, client, exitOf(client, "client"));
  // The end of its input is the server's sign to shut down in order.
  server.stdin.end();
  const serverFailed = await within(SERVER_EXIT_TIMEOUT_MS, server, serverExit);
  if (failed ?? serverFailed) throw new Error(failed ?? serverFailed);
}

function addonPath() {
  const addon = readdirSync(join(root, "native")).find((name) => name.endsWith(".node"));
  return join(root, "native", addon ?? "echostream.node");
}
