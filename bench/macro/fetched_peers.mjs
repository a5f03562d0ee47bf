/**
 * Systems that are no devDependency: fetched once into a folder of their own.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "../../scripts/runtimes.mjs";

const FETCHED = { "@matrixai/quic": "2.0.9" };

/**
 * Have those of `systems` that are fetched at hand for the processes of the bench.
 *
 * @param {string[]} systems
 * @throws {Error} when one cannot be fetched, with what npm said.
 */
export function fetchPeers(systems) {
  const folder = join(root, "node_modules/.cache/echostream-bench");
  process.env.ECHOSTREAM_BENCH_PEERS = folder;
  mkdirSync(folder, { recursive: true });
  for (const [name, version] of Object.entries(FETCHED)) {
    if (!systems.includes(name) || existsSync(join(folder, "node_modules", name))) continue;
    const { status, stderr } = spawnSync(
      "npm",
      ["install", "--prefix", folder, "--no-save", "--no-package-lock", "--ignore-scripts", `${name}@${version}`],
      { encoding: "utf8", shell: process.platform === "win32" },
    );
    if (status !== 0) throw new Error(`${name} ${version} cannot be fetched: ${stderr.trim()}`);
  }
}
