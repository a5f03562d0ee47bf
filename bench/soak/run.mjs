/**
 * `npm run soak`: a million calls on one connection, 100,000 one after the other, a million frames that are played, and a thousand endpoints, on each
 * runtime; each must also end by itself.
 * Options: `--only node26,deno`, `--quick` for a tenth of everything but the sequential calls.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.mjs";
import { findRuntime, root, RUNTIME_NAMES, scriptPath } from "../../scripts/runtimes.mjs";

const { values: options } = parseArgs({
  options: { only: { type: "string" }, quick: { type: "boolean", default: false } },
});
const TIMEOUT_MS = 15 * 60_000;
/** One after the other, at any scale. */
const SEQUENTIAL = ["bench/soak/calls.ts", "100000", "10000", "8", "1"];
const soaks = options.quick
  ? [
    ["bench/soak/calls.ts", "100000", "20000", "8"],
    SEQUENTIAL,
    ["bench/soak/playout.ts", "100000", "20000", "8"],
    ["bench/soak/endpoints.ts", "100"],
  ]
  : [["bench/soak/calls.ts"], SEQUENTIAL, ["bench/soak/playout.ts"], ["bench/soak/endpoints.ts"]];

const native = spawnSync(process.execPath, [join(root, "scripts/build-native.mjs")], { stdio: "inherit" });
if (native.status !== 0) process.exit(1);
const compiled = build();
if (!compiled.ok) console.error(compiled.output);

let failed = 0;
for (const name of options.only?.split(",") ?? RUNTIME_NAMES) {
  const runtime = findRuntime(name);
  for (const [source, ...parameters] of soaks) {
    console.log(`\n${name} ${runtime.version}: ${source} ${parameters.join(" ")}`);
    const startedMs = Date.now();
    const run = spawnSync(runtime.executable, [...collecting(runtime), scriptPath(runtime, source), ...parameters], {
      cwd: root,
      stdio: "inherit",
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    const ok = run.status === 0;
    if (!ok) failed++;
    console.log(
      `${ok ? "ok" : `FAILED (${run.signal ?? run.status})`} after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`,
    );
  }
}
console.log(failed === 0 ? "soak: ok" : `soak: ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/**
 * Arguments that make resident memory say what is kept: collections on request, and V8's young generation at one size (16 MB) from start to end
 * instead of whichever V8 sees fit.
 */
function collecting({ name, scriptArguments }) {
  const flags = ["--expose-gc", "--min-semi-space-size=16", "--max-semi-space-size=16"];
  if (name === "deno") return [...scriptArguments, `--v8-flags=${flags.join(",")}`];
  return name === "bun" ? scriptArguments : [...flags, ...scriptArguments];
}
