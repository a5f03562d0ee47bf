/**
 * What the figures of the macro bench are held against.
 *
 * @module
 */

/** The systems a user would pick instead. */
const RPC = ["socket.io", "capnweb", "grpc-js"];

/** Goals on Node: bench, field, against which systems (the best of them), the goal, and whether less is better. */
const GOALS = [
  ["unary-64", "ops", RPC, 2.5],
  ["unary-512", "ops", RPC, 5],
  ["unary-64", "ops", ["tls-floor"], 0.5],
  ["unary-1", "p50Us", ["tls-floor"], 1.5, true],
  ["bulk", "mbPerS", ["@matrixai/quic", "@chainsafe/libp2p-quic"], 1.3],
  ["bulk", "mbPerS", ["tls-floor"], 0.65],
  ["items", "ops", ["grpc-js"], 1],
  ["items", "ops", ["socket.io"], 1],
  ["echo-items", "ops", ["grpc-js"], 1],
  ["echo-items", "ops", ["socket.io"], 1],
  ["handshakes", "ops", ["tls-floor"], 1],
];
/** Goals of other runtimes against Node 26. */
const ACROSS = [["unary-64", "ops"], ["unary-512", "ops"], ["bulk", "mbPerS"]];
const ACROSS_GOAL = 0.7;
/** Goals that are no ratio. */
const MOST_IDLE_KIB = 40;
const LEAST_DATAGRAMS = 250_000;

/** Each goal whose figures were measured: what, goal, measured, and whether it is met. */
export function ratios(rows, earlier) {
  const find = (runtime, system, bench) =>
    rows.find((row) => row.runtime === runtime && row.system === system && row.bench === bench);
  const list = [];
  const judge = (what, goal, value, atMost, digits = 2) => {
    const isMet = atMost ? value <= goal : value >= goal;
    list.push([what, `${atMost ? "≤" : "≥"} ${goal}`, value.toFixed(digits), isMet ? "✓" : "✗"]);
  };
  for (const node of ["node26", "node20"]) {
    const ours = (bench) => find(node, "echostream", bench);
    for (const [bench, field, systems, goal, atMost = false] of GOALS) {
      const others = systems.map((system) => find(node, system, bench)).filter((row) => row?.[field])
        .sort((a, b) => atMost ? a[field] - b[field] : b[field] - a[field]);
      if (!ours(bench)?.[field] || others.length === 0) continue;
      const figure = field === "p50Us" ? `p50 of ${bench}` : bench;
      judge(`${node}: ${figure}, against ${others[0].system}`, goal, ours(bench)[field] / others[0][field], atMost);
    }
    if (ours("datagrams")) judge(`${node}: datagrams/s`, LEAST_DATAGRAMS, ours("datagrams").ops, false, 0);
    if (ours("idle")) judge(`${node}: KiB of an idle connection`, MOST_IDLE_KIB, ours("idle").idleKib, true, 1);
  }
  for (const row of rows.filter(({ system }) => system === earlier)) {
    const now = find(row.runtime, "echostream", row.bench);
    const field = row.bench.endsWith("-1") ? "p50Us" : row.bench === "bulk" ? "mbPerS" : "ops";
    if (!now?.[field] || !row[field]) continue;
    judge(`${row.runtime}: ${row.bench}, against the earlier commit`, 1, now[field] / row[field], field === "p50Us");
  }
  for (const runtime of ["deno", "bun"]) {
    for (const [bench, field] of ACROSS) {
      const [there, here] = [find(runtime, "echostream", bench), find("node26", "echostream", bench)];
      if (there && here) judge(`${runtime}: ${bench}, against node26`, ACROSS_GOAL, there[field] / here[field], false);
    }
  }
  return list;
}
