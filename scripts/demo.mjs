/**
 * `npm run demo`: builds what is missing, then starts the demo's server and client as two processes over QUIC and says how it went.
 * Arguments: the runtime (`node`, `deno`, `bun`), then the file to send (default: the addon).
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { build } from "./build.mjs";
import { findRuntime, root, scriptPath } from "./runtimes.mjs";

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
  const client = spawn(
    runtime.executable,
    command(runtime, "demo/client.ts", await addressOf(server, serverExit), path),
    {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  const failed = await within(CLIENT_TIMEOUT_MS, client, exitOf(client, "client"));
  // The end of its input is the server's sign to shut down in order.
  server.stdin.end();
  const serverFailed = await within(SERVER_EXIT_TIMEOUT_MS, server, serverExit);
  if (failed ?? serverFailed) throw new Error(failed ?? serverFailed);
}

function prepare(runtime) {
  const native = spawnSync(process.execPath, [join(root, "scripts/build-native.mjs")], { stdio: "inherit" });
  if (native.status !== 0) throw new Error("the native addon could not be built");
  if (runtime.runsTypeScript) return;
  const compiled = build();
  if (!compiled.ok) throw new Error(`the sources do not compile:\n${compiled.output}`);
}

function addonPath() {
  const addon = readdirSync(join(root, "native")).find((name) => name.endsWith(".node"));
  return join(root, "native", addon ?? "echostream.node");
}

function command(runtime, source, ...parameters) {
  return [...runtime.scriptArguments, scriptPath(runtime, source), ...parameters];
}

/** Resolves with the address once the server listens; shows everything else that the server says. */
function addressOf(server, serverExit) {
  return new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).on("line", (line) => {
      console.log(process.stdout.isTTY ? `\x1b[2mserver │\x1b[0m ${line}` : `server | ${line}`);
      const address = /^listening on (\S+)$/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
    void serverExit.then((failed) => reject(new Error(failed ?? "the server ended before it listened")));
  });
}

/** Resolves with what went wrong, or `undefined`. */
function exitOf(child, name) {
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(`the ${name} could not be started: ${error.message}`));
    child.on(
      "close",
      (code, signal) => resolve(code === 0 ? undefined : `the ${name} ended with ${signal ?? `exit code ${code}`}`),
    );
  });
}

async function within(timeoutMs, child, exit) {
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const failed = await exit;
  clearTimeout(timer);
  return hung ? `a process did not end within ${timeoutMs / 1000} s` : failed;
}
