/**
 * `npm run bench:impaired`: calls between two hosts of 20 ms distance whose link loses 0, 1 and 5 % of all packets, the same link for every system:
 * two network namespaces of this run and TUN devices (`impaired_link.py`). Needs Linux, root and Python 3.
 *
 * Options: `--rounds N`, `--quick` one short round, not saved, `--only text,text` systems.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.mjs";
import { progressLine } from "../../scripts/progress.mjs";
import { findRuntime, root } from "../../scripts/runtimes.mjs";
import { measure } from "./processes.mjs";
import { medians } from "./report.mjs";

const DELAY_MS = 20;
const LOSSES = [0, 0.01, 0.05];
const SYSTEMS = ["echostream", "tls-floor", "node:http2", "grpc-js", "socket.io"];
const BENCHES = ["unary-1", "unary-64"];

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const job = { benches: BENCHES, warmUpMs: 1_000, durationMs: options.quick ? 2_000 : 5_000 };
const texts = options.only.split(",");
const systems = SYSTEMS.filter((system) => texts.some((text) => system.includes(text)));

if (process.platform !== "linux" || process.getuid() !== 0) {
  console.error("The impaired link is made of network namespaces: run this as root on Linux");
  process.exit(1);
}
build();
const runtime = findRuntime("node26");
const line = progressLine("bench:impaired");
const measured = [];
const failures = [];
for (let round = 1; round <= rounds; round++) {
  for (const loss of LOSSES) {
    const link = await openLink(loss, round);
    for (const system of round % 2 ? systems : [...systems].reverse()) {
      const label = `round ${round}/${rounds}  ${loss * 100} % lost  ${system}`;
      line.update(label);
      try {
        await measure(system, runtime, job, (row) => {
          measured.push({ ...row, system, runtime: `${loss * 100} %` });
          line.update(`${label}  ${row.bench}: ${row.ops}/s, p50 ${row.p50Us} µs, p99 ${row.p99Us} µs`);
        }, link.place);
      } catch (error) {
        failures.push(`${label}: ${error.message}`);
      }
    }
    await link.close();
  }
}
line.end(`${rounds} rounds done`);
const rows = medians(measured);
const page = report(rows);
console.log(page);
for (const failure of failures) console.error(`failed: ${failure}`);
if (!options.quick && options.only === "" && failures.length === 0) {
  const folder = join(root, "bench/results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "impaired.json"), `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
  writeFileSync(join(folder, "impaired.md"), page);
}
process.exitCode = failures.length === 0 ? 0 : 1;

/** Two hosts and what lies between them, until it is closed. */
async function openLink(loss, seed) {
  const names = ["a", "b"].map((side) => `echostream-${process.pid}-${side}`);
  const link = spawn(
    "python3",
    [join(root, "bench/macro/impaired_link.py"), ...names, DELAY_MS, loss, seed].map(String),
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  const ended = once(link, "close");
  const begun = await Promise.race([once(link.stdout, "data"), ended.then(([code]) => code)]);
  if (!Array.isArray(begun)) throw new Error(`The link ended with ${begun}: are there TUN devices and iproute2?`);
  const [server, client] = names.map((name) => ["ip", "netns", "exec", name]);
  return {
    place: { host: "10.99.0.1", server, client },
    close: async () => {
      link.stdin.end();
      await ended;
    },
  };
}

function report(rows) {
  const ms = (us) => (us / 1000).toFixed(us < 100_000 ? 1 : 0);
  const lines = LOSSES.flatMap((loss) =>
    systems.map((system) => {
      const [one, many] = BENCHES.map((bench) =>
        rows.find((row) => row.runtime === `${loss * 100} %` && row.system === system && row.bench === bench)
      );
      if (!one || !many) return undefined;
      return `| ${loss * 100} % | ${system} | ${ms(one.p50Us)} / ${ms(one.p99Us)} ms | ${ms(many.p50Us)} / ${
        ms(many.p99Us)
      } ms | ${many.ops}/s |`;
    })
  ).filter((row) => row !== undefined);
  return [
    "# Calls over a bad network",
    "",
    `Calls of 64 bytes between two hosts (network namespaces) whose link takes ${DELAY_MS} ms each way and loses packets of any protocol at random.`,
    `Medians of ${rounds} interleaved rounds of ${
      job.durationMs / 1000
    } s, ${runtime.name} ${runtime.version}. \`npm run bench:impaired\` makes this page.`,
    "",
    "| lost | system | 1 in flight: p50 / p99 | 64 in flight: p50 / p99 | calls |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
    "",
  ].join("\n");
}
