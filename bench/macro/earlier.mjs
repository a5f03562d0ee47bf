/**
 * An earlier commit of this repository, checked out beside it, installed and built, to be measured in the same run.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { root } from "../../scripts/runtimes.mjs";

/**
 * Check out, install and build `commit`; takes a minute or two.
 *
 * @param {string} commit what git understands: a hash, a tag, `HEAD~1`
 * @throws {Error} when a step fails, with what it printed.
 */
export function checkOut(commit) {
  const parent = mkdtempSync(join(tmpdir(), "echostream-earlier-"));
  const folder = join(parent, "checkout");
  const remove = () => {
    spawnSync("git", ["worktree", "remove", "--force", folder], { cwd: root });
    rmSync(parent, { recursive: true, force: true });
  };
  try {
    must("git", ["worktree", "add", "--quiet", "--detach", folder, commit], root);
    must("npm", ["ci", "--prefer-offline"], folder);
    must("npm", ["run", "build:native"], folder);
  } catch (error) {
    remove();
    throw error;
  }
  return { measure: (runtime, benches, quick) => measure(folder, runtime, benches, quick), remove };
}

/** One round on one runtime: rows as the bench of that commit prints them. Benches it does not know are left out. */
async function measure(folder, runtime, benches, quick) {
  const rows = [];
  const own = ["--rounds", "1", "--json", "--only", `echostream/${runtime.name}`, "--bench", benches];
  const child = spawn(process.execPath, [join(folder, "bench/macro/run.mjs"), ...own, ...(quick ? ["--quick"] : [])], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => output += chunk);
  child.stderr.on("data", (chunk) => errors = (errors + chunk).slice(-4_000));
  const [code] = await once(child, "close");
  for (const line of output.split("\n")) if (line.startsWith("{")) rows.push(JSON.parse(line));
  if (rows.length === 0) throw new Error(`the bench of the earlier commit ended with ${code}: ${errors.trim()}`);
  return rows.filter(({ ops }) => ops !== null);
}

function must(command, parameters, cwd) {
  const { status, stdout, stderr } = spawnSync(command, parameters, { cwd, encoding: "utf8" });
  if (status === 0) return;
  throw new Error(
    `"${command} ${parameters.join(" ")}" failed for the earlier commit:\n${`${stdout}${stderr}`.slice(-4_000)}`,
  );
}
