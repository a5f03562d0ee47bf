/**
 * Publishes to JSR from a copy of what belongs there:
 *
 *     node scripts/jsr.mjs [--dry-run] [OPTIONS OF deno publish]
 *
 * From the repository itself `deno publish` refuses: the native package is a workspace there, and no part of what is published.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { findRuntime, root } from "./runtimes.mjs";

const folder = mkdtempSync(join(tmpdir(), "echostream-jsr-"));
try {
  stage(folder);
  const run = spawnSync(findRuntime("deno").executable, ["publish", "--allow-dirty", ...process.argv.slice(2)], {
    cwd: folder,
    stdio: "inherit",
  });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Copy what deno.json lists, and the packages its sources import, as an installer would lay them out. */
function stage(out) {
  const { publish, imports, ...settings } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  const { fmt: _fmt, lint: _lint, ...manifest } = settings;
  writeFileSync(join(out, "deno.json"), JSON.stringify({ ...manifest, imports, publish }, undefined, 2));
  const isTest = (path) => path.endsWith("_test.ts");
  for (const path of publish.include) {
    cpSync(join(root, path), join(out, path), { recursive: true, filter: (source) => !isTest(source) });
  }
  const imported = Object.keys(imports).filter((name) => imports[name].startsWith("npm:"));
  // Declarations of some of them ask for Node's.
  for (const name of [...imported, "@types/node", "undici-types"]) {
    mkdirSync(join(out, "node_modules", name, ".."), { recursive: true });
    // Of the native package its sources and target folder stay behind; what is checked are types.
    const isWanted = (source) => !/[\\/]native[\\/](src|target|.*\.node$)/.test(source);
    cpSync(join(root, "node_modules", name), join(out, "node_modules", name), {
      recursive: true,
      dereference: true,
      filter: isWanted,
    });
  }
}
