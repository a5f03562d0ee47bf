/**
 * `npm run bench:threads`: what a second I/O thread brings and costs a server (docs/operations.md). Linux.
 *
 * A server with one thread and one with two are measured in turn, round by round, each with two client processes of four connections;
 * all run on the same machine. Options: `--rounds N` (5), `--save` writes the page.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { progressLine } from "../../scripts/progress.mjs";
import { findRuntime, root } from "../../scripts/runtimes.mjs";

const BENCHES = ["one call", "calls", "upload", "download", "handshakes"];
const THREADS = [1, 2];
const CLIENTS = 2;
const JOB = { warmUpMs: 300, durationMs: 1_000, connections: 4 };

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, save: { type: "boolean", default: false } },
});
const rounds = Number(options.rounds);
const runtime = findRuntime("node26");
const native = spawnSync(process.execPath, [join(root, "scripts/build-native.mjs")], { stdio: ["ignore", 2, 2] });
if (native.status !== 0) process.exit(1);

const rows = [];
const loads = [];
const line = progressLine("bench");
for (let round = 1; round <= rounds; round++) {
  for (const threads of round % 2 ? THREADS : THREADS.toReversed()) {
    line.update(`round ${round}/${rounds}  ${threads} threads`);
    rows.push(...(await measure(threads)).map((row) => ({ ...row, threads })));
    loads.push(loadavg()[0]);
  }
}
line.end(`${rounds} rounds done`);
const page = report();
console.log(page);
if (options.save) writeFileSync(join(root, "bench/results/threads.md"), page);

async function measure(threads) {
  const server = start("server.ts", String(threads));
  const { port } = JSON.parse(await server.nextLine());
  const before = await server.ask("state");
  const address = { host: "127.0.0.1", port };
  const clients = Array.from({ length: CLIENTS }, () => start("client.ts", JSON.stringify({ ...JOB, address })));
  await Promise.all(clients.map((client) => client.nextLine()));
  const measured = [{ bench: "memory", beforeMib: before.residentBytes / 2 ** 20 }];
  let last = await server.ask("state");
  for (const bench of BENCHES) {
    // One call at a time is made by one client alone.
    const asked = bench === "one call" ? clients.slice(0, 1) : clients;
    const startedMs = performance.now();
    const results = await Promise.all(asked.map((client) => client.ask(bench)));
    const elapsedUs = 1000 * (performance.now() - startedMs);
    const state = await server.ask("state");
    const sum = (field) => results.reduce((total, result) => total + (result[field] ?? 0), 0);
    measured.push({
      bench,
      ops: sum("ops"),
      mbPerS: sum("mbPerS"),
      p50Us: sum("p50Us") / results.length,
      p99Us: sum("p99Us") / results.length,
      scriptShare: (state.scriptUs - last.scriptUs) / elapsedUs,
      ioShares: state.ioUs.map((us, index) => (us - last.ioUs[index]) / elapsedUs),
      // The figures are of the last part of the time only; what the server spent is of all of it.
      serverUs: (state.allUs - last.allUs) / (sum("ops") * elapsedUs / 1e6),
    });
    last = state;
  }
  measured.push({ bench: "memory after", afterMib: last.residentBytes / 2 ** 20 });
  for (const { child } of [...clients, server]) child.kill();
  await Promise.all([...clients, server].map(({ ended }) => ended));
  return measured;
}

function start(script, parameter) {
  const path = join(root, "bench/threads", script);
  const child = spawn(runtime.executable, ["--expose-gc", path, parameter], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} has ended`);
    return value;
  };
  const ask = async (text) => {
    child.stdin.write(`${text}\n`);
    return JSON.parse(await nextLine());
  };
  return { child, ended, nextLine, ask };
}

function report() {
  const of = (threads, bench, value) =>
    median(rows.filter((row) => row.threads === threads && row.bench === bench).map(value));
  const percent = (share) => `${Math.round(100 * share)} %`;
  const line = (title, bench, value, show) => {
    const [one, two] = THREADS.map((threads) => of(threads, bench, value));
    return `| ${title} | ${show(one)} | ${show(two)} | ${(two / one).toFixed(2)} |`;
  };
  const busy = (title, bench) => {
    const shares = (threads) => {
      const script = of(threads, bench, (row) => row.scriptShare);
      const io = Array.from({ length: threads }, (_, n) => percent(of(threads, bench, (row) => row.ioShares[n])));
      return `${percent(script)}; ${io.join(", ")}`;
    };
    return `| ${title} | ${shares(1)} | ${shares(2)} |`;
  };
  const rate = (value) => `${value >= 10_000 ? `${Math.round(value / 1000)} k` : Math.round(value)}/s`;
  const micros = (value) => `${value.toFixed(value < 100 ? 1 : 0)} µs`;
  const megabytes = (value) => `${Math.round(value)} MB/s`;
  const mib = (value) => `${value.toFixed(1)} MiB`;
  return [
    "# A second I/O thread",
    "",
    `A server with one I/O thread and the same with two (\`options({ threads })\`), measured in turn: medians of ${rounds} rounds of a second a bench.`,
    `Two client processes of four connections each run on the same machine, so that all of it shares ${cpus().length} processors: what is to be seen here`,
    "is what a second thread costs, and where it would help. `npm run bench:threads -- --save` makes this page.",
    "",
    `- ${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, Node ${runtime.version}, Linux; ${
      median(loads).toFixed(1)
    } processes ready to run on average, those of others included`,
    "",
    "| what | one thread | two threads | ratio |",
    "| --- | --- | --- | --- |",
    line("calls of 64 bytes, 64 in flight from each client", "calls", (row) => row.ops, rate),
    line("their latency, median", "calls", (row) => row.p50Us, micros),
    line("their latency, 99th percentile", "calls", (row) => row.p99Us, micros),
    line("server's processor time of one of them", "calls", (row) => row.serverUs, micros),
    line("upload, eight streams", "upload", (row) => row.mbPerS, megabytes),
    line("server's processor time of 1 MiB", "upload", (row) => row.serverUs, micros),
    line("download, eight streams", "download", (row) => row.mbPerS, megabytes),
    line("server's processor time of 1 MiB", "download", (row) => row.serverUs, micros),
    line("handshakes", "handshakes", (row) => row.ops, rate),
    line("server's processor time of one of them", "handshakes", (row) => row.serverUs, micros),
    line("one call at a time, median", "one call", (row) => row.p50Us, micros),
    line("memory of the server before the first client", "memory", (row) => row.beforeMib, mib),
    line("memory after all of this", "memory after", (row) => row.afterMib, mib),
    "",
    "How busy the server's threads were, as a share of the time: JavaScript's; each I/O thread.",
    "",
    "| what | one thread | two threads |",
    "| --- | --- | --- |",
    busy("calls", "calls"),
    busy("upload", "upload"),
    busy("download", "download"),
    busy("handshakes", "handshakes"),
    "",
  ].join("\n");
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
