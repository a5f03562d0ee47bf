/**
 * Compiles the sources, tests and examples to `dist/` for npm and Node 20, copies what tests read, and removes what no longer has a source.
 * Type errors fail it: this is the type check of `npm test` too.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { root } from "./runtimes.mjs";

/**
 * Bring `dist/` up to date.
 *
 * @returns {{ ok: boolean, output: string }} what the compiler said
 */
export function build() {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const run = spawnSync(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json")], {
    cwd: root,
    encoding: "utf8",
  });
  removeOrphans(join(root, "dist"));
  for (const path of dataFiles(join(root, "tests"))) cpSync(path, join(root, "dist", relative(root, path)));
  return { ok: run.status === 0, output: `${run.stdout}${run.stderr}` };
}

/** Tests read these beside themselves: vectors and fixtures. */
function dataFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)))
    .filter((path) => !path.endsWith(".ts") && statSync(path).isFile());
}

function removeOrphans(dist) {
  if (!existsSync(dist)) return;
  for (const name of readdirSync(dist, { recursive: true })) {
    const path = String(name).split(sep).join("/");
    const source = path.replace(/\.d\.ts$/, ".ts").replace(/\.js$/, ".ts");
    const isCompiled = /\.(js|d\.ts)$/.test(path);
    if (isCompiled && !existsSync(join(root, source))) rmSync(join(dist, path), { force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { ok, output } = build();
  if (output) console.error(output.trimEnd());
  process.exitCode = ok ? 0 : 1;
}
