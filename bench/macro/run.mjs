/**
 * `npm run bench`: client and server as two processes, systems and runtimes interleaved round by round, medians, and the ratios that matter.
 *
 * Options: `--json` prints one JSON object per bench, system and runtime; `--quick` one short round, not saved; `--rounds N`;
 * `--only text,text` systems or runtimes whose `system/runtime` holds one of the texts; `--bench unary-64,bulk`;
 * `--against COMMIT` measures that commit beside this one, in the same rounds.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.mjs";
import { progressLine } from "../../scripts/progress.mjs";
import { findRuntime, root, RUNTIME_NAMES, scriptPath } from "../../scripts/runtimes.mjs";
import { checkOut } from "./earlier.mjs";
import { EARLIER, medians, report } from "./report.mjs";

const BENCHES = ["unary-1", "unary-64", "unary-512", "bulk", "items", "echo-items"];
/** A client that has not ended by then hangs. */
const CLIENT_TIMEOUT_MS = 180_000;

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string", default: "" },
    against: { type: "string" },
    bench: { type: "string", default: BENCHES.join(",") },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const timing = options.quick ? { warmUpMs: 300, durationMs: 700 } : { warmUpMs: 1_000, durationMs: 2_000 };
const job = { benches: options.bench.split(","), ...timing };

const contestants = chooseContestants();
prepare();
const earlier = options.against === undefined ? undefined : checkOut(options.against);
const measured = [];
const failures = [];
const line = progressLine("bench");
for (let round = 1; round <= rounds; round++) {
  // Every other round runs backwards, so that no system always follows the same neighbour.
  const order = round % 2 ? contestants : contestants.toReversed?.() ?? [...contestants].reverse();
  for (const { system, runtime } of order) {
    const label = `round ${round}/${rounds}  ${system} on ${runtime.name}`;
    line.update(label);
    try {
      const measuring = system === EARLIER ? measureEarlier : measure;
      await measuring(system, runtime, (row) => {
        measured.push(row);
        line.update(
          `${label}  ${row.bench}: ${
            row.bench === "bulk" ? `${row.mbPerS} MB/s` : `${row.ops}/s${row.p50Us ? `, p50 ${row.p50Us} µs` : ""}`
          }`,
        );
      });
    } catch (error) {
      failures.push(`${label}: ${error.message}`);
    }
  }
}
line.end(`${rounds} rounds done`);
earlier?.remove();

const rows = medians(measured);
const summary = report(rows, { rounds, ...timing, runtimes: [...new Set(contestants.map(({ runtime }) => runtime))] });
if (options.json) { for (const row of rows) console.log(JSON.stringify(row)); }
else console.log(summary);
for (const failure of failures) console.error(`failed: ${failure}`);
if (!options.quick && options.only === "" && earlier === undefined && failures.length === 0) save();
process.exitCode = failures.length === 0 && rows.length > 0 ? 0 : 1;

function prepare() {
  if (contestants.some(({ system }) => system === "echostream")) {
    const native = spawnSync(process.execPath, [join(root, "scripts/build-native.mjs")], { stdio: ["ignore", 2, 2] });
    if (native.status !== 0) process.exit(1);
  }
  const compiled = build();
  if (!compiled.ok) console.error(compiled.output);
}

/** Ours on every runtime; the peers on both Nodes, which is where they are at their best. */
function chooseContestants() {
  const all = RUNTIME_NAMES.flatMap((name) => {
    const systems = name.startsWith("node")
      ? ["echostream", "tls-floor", "tls-gathered", "grpc-js", "socket.io"]
      : ["echostream"];
    const runtime = findRuntime(name);
    return systems.map((system) => ({ system, runtime }));
  });
  const texts = options.only.split(",");
  const chosen = all.filter(({ system, runtime }) => texts.some((text) => `${system}/${runtime.name}`.includes(text)));
  if (options.against === undefined) return chosen;
  const ours = chosen.filter(({ system }) => system === "echostream");
  return [...chosen, ...ours.map(({ runtime }) => ({ system: EARLIER, runtime }))];
}

async function measure(system, runtime, onRow) {
  const server = start(runtime, "bench/macro/server.ts", [system], ["pipe", "pipe", "pipe"]);
  try {
    const { port } = JSON.parse(await server.nextLine());
    const client = start(runtime, "bench/macro/client.ts", [system, String(port), JSON.stringify(job)], [
      "ignore",
      "pipe",
      "pipe",
    ]);
    const timer = setTimeout(() => client.child.kill("SIGKILL"), CLIENT_TIMEOUT_MS);
    client.onLine((text) => {
      const { bench, ops, p50Us, p99Us, mbPerS } = JSON.parse(text);
      onRow({ bench, system, runtime: runtime.name, ops, p50Us, p99Us, mbPerS });
    });
    const ended = await client.ended;
    clearTimeout(timer);
    if (ended.code !== 0) throw new Error(`client ended with ${ended.signal ?? ended.code}: ${client.errors().trim()}`);
  } finally {
    server.child.kill("SIGTERM");
    await server.ended;
  }
}

/** An earlier commit is measured by its own bench: what crosses between its processes is its own affair. */
async function measureEarlier(system, runtime, onRow) {
  for (const row of await earlier.measure(runtime, options.bench, options.quick)) onRow({ ...row, system });
}

function start(runtime, source, parameters, stdio) {
  const child = spawn(runtime.executable, [...runtime.scriptArguments, scriptPath(runtime, source), ...parameters], {
    cwd: root,
    stdio,
  });
  let errors = "";
  child.stderr.on("data", (chunk) => errors = (errors + chunk).slice(-4_000));
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  const lines = createInterface({ input: child.stdout });
  const nextLine = () =>
    Promise.race([
      new Promise((resolve) => lines.once("line", resolve)),
      ended.then(({ code }) => Promise.reject(new Error(`server ended with ${code}: ${errors.trim()}`))),
    ]);
  return { child, ended, nextLine, onLine: (callback) => lines.on("line", callback), errors: () => errors };
}

function save() {
  const folder = join(root, "bench/results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "macro.json"), `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
  writeFileSync(join(folder, "macro.md"), summary);
}
