/**
 * Medians over the rounds of the macro bench, and the tables made of them.
 *
 * @module
 */
import { cpus, release, totalmem } from "node:os";

/** The system that is an earlier commit of ours. */
export const EARLIER = "echostream, earlier";

/** Rows of one bench, system and runtime become one, each figure the median of its own. */
export function medians(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = `${row.runtime} ${row.system} ${row.bench}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group) => {
    const median = (field) => group.map((row) => row[field]).sort((a, b) => a - b)[Math.floor(group.length / 2)];
    const { bench, system, runtime } = group[0];
    return {
      bench,
      system,
      runtime,
      ops: median("ops"),
      p50Us: median("p50Us"),
      p99Us: median("p99Us"),
      mbPerS: median("mbPerS"),
    };
  });
}

/** Markdown: figures, then ratios against their goals. */
export function report(rows, { rounds, durationMs, runtimes }) {
  const versions = runtimes.map(({ name, version }) => `${name} ${version}`).join(", ");
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, ${
    Math.round(totalmem() / 2 ** 30)
  } GiB, Linux ${release()}`;
  return [
    "# Macro bench",
    "",
    `Client and server are two processes on one machine, over loopback. Medians of ${rounds} interleaved round${
      rounds === 1 ? "" : "s"
    } of ${durationMs / 1000} s a bench.`,
    `Unary calls carry 64 bytes each way; bulk is frames of 64 KiB one way over one stream; items are the 64-byte ones of one`,
    `streaming call, sent by the server, or by the client and echoed. socket.io has no streaming calls: there they are events,`,
    `acknowledged every 512. \`npm run bench\` makes this page.`,
    "",
    `- ${machine}`,
    `- ${versions}`,
    "",
    table(
      [
        "runtime",
        "system",
        "1 in flight: p50 / p99",
        "64 in flight",
        "p50 / p99",
        "512 in flight",
        "p50 / p99",
        "bulk",
        "items",
        "items echoed",
      ],
      groupBy(rows, ({ runtime, system }) => `${runtime} ${system}`).map((group) => {
        const of = (bench) => group.find((row) => row.bench === bench);
        const latency = (row) => (row ? `${row.p50Us} / ${row.p99Us} µs` : "–");
        const rate = (row) => (row ? `${thousands(row.ops)}/s` : "–");
        const [one, many, most, bulk, items, echoed] = [
          "unary-1",
          "unary-64",
          "unary-512",
          "bulk",
          "items",
          "echo-items",
        ].map(of);
        return [
          group[0].runtime,
          group[0].system,
          latency(one),
          rate(many),
          latency(many),
          rate(most),
          latency(most),
          bulk ? `${bulk.mbPerS} MB/s` : "–",
          rate(items),
          rate(echoed),
        ];
      }),
    ),
    "",
    "## Ratios",
    "",
    table(["what", "goal", "measured", ""], ratios(rows)),
    "",
  ].join("\n");
}

/** Each goal, where both of its figures were measured. */
function ratios(rows) {
  const find = (runtime, system, bench) =>
    rows.find((row) => row.runtime === runtime && row.system === system && row.bench === bench);
  const list = [];
  const add = (what, goal, above, below, field, atMost = false) => {
    if (!above?.[field] || !below?.[field]) return;
    const ratio = above[field] / below[field];
    list.push([
      what,
      `${atMost ? "≤" : "≥"} ${goal}`,
      ratio.toFixed(2),
      (atMost ? ratio <= goal : ratio >= goal) ? "✓" : "✗",
    ]);
  };
  for (const node of ["node20", "node26"]) {
    const at = (system, bench) => find(node, system, bench);
    add(
      `${node}: 64 in flight, against socket.io`,
      2,
      at("echostream", "unary-64"),
      at("socket.io", "unary-64"),
      "ops",
    );
    add(
      `${node}: 64 in flight, against the floor`,
      0.4,
      at("echostream", "unary-64"),
      at("tls-floor", "unary-64"),
      "ops",
    );
    add(
      `${node}: 512 in flight, against socket.io`,
      4,
      at("echostream", "unary-512"),
      at("socket.io", "unary-512"),
      "ops",
    );
    for (const bench of ["unary-64", "items", "echo-items"]) {
      add(`${node}: ${bench}, against grpc-js`, 1, at("echostream", bench), at("grpc-js", bench), "ops");
    }
    for (const bench of ["items", "echo-items"]) {
      add(`${node}: ${bench}, against socket.io`, 1, at("echostream", bench), at("socket.io", bench), "ops");
    }
    add(`${node}: bulk, against the floor`, 0.5, at("echostream", "bulk"), at("tls-floor", "bulk"), "mbPerS");
    add(
      `${node}: p50 of 1 in flight, against the floor`,
      1.6,
      at("echostream", "unary-1"),
      at("tls-floor", "unary-1"),
      "p50Us",
      true,
    );
  }
  for (const row of rows.filter(({ system }) => system === EARLIER)) {
    const now = find(row.runtime, "echostream", row.bench);
    const [field, atMost] = row.bench === "unary-1"
      ? ["p50Us", true]
      : [row.bench === "bulk" ? "mbPerS" : "ops", false];
    add(`${row.runtime}: ${row.bench}, against the earlier commit`, 1, now, row, field, atMost);
  }
  const node = ["node26", "node20"].find((name) =>
    find(name, "echostream", "unary-64") ?? find(name, "echostream", "bulk")
  );
  for (const runtime of ["deno", "bun"]) {
    for (const [bench, field] of [["unary-64", "ops"], ["unary-512", "ops"], ["bulk", "mbPerS"]]) {
      add(
        `${runtime}: ${bench}, against ${node}`,
        0.7,
        find(runtime, "echostream", bench),
        find(node, "echostream", bench),
        field,
      );
    }
  }
  return list;
}

function table(head, body) {
  const widths = head.map((title, column) => Math.max(3, title.length, ...body.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body.map(line)].join("\n");
}

function groupBy(rows, key) {
  const groups = new Map();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return [...groups.keys()].sort().map((name) => groups.get(name));
}

function thousands(value) {
  return value >= 10_000 ? `${Math.round(value / 1000)} k` : String(value);
}
