/**
 * `npm run gate`: every check a change must pass, each with its time; `-- --fix` formats first, `-- --quick` leaves out Rust, publishing and the tests,
 * `-- --no-tests` the tests alone.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { findRuntime, root } from "./runtimes.mjs";

const { values: options } = parseArgs({
  options: {
    fix: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    "no-tests": { type: "boolean", default: false },
  },
});
const deno = findRuntime("deno").executable;
const tsc = join(root, "node_modules/typescript/bin/tsc");
/** As the build runs it, so that BoringSSL is compiled once. */
const cargo = [process.execPath, join(root, "scripts/build-native.mjs"), "--cargo"];
const rust = !options.quick;
const publishing = !options.quick;
const tests = rust && !options["no-tests"];

/** What is checked, in the order in which a mistake is cheapest to find. */
const checks = [
  options.fix && { name: "format TypeScript", command: [deno, "fmt", "--quiet"] },
  options.fix && { name: "format Rust", command: [...cargo, "fmt"] },
  { name: "deno fmt", command: [deno, "fmt", "--check"] },
  { name: "deno lint", command: [deno, "lint", "--quiet"] },
  { name: "deno check", command: [deno, "check", "--quiet", "mod.ts", "src", "tests", "examples", "demo", "bench"] },
  { name: "tsc", command: [process.execPath, tsc, "-p", root] },
  { name: "tsc, published types", command: [process.execPath, tsc, "-p", join(root, "tsconfig.public.json")] },
  // Refuses slow types, and whatever else JSR would.
  publishing &&
  { name: "deno publish, dry run", command: [process.execPath, join(root, "scripts/jsr.mjs"), "--dry-run"] },
  rust && { name: "cargo fmt", command: [...cargo, "fmt", "--check"] },
  rust &&
  {
    name: "clippy",
    command: [...cargo, "clippy", "--release", "--locked", "--all-targets", "--", "-D", "warnings"],
  },
  // What no package carries (docs/decisions/0011) breaks unseen otherwise.
  rust &&
  {
    name: "clippy, with qlog",
    command: [
      ...cargo,
      "clippy",
      "--release",
      "--locked",
      "--all-targets",
      "--features",
      "qlog",
      "--",
      "-D",
      "warnings",
    ],
  },
  tests && { name: "cargo test", command: [...cargo, "test", "--release", "--locked", "--quiet"] },
  tests && { name: "npm test", command: [process.execPath, join(root, "scripts/test.mjs")], show: true },
].filter(Boolean);

const failed = checks.filter((check) => !run(check)).map((check) => check.name);
console.log(failed.length === 0 ? "gate: ok" : `gate: failed (${failed.join(", ")})`);
process.exitCode = failed.length === 0 ? 0 : 1;

function run({ name, command: [executable, ...parameters], show = false }) {
  const startedMs = Date.now();
  const done = spawnSync(executable, parameters, {
    cwd: root,
    encoding: "utf8",
    stdio: show ? "inherit" : "pipe",
    maxBuffer: 1 << 28,
  });
  const ok = done.status === 0;
  console.log(`${ok ? "✓" : "✗"} ${name} (${((Date.now() - startedMs) / 1000).toFixed(1)} s)`);
  if (!ok && !show) console.log(`${done.error ?? ""}${done.stdout ?? ""}${done.stderr ?? ""}`.trimEnd());
  return ok;
}
