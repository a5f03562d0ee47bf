/**
 * `npm test`: builds the addon and `dist/`, runs every test file under Node 20 (compiled), Node 26, Deno and Bun (source), and ends with one line
 * over all of them. What does not depend on the runtime that runs the test, `tests/packages`, runs once. Options: `--only node26,deno` chooses runtimes, `--grep text` test files whose path holds the text, `--no-native` skips the addon.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { progressLine } from "./progress.mjs";
import { findRuntime, root, RUNTIME_NAMES, scriptPath } from "./runtimes.mjs";
import { runSuite } from "./suites.mjs";

const { values: options } = parseArgs({
  options: { only: { type: "string" }, grep: { type: "string" }, "no-native": { type: "boolean", default: false } },
});
/** These tests start every runtime themselves. */
const ONCE = join("tests", "packages");
const ONCE_UNDER = "node26";
const names = options.only?.split(",") ?? RUNTIME_NAMES;
const total = { passed: 0, failed: 0 };

if (!options["no-native"]) {
  const native = spawnSync(process.execPath, [join(root, "scripts/build-native.mjs")], { stdio: "inherit" });
  if (native.status !== 0) fail("native build", [`build-native.mjs exited with ${native.status}`]);
}
const compiled = build();
if (!compiled.ok) fail("type check", [compiled.output]);

const sources = testFiles().filter((path) => path.includes(options.grep ?? ""));
for (const name of names) {
  const startedMs = Date.now();
  const line = progressLine(name.padEnd(7));
  try {
    const runtime = findRuntime(name);
    const files = sources.filter((path) => name === ONCE_UNDER || !path.startsWith(ONCE))
      .map((path) => scriptPath(runtime, path));
    let begun = 0;
    const result = await runSuite(
      runtime,
      files,
      (file) => line.update(`${++begun}/${files.length} ${file.replace(/^.*[\\/](dist|src|tests)/, "$1")}`),
    );
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
    line.end(`${runtime.version}: ${result.passed} tests passed, ${result.failed} failed in ${seconds} s`);
    total.passed += result.passed;
    if (result.failed > 0) fail(name, result.failures);
  } catch (error) {
    line.end("could not run");
    fail(name, [String(error)]);
  }
}

console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;

function fail(what, failures) {
  total.failed += failures.length;
  for (const failure of failures) console.log(`\n✗ ${what}: ${failure.trimEnd().replaceAll("\n", "\n    ")}\n`);
}

/** Unit tests beside the sources, and those of `tests/`; the matrices of `npm run interop`, which need other languages, are none. */
function testFiles() {
  return ["src", "tests"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, String(name))).filter((path) =>
      path.endsWith("_test.ts")
    )
  ).sort();
}
