/**
 * Finds the runtimes this repository is developed with: Node 20 (the oldest supported one), Node 26, Deno and Bun.
 * Nothing has to be installed by hand: what `npm ci` did not bring is fetched once by npx.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Root folder of the repository, without a trailing slash. */
export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");

/**
 * Versions that are fetched when nothing suitable is installed. Node comes as the platform's own package, which needs no install script.
 * Deno is no devDependency: its platform packages break `npm ci`.
 */
const PINNED = {
  node20: `${nodePackage()}@20.20.2`,
  node26: `${nodePackage()}@26.10.0`,
  deno: "deno@2.9.6",
  bun: "bun@1.4.5",
};

/** Every runtime by its name, in the order in which suites and benches visit them. */
export const RUNTIME_NAMES = ["node20", "node26", "deno", "bun"];

/**
 * One runtime: its executable, its version, the arguments before a script, and whether it runs `.ts` files as they are.
 *
 * @typedef {{ name: string, executable: string, version: string, scriptArguments: string[], runsTypeScript: boolean }} Runtime
 */

/**
 * Find a runtime by name, fetching it if it must.
 *
 * @param {string} name one of {@link RUNTIME_NAMES}, or `"node"` for the Node that runs this script
 * @returns {Runtime}
 */
export function findRuntime(name) {
  const found = name === "node" ? describe("node", process.execPath) : find(name);
  if (!found) throw new Error(`Cannot find ${name}: run "npm ci", or check that "npx -y ${PINNED[name]}" works here`);
  return found;
}

/**
 * Where a script of this repository lies for a runtime: the source itself, or its compiled form in `dist/`.
 *
 * @param {Runtime} runtime
 * @param {string} path of the source, from the root, e.g. `examples/echo.ts`
 */
export function scriptPath(runtime, path) {
  return join(root, runtime.runsTypeScript ? path : join("dist", path.replace(/\.ts$/, ".js")));
}

function find(name) {
  const { candidates, suits } = {
    node20: { candidates: nodeCandidates, suits: (version) => version.startsWith("v20.") },
    node26: {
      candidates: () => [join(root, "node_modules/node/bin/node"), ...nodeCandidates()],
      suits: runsTypeScript,
    },
    deno: { candidates: () => [], suits: () => true },
    bun: { candidates: bunBinaries, suits: () => true },
  }[name] ?? { candidates: unknown, suits: unknown };
  for (const executable of candidates(name)) {
    const runtime = existsSync(executable) ? describe(name, executable) : undefined;
    if (runtime && suits(runtime.version)) return runtime;
  }
  const fetched = fetchByNpx(name);
  return fetched && suits(fetched.version) ? fetched : undefined;
}

function unknown(name) {
  throw new RangeError(`Unknown runtime "${name}": one of ${RUNTIME_NAMES.join(", ")}`);
}

/** The Node that runs npm, then every Node on the path that is not a devDependency of ours. */
function nodeCandidates() {
  const file = process.platform === "win32" ? "node.exe" : "node";
  const onPath = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return [process.env.npm_node_execpath, process.execPath, ...onPath.map((folder) => join(folder, file))].filter(
    Boolean,
  );
}

/** Bun, or its platform package for when its install script was not allowed to run. */
function bunBinaries() {
  const scope = join(root, "node_modules/@oven");
  const platforms = existsSync(scope) ? readdirSync(scope).map((folder) => join(scope, folder, "bin/bun")) : [];
  return [join(root, "node_modules/bun/bin/bun.exe"), ...platforms];
}

/** The npm package that holds nothing but the `node` of this platform. */
function nodePackage() {
  const system = process.platform === "win32" ? "win" : process.platform;
  const prefix = system === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  return `${prefix}-${system}-${process.arch}`;
}

/** Ask the executable itself where it is, so that later runs skip npx and signals reach the right process. */
function fetchByNpx(name) {
  const command = name === "deno"
    ? ["deno", "eval", "console.log(Deno.execPath())"]
    : [name.replace(/\d+$/, ""), "-p", "process.execPath"];
  const run = spawnSync("npx", ["-y", "-p", PINNED[name], ...command], {
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  const executable = run.stdout?.trim().split("\n").at(-1);
  return run.status === 0 && executable ? describe(name, executable) : undefined;
}

function describe(name, executable) {
  const run = spawnSync(executable, ["--version"], { encoding: "utf8" });
  if (run.status !== 0) return undefined;
  const version = run.stdout.trim().split("\n")[0].replace(/^deno (\S+).*/, "$1");
  if (name === "deno") {
    return {
      name,
      executable,
      version,
      scriptArguments: ["run", "--allow-all", "--no-check", "--quiet"],
      runsTypeScript: true,
    };
  }
  if (name === "bun") return { name, executable, version, scriptArguments: ["run"], runsTypeScript: true };
  return { name, executable, version, scriptArguments: [], runsTypeScript: runsTypeScript(version) };
}

/** Type stripping needs no flag from Node 22.18 and 23.6 on. */
function runsTypeScript(version) {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  return major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
}
