/**
 * `npm run bench`: client and server as two processes, systems and runtimes interleaved round by round, medians, and the ratios that matter.
 *
 * Options: `--json` prints one JSON object per bench, system and runtime; `--quick` one short round, not saved; `--rounds N`;
 * `--only text,text` systems or runtimes whose `system/runtime` holds one of the texts, `node20` among them, which is left out otherwise;
 * `--bench unary-64,bulk`; `--against COMMIT` measures that commit beside this one, in the same rounds; `--save` keeps the figures of a
 * run with other options, too.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.mjs";
import { progressLine } from "../../scripts/progress.mjs";
import { findRuntime, root } from "../../scripts/runtimes.mjs";
import { checkOut } from "./earlier.mjs";
import { fetchPeers } from "./fetched_peers.mjs";
import { measure } from "./processes.mjs";
import { EARLIER, medians, report } from "./report.mjs";
import { save } from "./results.mjs";

const BENCHES = [
  ...["unary", "unary1k", "unary64k"].flatMap((size) => [1, 64, 512].map((inFlight) => `${size}-${inFlight}`)),
  ...["bulk", "bulk-8", "download", "datagrams", "items", "echo-items", "handshakes", "idle"],
];
/** Which systems a runtime is measured with: the peers on Node, where they are at their best. */
const SYSTEMS = {
  node26: [
    "echostream",
    "tls-floor",
    "tls-gathered",
    "node:http2",
    "grpc-js",
    "connect",
    "socket.io",
    "trpc",
    "capnweb",
    "@matrixai/quic",
    "@chainsafe/libp2p-quic",
  ],
  deno: ["echostream", "deno-quic"],
  bun: ["echostream"],
  node20: ["echostream", "tls-floor", "tls-gathered", "grpc-js", "socket.io"],
};

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string", default: "node26,deno,bun" },
    against: { type: "string" },
    save: { type: "boolean", default: false },
    bench: { type: "string", default: BENCHES.join(",") },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const timing = options.quick ? { warmUpMs: 200, durationMs: 500 } : { warmUpMs: 500, durationMs: 1_000 };
const job = { benches: options.bench.split(","), ...timing };

const contestants = chooseContestants();
prepare();
const earlier = options.against === undefined ? undefined : checkOut(options.against);
const measured = [];
const failures = [];
const line = progressLine("bench");
for (let round = 1; round <= rounds; round++) {
  // Every other round runs backwards, so that no system always follows the same neighbour.
  const order = round % 2 ? contestants : [...contestants].reverse();
  for (const { system, runtime } of order) {
    const label = `round ${round}/${rounds}  ${system} on ${runtime.name}`;
    line.update(label);
    const onRow = (row) => {
      measured.push({ ...row, system, runtime: runtime.name });
      line.update(`${label}  ${row.bench}: ${figure(row)}`);
    };
    try {
      if (system !== EARLIER) await measure(system, runtime, job, onRow);
      // An earlier commit is measured by its own bench: what crosses between its processes is its own affair.
      else for (const row of await earlier.measure(runtime, options.bench, options.quick)) onRow(row);
    } catch (error) {
      failures.push({ system, text: `${label}: ${error.message}` });
    }
  }
}
line.end(`${rounds} rounds done`);
earlier?.remove();

const rows = medians(measured);
const summary = report(rows, { rounds, ...timing, runtimes: [...new Set(contestants.map(({ runtime }) => runtime))] });
if (options.json) { for (const row of rows) console.log(JSON.stringify(row)); }
else console.log(summary);
for (const { text } of failures) console.error(`failed: ${text}`);
const isWhole = process.argv.slice(2).every((option) => option === "--json");
// A peer that fails costs its own figures only.
const haveOurs = !failures.some(({ system }) => system === "echostream");
if ((isWhole || options.save) && haveOurs) save(rows, summary);
process.exitCode = failures.length === 0 && rows.length > 0 ? 0 : 1;

function prepare() {
  if (contestants.some(({ system }) => system === "echostream")) {
    const native = spawnSync(process.execPath, [join(root, "scripts/build-native.mjs")], { stdio: ["ignore", 2, 2] });
    if (native.status !== 0) process.exit(1);
  }
  fetchPeers(contestants.map(({ system }) => system));
  const compiled = build();
  if (!compiled.ok) console.error(compiled.output);
}

function chooseContestants() {
  const texts = options.only.split(",");
  const names = Object.entries(SYSTEMS).flatMap(([name, systems]) => systems.map((system) => ({ name, system })))
    .filter(({ name, system }) => texts.some((text) => `${system}/${name}`.includes(text)));
  const runtimes = new Map([...new Set(names.map(({ name }) => name))].map((name) => [name, findRuntime(name)]));
  const chosen = names.map(({ name, system }) => ({ system, runtime: runtimes.get(name) }));
  if (options.against === undefined) return chosen;
  const ours = chosen.filter(({ system }) => system === "echostream");
  return [...chosen, ...ours.map(({ runtime }) => ({ system: EARLIER, runtime }))];
}

/** What the progress line says of a bench. */
function figure({ ops, p50Us, mbPerS, idleKib }) {
  if (idleKib !== undefined) return `${idleKib} KiB a connection`;
  if (p50Us) return `${ops}/s, p50 ${p50Us} µs`;
  return mbPerS ? `${ops}/s, ${mbPerS} MB/s` : `${ops}/s`;
}
