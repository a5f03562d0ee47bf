/**
 * Medians over the rounds of the macro bench, and the page made of them.
 *
 * @module
 */
import { cpus, release, totalmem } from "node:os";
import { ratios } from "./ratios.mjs";

/** The system that is an earlier commit of ours. */
export const EARLIER = "echostream, earlier";

/** Benches shown as pictures as well, on Node 26. */
export const PICTURES = [
  { bench: "unary-64", field: "ops", title: "Calls of 64 bytes, 64 in flight", unit: "/s" },
  { bench: "unary-512", field: "ops", title: "Calls of 64 bytes, 512 in flight", unit: "/s" },
  { bench: "bulk", field: "mbPerS", title: "Bulk transfer, one stream", unit: "MB/s" },
  { bench: "items", field: "ops", title: "Items of a streaming call, from the server", unit: "/s" },
];

const SIZES = [["unary", "64 bytes"], ["unary1k", "1 KiB"], ["unary64k", "64 KiB"]];

/** Rows of one bench, system and runtime become one, each figure the median of its own. */
export function medians(rows) {
  return groupBy(rows, ({ runtime, system, bench }) => `${runtime} ${system} ${bench}`).map((group) => {
    const { bench, system, runtime, ...figures } = group[0];
    const median = (field) => group.map((row) => row[field]).sort((a, b) => a - b)[Math.floor(group.length / 2)];
    return {
      bench,
      system,
      runtime,
      ...Object.fromEntries(Object.keys(figures).map((field) => [field, median(field)])),
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
    } of ${durationMs / 1000} s a bench. \`npm run bench\` makes this page.`,
    "",
    `- ${machine}`,
    `- ${versions}`,
    "- All systems are encrypted, TLS 1.3 or QUIC. `tls-floor` is node:tls with a frame a write and no framework, `tls-gathered` the same with all",
    "  frames of a turn in one write. tRPC speaks JSON, so its payloads are text. Each call of @matrixai/quic and @chainsafe/libp2p-quic is a",
    "  stream of its own.",
    "",
    ...SIZES.flatMap(([size, title]) => section(`Calls of ${title} each way`, unaryTable(rows, size))),
    ...section(
      "Flows",
      flowTable(rows),
      "Bulk is frames of 64 KiB to the server, over one stream or eight; items are the 64-byte ones of one streaming call, sent by the server, or by the",
      "client and echoed. socket.io has no streaming calls: there they are events, acknowledged every 512. Datagrams carry 64 bytes; those that arrive count.",
    ),
    ...section(
      "Connections and processor time",
      costTable(rows),
      "Handshakes are whole ones, eight at once, each connection closed at once. An idle connection is what the server's resident memory grows by, of 1,000.",
      "Processor time is that of client and server together, 64 calls of 64 bytes in flight.",
    ),
    ...PICTURES.map(({ bench, title }) => `![${title}](macro_${bench}.svg)`),
    "",
    "## Ratios",
    "",
    table(["what", "goal", "measured", ""], ratios(rows, EARLIER)),
    "",
  ].join("\n");
}

function section(title, body, ...text) {
  return body === undefined ? [] : [`## ${title}`, "", ...(text.length > 0 ? [...text, ""] : []), body, ""];
}

function unaryTable(rows, size) {
  const latency = (row) => (row ? `${row.p50Us} / ${row.p99Us} µs` : "–");
  return systemTable(rows, [
    ["1 in flight: p50 / p99", (of) => latency(of(`${size}-1`))],
    ["64 in flight", (of) => rate(of(`${size}-64`))],
    ["p50 / p99", (of) => latency(of(`${size}-64`))],
    ["512 in flight", (of) => rate(of(`${size}-512`))],
    ["p50 / p99", (of) => latency(of(`${size}-512`))],
  ]);
}

function flowTable(rows) {
  const bytes = (row) => (row ? `${row.mbPerS} MB/s` : "–");
  return systemTable(rows, [
    ["bulk", (of) => bytes(of("bulk"))],
    ["bulk, 8 streams", (of) => bytes(of("bulk-8"))],
    ["download", (of) => bytes(of("download"))],
    ["items", (of) => rate(of("items"))],
    ["items echoed", (of) => rate(of("echo-items"))],
    ["datagrams", (of) => rate(of("datagrams"))],
  ]);
}

function costTable(rows) {
  return systemTable(rows, [
    ["handshakes", (of) => rate(of("handshakes"))],
    ["idle connection", (of) => (of("idle") ? `${of("idle").idleKib} KiB` : "–")],
    ["processor time of a call", (of) => (of("unary-64")?.cpuUs ? `${of("unary-64").cpuUs} µs` : "–")],
  ]);
}

/** A row for each runtime and system that has any of these figures; `undefined` when none has. */
function systemTable(rows, columns) {
  const body = groupBy(rows, ({ runtime, system }) => `${runtime} ${system}`).map((group) => {
    const of = (bench) => group.find((row) => row.bench === bench);
    return [group[0].runtime, group[0].system, ...columns.map(([, cell]) => cell(of))];
  }).filter(([, , ...cells]) => cells.some((cell) => cell !== "–"));
  return body.length === 0 ? undefined : table(["runtime", "system", ...columns.map(([title]) => title)], body);
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

function rate(row) {
  if (!row) return "–";
  return `${row.ops >= 10_000 ? `${Math.round(row.ops / 1000)} k` : row.ops}/s`;
}
