/**
 * The two processes of a measurement, and what they tell each other through the runner.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { root, scriptPath } from "../../scripts/runtimes.mjs";

/** A client that has not ended by then hangs. */
const CLIENT_TIMEOUT_MS = 240_000;

/**
 * Measure one system on one runtime.
 *
 * @param {string} system
 * @param {import("../../scripts/runtimes.mjs").Runtime} runtime
 * @param {{ benches: string[], warmUpMs: number, durationMs: number }} job
 * @param {(row: object) => void} onRow called with each bench as it is done
 * @param {{ host: string, server: string[], client: string[] }} place address of the server, and what to put before each command
 */
export async function measure(system, runtime, job, onRow, place = { host: "127.0.0.1", server: [], client: [] }) {
  const server = start(runtime, place.server, "bench/macro/server.ts", [system, place.host]);
  try {
    const address = { host: place.host, ...JSON.parse(await server.nextLine()) };
    const parameters = [system, JSON.stringify({ ...job, address, serverPid: server.child.pid })];
    const client = start(runtime, place.client, "bench/macro/client.ts", parameters);
    const timer = setTimeout(() => client.child.kill("SIGKILL"), CLIENT_TIMEOUT_MS);
    const memory = [];
    client.onLine(async (text) => {
      const row = JSON.parse(text);
      if (row.connected !== undefined) {
        memory.push({ connections: row.connected, bytes: await residentBytes(server) });
        client.child.stdin.write("on\n");
      } else onRow(row.bench === "idle" ? { ...row, idleKib: kibPerConnection(memory) } : row);
    });
    const ended = await client.ended;
    clearTimeout(timer);
    if (ended.code !== 0) throw new Error(`client ended with ${ended.signal ?? ended.code}: ${client.errors().trim()}`);
  } finally {
    server.child.kill("SIGTERM");
    await server.ended;
  }
}

async function residentBytes(server) {
  const answer = server.nextLine();
  server.child.stdin.write("memory\n");
  return JSON.parse(await answer).residentBytes;
}

function kibPerConnection([before, after]) {
  return Math.round((after.bytes - before.bytes) / 102.4 / (after.connections - before.connections)) / 10;
}

function start(runtime, prefix, source, parameters) {
  // Memory is compared after a collection, on those runtimes that offer one.
  const collecting = runtime.name.startsWith("node") ? ["--expose-gc"] : [];
  const unstable = parameters[0] === "deno-quic" ? ["--unstable-net"] : [];
  const command = [
    ...prefix,
    runtime.executable,
    ...collecting,
    ...runtime.scriptArguments,
    ...unstable,
    scriptPath(runtime, source),
    ...parameters,
  ];
  const child = spawn(command[0], command.slice(1), { cwd: root, stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk) => errors = (errors + chunk).slice(-4_000));
  // Whoever ends says so by its exit.
  child.stdin.on("error", () => {});
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  const lines = createInterface({ input: child.stdout });
  const nextLine = () =>
    Promise.race([
      new Promise((resolve) => lines.once("line", resolve)),
      ended.then(({ code }) => Promise.reject(new Error(`server ended with ${code}: ${errors.trim()}`))),
    ]);
  return { child, ended, nextLine, onLine: (callback) => lines.on("line", callback), errors: () => errors };
}
