/**
 * Runs the test files under one runtime and counts what its own reporter says. A runtime that crashes, hangs or cannot load a file has failed.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { root } from "./runtimes.mjs";

/** A suite that prints nothing for so long hangs: whoever waits in a test gives up after 90 s. */
const SILENCE_MS = 5 * 60_000;
/** Bun's default of 5 s per test is too short for tests that start processes on a busy machine. */
const TEST_TIMEOUT_MS = 120_000;

/**
 * @typedef {{ passed: number, failed: number, failures: string[] }} SuiteResult
 */

/**
 * Run `files` (absolute paths) under a runtime.
 *
 * @param {import("./runtimes.mjs").Runtime} runtime
 * @param {string[]} files
 * @param {(finished: string) => void} onFile called with each file as it is begun
 * @returns {Promise<SuiteResult>}
 */
export async function runSuite(runtime, files, onFile) {
  const folder = mkdtempSync(join(tmpdir(), "echostream-test-"));
  try {
    const suite = runtime.name === "deno" ? denoSuite : runtime.name === "bun" ? bunSuite : nodeSuite;
    const { command, progress, collect } = suite(files, join(folder, "report"));
    const lines = [];
    const seen = new Set();
    const ending = await runLines(runtime.executable, command, (line) => {
      lines.push(line);
      const file = progress(line);
      if (file !== undefined && !seen.has(file)) onFile([...seen.add(file)].at(-1));
    });
    return judge(collect(lines), ending, lines);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Node prints our own JSON lines; other lines are the tests' output. */
function nodeSuite(files) {
  return {
    command: [
      "--test",
      `--test-concurrency=2`,
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      `--test-reporter=${join(root, "scripts/node_reporter.mjs")}`,
      ...files,
    ],
    progress: (line) => parseJson(line)?.file,
    collect: (lines) => lines.map(parseJson).filter((test) => test?.passed !== undefined && !test.skipped),
  };
}

function denoSuite(files, reportPath) {
  return {
    command: [
      "test",
      "--allow-all",
      "--no-check",
      `--junit-path=${reportPath}`,
      ...files.map((file) => relative(root, file)),
    ],
    progress: (line) => /^running \d+ tests? from (.+)$/.exec(plain(line))?.[1],
    collect: () => readJunit(reportPath),
  };
}

function bunSuite(files, reportPath) {
  const paths = files.map((file) => `./${relative(root, file)}`);
  return {
    command: ["test", `--timeout=${TEST_TIMEOUT_MS}`, "--reporter=junit", `--reporter-outfile=${reportPath}`, ...paths],
    progress: (line) => /^(\S+_test\.ts):$/.exec(plain(line))?.[1],
    collect: () => readJunit(reportPath),
  };
}

/** Counts, and what went wrong: failed tests, and an exit that the tests do not explain. */
function judge(tests, { code, signal, stillRunning }, lines) {
  const passed = tests.filter((test) => test.passed).length;
  const failures = tests.filter((test) => !test.passed).map((test) =>
    `${test.name} (${test.file ?? "?"})\n${test.error ?? ""}`
  );
  const tail = lines.filter((line) => parseJson(line)?.passed === undefined).slice(-60).join("\n");
  const how = stillRunning !== undefined
    ? `printed nothing for ${SILENCE_MS / 60_000} minutes while these processes ran:\n${stillRunning}`
    : signal
    ? `was ended by ${signal}`
    : `exited with ${code}`;
  if (stillRunning !== undefined || signal || (code !== 0 && failures.length === 0)) {
    failures.push(`the runtime ${how}\n${tail}`);
  } else if (passed + failures.length === 0) failures.push(`no test was run\n${tail}`);
  return { passed, failed: failures.length, failures };
}

function runLines(executable, command, onLine) {
  return new Promise((resolve, reject) => {
    const child = spawn(executable, command, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    let stillRunning;
    const timer = setTimeout(() => {
      stillRunning = processesHere();
      child.kill("SIGKILL");
    }, SILENCE_MS);
    for (const input of [child.stdout, child.stderr]) {
      // Not by lines: Deno names a test before it runs it, and ends the line after.
      input.on("data", () => timer.refresh());
      createInterface({ input }).on("line", onLine);
    }
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stillRunning });
    });
  });
}

/** Processes of this folder with their age in seconds, where there is `ps`. */
function processesHere() {
  const { stdout } = spawnSync("ps", ["-eo", "pid,ppid,etimes,args"], { encoding: "utf8" });
  return (stdout ?? "").split("\n").filter((line) => line.includes(root)).join("\n");
}

/** Test cases of a JUnit report: the part of the format that Deno and Bun share. Empty when the runtime died before writing it. */
function readJunit(path) {
  if (!existsSync(path)) return [];
  const cases = readFileSync(path, "utf8").matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g);
  return [...cases].map(([, attributes, body = ""]) => ({
    name: attribute(attributes, "name"),
    file: attribute(attributes, "file") ?? attribute(attributes, "classname"),
    passed: !/<(failure|error)\b/.test(body),
    skipped: /<skipped\b/.test(body),
    error: unescapeXml(body.replace(/<[^>]+>/g, (tag) => attribute(tag, "message") ?? "").trim()),
  })).filter((test) => !test.skipped);
}

function attribute(text, name) {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1];
  return value === undefined ? undefined : unescapeXml(value);
}

function unescapeXml(text) {
  const entities = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&", "#39": "'", "#10": "\n" };
  return text.replace(/&(lt|gt|quot|apos|amp|#39|#10);/g, (_, entity) => entities[entity]);
}

function parseJson(line) {
  if (!line.startsWith('{"name":')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Without colour codes, which some runtimes print whatever NO_COLOR says. */
function plain(line) {
  // deno-lint-ignore no-control-regex
  return line.replace(/\u001b\[[0-9;]*m/g, "");
}
