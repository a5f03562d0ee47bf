/**
 * `npm run interop`: clients and servers written from docs/protocol.md on other QUIC stacks, against ours, over real QUIC on loopback.
 * Prints each case as it ends, then a table. Options: `--grep text` runs the cases whose name or pair holds the text, `--repeat 500` says how
 * often each case with faults is run (default 20).
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { goCommand, pythonWithAioquic, quicGoProgram } from "./interop_peers.mjs";
import { findRuntime, root } from "./runtimes.mjs";

const { values: options } = parseArgs({ options: { grep: { type: "string" }, repeat: { type: "string" } } });
const folder = join(root, "tests/interop");
/** Five hundred repetitions of the slowest case take half of this. */
const TEST_TIMEOUT_MS = 3_600_000;
/** Results by case, then by pair. */
const table = new Map();
const total = { passed: 0, failed: 0 };

const startedMs = Date.now();
try {
  await main();
} catch (error) {
  count("preparation", false, error.message);
}
printTable();
console.log(`interop: ${((Date.now() - startedMs) / 1000).toFixed(0)} s`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;

async function main() {
  const native = spawnSync(process.execPath, [join(root, "scripts/build-native.mjs")], { stdio: "inherit" });
  if (native.status !== 0) throw new Error("the native addon could not be built");
  const python = pythonWithAioquic();
  const go = goCommand();
  const program = quicGoProgram(go);
  checkFormats(python, go);
  const files = readdirSync(folder).filter((name) => name.endsWith("_matrix.ts")).map((name) => join(folder, name))
    .sort();
  const environment = {
    ...process.env,
    ECHOSTREAM_INTEROP_PYTHON: python,
    ECHOSTREAM_INTEROP_GO: program,
    ...(options.repeat === undefined ? {} : { ECHOSTREAM_INTEROP_REPEAT: options.repeat }),
  };
  await runTests(files, environment);
}

/** Formatting and static checks of the two other languages. */
function checkFormats(python, go) {
  const cwd = join(folder, "go");
  const gofmt = join(spawnSync(go, ["env", "GOROOT"], { cwd, encoding: "utf8" }).stdout.trim(), "bin/gofmt");
  const ruff = ["-m", "ruff"];
  const checks = [
    ["ruff format", python, [...ruff, "format", "--check", "--no-cache", join(folder, "python")]],
    ["ruff check", python, [...ruff, "check", "--no-cache", join(folder, "python")]],
    ["gofmt", gofmt, ["-l", "."]],
    ["go vet", go, ["vet", "./..."]],
  ];
  for (const [name, executable, parameters] of checks) {
    const done = spawnSync(executable, parameters, { cwd, encoding: "utf8" });
    // gofmt only names files that are not formatted.
    const ok = done.status === 0 && (name !== "gofmt" || done.stdout === "");
    count(name, ok, `${done.error ?? ""}${done.stdout ?? ""}${done.stderr ?? ""}`);
  }
}

/** Node runs the files one after the other; its reporter writes a line for each test. */
function runTests(files, env) {
  const grep = options.grep === undefined ? [] : [`--test-name-pattern=${escapeRegExp(options.grep)}`];
  const child = spawn(findRuntime("node26").executable, [
    "--test",
    "--test-concurrency=1",
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    `--test-reporter=${join(root, "scripts/node_reporter.mjs")}`,
    ...grep,
    ...files,
  ], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  const others = [];
  const onLine = (line) => {
    if (line.startsWith('{"note":')) return void console.log(`     ${JSON.parse(line).note}`);
    if (!line.startsWith('{"name":')) return void others.push(line);
    const { name, passed, skipped, error, seconds } = JSON.parse(line);
    if (!skipped) count(name, passed, error, seconds);
  };
  createInterface({ input: child.stdout }).on("line", onLine);
  createInterface({ input: child.stderr }).on("line", onLine);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== 0 && total.failed === 0) {
        count("tests", false, `node ended with ${code}\n${others.slice(-40).join("\n")}`);
      }
      if (table.size === 0) count("tests", false, "no test was run");
      resolve();
    });
  });
}

/** `name` is `case: pair`. */
function count(name, passed, error = "", seconds = undefined) {
  total[passed ? "passed" : "failed"]++;
  console.log(`${passed ? "ok  " : "FAIL"} ${name}${seconds === undefined ? "" : ` (${seconds.toFixed(1)} s)`}`);
  if (!passed) console.log(`     ${error.trimEnd().replaceAll("\n", "\n     ")}`);
  const [, case_, pair] = /^(.+?): (.+)$/.exec(name) ?? [];
  if (pair === undefined) return;
  if (!table.has(case_)) table.set(case_, new Map());
  table.get(case_).set(pair, passed ? "ok" : "FAIL");
}

function printTable() {
  const pairs = [...new Set([...table.values()].flatMap((row) => [...row.keys()]))].sort();
  if (pairs.length === 0) return;
  const width = Math.max(...[...table.keys()].map((name) => name.length));
  console.log(`\n${"".padEnd(width)}  ${pairs.join("  ")}`);
  for (const [name, row] of table) {
    console.log(`${name.padEnd(width)}  ${pairs.map((pair) => (row.get(pair) ?? "–").padEnd(pair.length)).join("  ")}`);
  }
  console.log();
}

function escapeRegExp(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
