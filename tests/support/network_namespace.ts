/**
 * A network of a test's own, whose addresses and routes it may change: a network namespace of Linux.
 *
 * @module
 */

import { spawnSync } from "node:child_process";

/**
 * The program, and its arguments, that run another one in a fresh network namespace, as somebody who may change it; `undefined` where
 * there are none, where that is not permitted, or where `unshare` (util-linux) or `ip` (iproute2) is missing.
 */
export function findNamespace(): readonly string[] | undefined {
  const ways = [["--net"], ["--map-root-user", "--net"]].map((flags) => ["unshare", ...flags, "--"]);
  // A program that is missing has no status.
  return ways.find(([program, ...rest]) => spawnSync(program!, [...rest, ...SETUP]).status === 0);
}

const SETUP = ["ip", "address", "add", "10.77.0.1/32", "dev", "lo"];
