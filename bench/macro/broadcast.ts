/**
 * Broadcasts to many sessions: `node bench/macro/broadcast.ts [sessions] [seconds] [rounds]` (500, 3, 3). Server and clients are two
 * processes; the server sends the next broadcast while eight are on their way. Systems take turns. Medians, and what
 * `bench/micro/broadcast.ts` finds, are written into `bench/results/broadcast.md`.
 *
 * @module
 */

import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { LIST, RECORD } from "../micro/sample_values.ts";
import { loadBroadcaster } from "./broadcast_systems.ts";

const SYSTEMS = ["echostream", "echostream, one by one", "socket.io"];
const PAYLOADS: Readonly<Record<string, unknown>> = { "150 B": RECORD, "15 KB": LIST };
const MICRO = fileURLToPath(new URL("../micro/broadcast.ts", import.meta.url));
/** Broadcasts that not everybody has. */
const WINDOW = 8;

/** What one run yields. */
interface Row {
  readonly system: string;
  readonly payload: string;
  readonly deliveriesPerS: number;
  /** Processor time of the server for one session. */
  readonly serverUs: number;
  readonly clientUs: number;
}

const [role, system = "", payload = "", ...rest] = process.argv.slice(2);
if (role === "serve") await serve();
else if (role === "connect") await connect();
else await compare();

/** The orders of a server: `go` begins, `all` says that everybody has another broadcast, `stop` ends. */
async function serve(): Promise<void> {
  const server = await (await loadBroadcaster(system)).serve(system !== "echostream, one by one");
  const value = PAYLOADS[payload];
  let sent = 0;
  let before = process.cpuUsage();
  const send = (): void => (sent++, server.broadcast(value));
  process.on("message", (order) => {
    if (order === "go") {
      before = process.cpuUsage();
      for (let n = 0; n < WINDOW; n++) send();
    } else if (order === "all") send();
    else {
      const { user, system } = process.cpuUsage(before);
      process.send!({ cpuUs: user + system, sent }, () => process.exit());
    }
  });
  process.send!(server.port);
}

async function connect(): Promise<void> {
  const [port, sessions] = rest.map(Number);
  const { connect } = await loadBroadcaster(system);
  let received = 0;
  const onEvent = (): void => {
    received++;
    if (received % sessions! === 0) process.send!("all");
  };
  for (let n = 0; n < sessions!; n++) await connect(port!, onEvent);
  const before = process.cpuUsage();
  process.on("message", () => {
    const { user, system } = process.cpuUsage(before);
    process.send!({ cpuUs: user + system, received }, () => process.exit());
  });
  process.send!("ready");
}

async function compare(): Promise<void> {
  const [sessions = 500, seconds = 3, rounds = 3] = process.argv.slice(2).map(Number);
  const rows: Row[] = [];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? SYSTEMS : SYSTEMS.toReversed();
    for (const payload of Object.keys(PAYLOADS)) {
      for (const system of order) {
        const row = await run(system, payload, sessions, seconds);
        rows.push(row);
        console.log(
          `${row.system}, ${row.payload}: ${Math.round(row.deliveriesPerS)}/s, server ${row.serverUs.toFixed(2)} us`,
        );
      }
    }
  }
  const page = report(rows, sessions, seconds, rounds);
  console.log(page);
  writeFileSync(fileURLToPath(new URL("../results/broadcast.md", import.meta.url)), page);
}

async function run(system: string, payload: string, sessions: number, seconds: number): Promise<Row> {
  const server = start("serve", system, payload);
  const [port] = await once(server, "message");
  const clients = start("connect", system, payload, String(port), String(sessions));
  await once(clients, "message");
  const startedMs = performance.now();
  const relay = (message: unknown): void => void (message === "all" && server.send("all"));
  clients.on("message", relay);
  server.send("go");
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  clients.off("message", relay);
  const elapsedS = (performance.now() - startedMs) / 1_000;
  const atClients = await stop(clients);
  const atServer = await stop(server);
  return {
    system,
    payload,
    deliveriesPerS: atClients.received! / elapsedS,
    serverUs: atServer.cpuUs / (atServer.sent! * sessions),
    clientUs: atClients.cpuUs / atClients.received!,
  };
}

function start(...args: string[]): ChildProcess {
  const child = fork(fileURLToPath(import.meta.url), args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  child.once("exit", (code) => {
    if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`);
  });
  return child;
}

async function stop(child: ChildProcess): Promise<{ cpuUs: number; sent?: number; received?: number }> {
  child.send("stop");
  for (;;) {
    const [message] = await once(child, "message");
    if (typeof message === "object") return message;
  }
}

function report(rows: readonly Row[], sessions: number, seconds: number, rounds: number): string {
  const cells = Object.keys(PAYLOADS).flatMap((payload) =>
    SYSTEMS.map((system) => {
      const own = rows.filter((row) => row.system === system && row.payload === payload);
      const [perS, serverUs, clientUs] = (["deliveriesPerS", "serverUs", "clientUs"] as const).map((field) =>
        median(own.map((row) => row[field]))
      );
      return `| ${payload} | ${system} | ${Math.round(perS! / 1_000)} k/s | ${serverUs!.toFixed(2)} µs | ${
        clientUs!.toFixed(2)
      } µs |`;
    })
  );
  return [
    "# Broadcasts",
    "",
    `To ${sessions} sessions, server and clients two processes on one machine over loopback, all with TLS 1.3; medians of ${rounds}`,
    `interleaved runs of ${seconds} s. "One by one" calls \`session.emit\` of every session, which encodes for each. Processor time is that of`,
    "the whole process, for one session and broadcast; the clients' bounds the deliveries, and other work on the machine does.",
    "`node bench/macro/broadcast.ts` makes this page.",
    "",
    `- ${cpus().length} × ${cpus()[0]!.model}, Node ${process.version}`,
    "",
    "| payload | system | deliveries | server | clients |",
    "| ------- | ------ | ---------- | ------ | ------- |",
    ...cells,
    "",
    "## Above the transport",
    "",
    "Processor time for one session, in a process without a network: `node bench/micro/broadcast.ts`.",
    "",
    ...execFileSync(process.execPath, [MICRO], { encoding: "utf8" }).trim().split("\n").map((line) => `- ${line}`),
    "",
  ].join("\n");
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}
