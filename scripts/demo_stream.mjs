/**
 * `npm run demo:stream`: builds what is missing, then sends three streams between two processes over QUIC, through a third that is a bad network,
 * and writes a report of it. Arguments: the runtime (`node`, `deno`, `bun`), then `--seconds`, `--seed`, `--out`;
 * `--no-build` takes what is built already.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { command, exitOf, lineOf, prepare, within } from "./demo_processes.mjs";
import { progressLine } from "./progress.mjs";
import { findRuntime, root } from "./runtimes.mjs";

/** Connecting, the last frames and the report take seconds; a run that takes this much longer than its streams hangs. */
const SLACK_MS = 60_000;
const EXIT_TIMEOUT_MS = 20_000;

try {
  const [runtimeName = "node", ...rest] = process.argv.slice(2);
  await demo(runtimeName, readOptions(rest));
  console.log("demo:stream: ok");
} catch (error) {
  console.log(`demo:stream: failed: ${error.message}`);
  process.exitCode = 1;
}

function readOptions(parameters) {
  const { values } = parseArgs({
    args: parameters,
    options: {
      seconds: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
      out: { type: "string", default: "stream-report.html" },
      "no-build": { type: "boolean", default: false },
    },
  });
  const out = resolve(process.env.INIT_CWD ?? "", values.out);
  if (!existsSync(dirname(out))) throw new Error(`--out: there is no folder ${dirname(out)}`);
  if (existsSync(out) && statSync(out).isDirectory()) throw new Error(`--out: ${out} is a folder, not a file`);
  return {
    out,
    seconds: numberWithin(values, "seconds", 3, 600),
    seed: numberWithin(values, "seed", 0, 2 ** 31),
    builds: !values["no-build"],
  };
}

function numberWithin(values, name, least, most) {
  const value = Number(values[name]);
  if (values[name].trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`--${name} is "${values[name]}", not a whole number from ${least} to ${most}`);
}

async function demo(runtimeName, { seconds, seed, out, builds }) {
  const runtime = findRuntime(runtimeName);
  if (builds) prepare(runtime);
  console.log(`echostream on ${runtimeName} ${runtime.version}: ${seconds} s, seed ${seed}`);
  const durationMs = String(seconds * 1000);
  const children = [];
  const start = (name, stdin, source, ...parameters) => {
    const child = spawn(runtime.executable, command(runtime, `demo/stream/${source}`, ...parameters), {
      cwd: root,
      stdio: [stdin, "pipe", "inherit"],
    });
    children.push(child);
    return { child, exit: exitOf(child, name) };
  };
  const progress = progressLine("");
  try {
    const receiver = start("receiver", "pipe", "receiver.ts", durationMs, String(seed), out);
    const address = await lineOf(receiver.child, "listening on ", receiver.exit, (line) => {
      if (line.startsWith("progress ")) progress.update(line.slice("progress ".length));
      else if (!line.startsWith("listening on ")) console.log(line);
    });
    const network = start("network", "pipe", "network.ts", address.split(":").at(-1), durationMs, String(seed));
    const path = await lineOf(network.child, "forwarding on ", network.exit, () => {});
    const sender = start("sender", "ignore", "sender.ts", path, durationMs, String(seed));
    await lineOf(sender.child, "started", sender.exit, () => {});
    network.child.stdin.write("start\n");
    const failed = await within(seconds * 1000 + SLACK_MS, sender.child, sender.exit);
    // The end of their input is the sign to end in order.
    receiver.child.stdin.end();
    network.child.stdin.end();
    const others = [
      await within(EXIT_TIMEOUT_MS, receiver.child, receiver.exit),
      await within(EXIT_TIMEOUT_MS, network.child, network.exit),
    ];
    const problem = failed ?? others.find((other) => other !== undefined);
    if (problem !== undefined) throw new Error(problem);
    console.log(`report: ${out}`);
  } finally {
    for (const child of children) child.kill();
  }
}
