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

/** By system, the packages it takes; the first is the system itself. */
const FETCHED = {
  "@matrixai/quic": ["@matrixai/quic@2.0.9"],
  "@chainsafe/libp2p-quic": ["@chainsafe/libp2p-quic@2.1.1", "libp2p@3.3.11", "@multiformats/multiaddr@13.0.3"],
};

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
  for (const [name, packages] of Object.entries(FETCHED)) {
    const home = join(folder, name.replace("/", "+"));
    if (!systems.includes(name) || existsSync(join(home, "node_modules", name))) continue;
    mkdirSync(home, { recursive: true });
    const { status, stderr } = spawnSync(
      "npm",
      ["install", "--prefix", home, "--no-save", "--no-package-lock", "--ignore-scripts", ...packages],
      { encoding: "utf8", shell: process.platform === "win32" },
    );
    if (status !== 0) throw new Error(`${packages.join(", ")} cannot be fetched: ${stderr.trim()}`);
  }
}
