/**
 * What a flood of half-open handshakes does to a server and to a client that is connected already, beside what a busy neighbour does to
 * it: `npm run bench:attack`, with `-- --quick` once and shorter. Writes bench/results/attack.md. Needs Linux, where all of 127.0.0.0/8 is
 * there to send from.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { ServerOptions, SocketAddress } from "../../mod.ts";
import { machine, megabytes, progressLine, save, table } from "./page.ts";
import { Program } from "./program.ts";
import type { ServerState } from "./server.ts";

const MAX_GROWTH_MB = 25;
const MIN_SHARE = 0.5;
/** The server is looked at this often meanwhile. */
const LOOK_MS = 500;

const { values: { quick } } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const [rounds, aloneS, neighbourS, attackS, afterS] = quick ? [1, 3, 5, 8, 15] : [5, 5, 10, 30, 30];

/** What one round found; calls a second, and bytes. */
interface Round {
  readonly alone: number;
  readonly besideNeighbour: number;
  readonly underAttack: number;
  readonly after: number;
  readonly begun: number;
  readonly before: ServerState;
  readonly peak: ServerState;
  readonly most: { readonly handshakes: number; readonly connections: number };
  readonly last: ServerState;
}

const line = progressLine("attack");
const found: Round[] = [];
for (let n = 1; n <= rounds; n++) found.push(await round((what) => line.update(`round ${n} of ${rounds}: ${what}`)));
line.end(`${rounds} round${rounds === 1 ? "" : "s"}`);
report();

async function round(say: (what: string) => void): Promise<Round> {
  // As of any other address: loopback has no bounds of its own by default.
  const options: ServerOptions = { accept: { exemptLoopback: false } };
  const server = await Program.start<SocketAddress>("server", options);
  const bystander = await Program.start<unknown>("bystander", server.ready);
  const state = (): Promise<ServerState> => server.ask("state");
  const rate = async (seconds: number): Promise<number> => median(await bystander.ask<number[]>(String(seconds)));
  try {
    say("warming up");
    await rate(aloneS);
    const alone = await rate(aloneS);

    say("beside a busy neighbour");
    const neighbour = await Program.start("neighbour", {}, { nice: true });
    await neighbour.ask("work");
    const [besideNeighbour] = await Promise.all([rate(neighbourS), watched(neighbourS, state)]);
    await neighbour.end();

    say("under attack");
    const attacker = await Program.start("attacker", server.ready, { nice: true });
    const before = await state();
    const [{ begun }, underAttack, states] = await Promise.all([
      attacker.ask<{ begun: number }>(String(attackS)),
      rate(attackS),
      watched(attackS, state),
    ]);
    await attacker.end();
    const peak = states.reduce((most, it) => it.residentBytes > most.residentBytes ? it : most);
    const most = {
      handshakes: Math.max(...states.map(({ stats }) => stats.handshakes)),
      connections: Math.max(...states.map(({ stats }) => stats.connections)),
    };

    say("afterwards");
    await pause(afterS * 1000);
    const after = await rate(aloneS);
    return { alone, besideNeighbour, underAttack, after, begun, before, peak, most, last: await state() };
  } finally {
    await bystander.end();
    await server.end();
  }
}

async function watched(seconds: number, state: () => Promise<ServerState>): Promise<ServerState[]> {
  const states: ServerState[] = [];
  for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs;) {
    states.push(await state());
    await pause(LOOK_MS);
  }
  return states;
}

function report(): void {
  const growth = ({ before, peak }: Round): number => megabytes(peak.residentBytes - before.residentBytes);
  const left = ({ before, last }: Round): number => megabytes(last.residentBytes - before.residentBytes);
  const share = ({ underAttack, besideNeighbour }: Round): number => underAttack / besideNeighbour;
  const isOver = ({ last }: Round): boolean => last.stats.handshakes === 0 && last.stats.connections === 1;
  const shareMedian = median(found.map(share));
  const most = Math.max(...found.map(growth));
  const missed = [
    shareMedian < MIN_SHARE && `the bystander keeps ${percent(shareMedian)}`,
    most > MAX_GROWTH_MB && `the server grows by ${most.toFixed(1)} MB`,
    !found.every(isOver) && "something of the attack is left",
  ].filter((text) => text !== false);
  const text = [
    "# Half-open handshakes",
    "",
    `A server with the default bounds, a bystander that is connected and has 64 calls in flight all the time, and an attacker at nice 10 that`,
    `begins 1,000 handshakes a second for ${attackS} s, each from an address in 127.0.0.0/8 and a port of its own, with a genuine`,
    `ClientHello of two packets, and answers nothing. Loopback addresses are bounded like others (\`exemptLoopback: false\`). Beside it, the same`,
    `bystander next to a process at nice 10 that only keeps a processor busy. Every row is a round with new processes; rates are medians of`,
    `their seconds. Goals: the bystander keeps ${
      percent(MIN_SHARE)
    } of the rate it has next to the neighbour, in the median; the server grows by`,
    `${MAX_GROWTH_MB} MB at most; ${afterS} s later all is as before. \`npm run bench:attack\` makes this page.`,
    "",
    machine(),
    "",
    table(
      [
        "calls/s alone",
        "neighbour",
        "attack",
        "of neighbour",
        "after",
        "memory before",
        "at most",
        `${afterS} s later`,
      ],
      found.map((it) => [
        ...[it.alone, it.besideNeighbour, it.underAttack].map(thousands),
        percent(share(it)),
        thousands(it.after),
        `${megabytes(it.before.residentBytes).toFixed(1)} MB`,
        `+ ${growth(it).toFixed(1)} MB`,
        `${left(it) < 0 ? "−" : "+"} ${Math.abs(left(it)).toFixed(1)} MB`,
      ]),
    ),
    "",
    `The bystander keeps **${percent(shareMedian)}** in the median; the server grows by **${
      most.toFixed(1)
    } MB** at most.`,
    "",
    "What the server counted (`endpointStats`), from the start of the attack to the end of the round:",
    "",
    table(
      [
        "begun",
        "Retry sent",
        "refused",
        "handshakes at most",
        "connections at most",
        "handshakes left",
        "connections left",
      ],
      found.map(({ begun, before, last, most }) => [
        thousands(begun),
        thousands(last.stats.retriesSent - before.stats.retriesSent),
        thousands(last.stats.refusedHandshakes + last.stats.refusedConnections + last.stats.refusedHandshakesOfAddress),
        String(most.handshakes),
        String(most.connections),
        String(last.stats.handshakes),
        String(last.stats.connections),
      ]),
    ),
    "",
    ...(missed.length === 0 ? [] : [`**Goals missed:** ${missed.join("; ")}.`, ""]),
  ].join("\n");
  save("attack", text, quick);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

function thousands(value: number): string {
  return value < 10_000 ? String(Math.round(value)) : `${(value / 1000).toFixed(1)} k`;
}
