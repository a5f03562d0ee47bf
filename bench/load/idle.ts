/**
 * What ten thousand connections cost that do nothing: `npm run bench:idle`, with `-- --quick` a thousand. Writes bench/results/idle.md.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { ServerOptions, SocketAddress } from "../../mod.ts";
import type { HolderState } from "./holder.ts";
import { machine, megabytes, progressLine, save, table } from "./page.ts";
import { Program } from "./program.ts";
import type { ServerState } from "./server.ts";

const MAX_SERVER_MB = 400;
const HOLDERS = 4;
/** Connections a holder makes before it is asked for more. */
const BATCH = 125;
/** Longer than an idle timeout: whatever is still there is kept alive. */
const HELD_MS = 35_000;
/** How the server is started: as docs/operations.md says for that many connections, and plainly. */
const WAYS = [["--max-semi-space-size=4"], []] as const;

interface Look extends ServerState {
  /** `undefined` where that was not asked for: what is given back then is not there later. */
  readonly neededBytes?: number;
}

/** What became of it in one of {@link WAYS}. */
interface Outcome {
  readonly isMet: boolean;
  readonly text: string;
}

const { values: { quick } } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const connections = quick ? 1_000 : 10_000;
const outcomes: Outcome[] = [];
for (const flags of WAYS) outcomes.push(await hold(flags));
const [recommended] = outcomes;
const text = [
  "# Idle connections",
  "",
  `One server process and ${connections} clients in ${HOLDERS} others, which connect and do nothing; the server's resident memory after a`,
  "collection; and what it needs, which is what stays after a collection as V8 makes it when memory is short: until then V8 keeps",
  "the pages its young generation grew by while thousands connected (docs/operations.md). All run compiled, as installed: what",
  `strips types in Node takes 30 MB. After ${
    HELD_MS / 1000
  } s, more than the idle timeout, each client makes one call.`,
  `Goal: ${MAX_SERVER_MB} MB resident in the server for 10,000 that do nothing. \`npm run bench:idle\` makes this page.`,
  "",
  machine(),
  "",
  ...outcomes.map((outcome) => outcome.text),
].join("\n");
save("idle", text, quick);
process.exitCode = recommended!.isMet ? 0 : 1;

async function hold(flags: readonly string[]): Promise<Outcome> {
  const options: ServerOptions = { accept: { maxConnections: connections } };
  const server = await Program.start<SocketAddress>("server", options, { flags });
  const holders = await Promise.all(
    Array.from({ length: HOLDERS }, () => Program.start<unknown>("holder", server.ready)),
  );
  const look = async (): Promise<Look & { readonly neededBytes: number }> => {
    const state = await server.ask<ServerState>("state");
    return { ...state, neededBytes: await server.ask<number>("needed") };
  };
  const empty = await look();
  const command = ["node", ...flags].join(" ");
  const line = progressLine("idle");
  const startedMs = performance.now();
  for (let held = 0; held < connections; held += HOLDERS * BATCH) {
    line.update(`${command}: ${held} of ${connections} connections`);
    const share = Math.min(BATCH, (connections - held) / HOLDERS);
    await Promise.all(holders.map((holder) => holder.ask(`connect ${share}`)));
  }
  const connectedS = (performance.now() - startedMs) / 1000;
  const fresh = await server.ask<ServerState>("state");
  line.update(`${command}: ${connections} connections, held for ${HELD_MS / 1000} s`);
  await pause(HELD_MS);
  const kept = await look();
  const ends = await Promise.all(holders.map((holder) => holder.ask<HolderState>("call")));
  const called = await look();
  line.end(`${command}: ${kept.sessions} sessions`);
  for (const holder of holders) await holder.end();
  await server.end();

  const alive = ends.reduce((sum, end) => sum + end.connections, 0);
  const clientMb = ends.reduce((sum, end) => sum + megabytes(end.residentBytes), 0);
  const isMet = kept.sessions === connections && alive === connections &&
    megabytes(kept.residentBytes) <= MAX_SERVER_MB;
  const text = [
    `## \`${command}\``,
    "",
    table(["server", "sessions", "resident", "needed", "for each", "JavaScript's of that"], [
      row("before", empty, empty),
      row("all connected", fresh, empty),
      row(`${HELD_MS / 1000} s later`, kept, empty),
      row("each has made a call", called, empty),
    ]),
    "",
    `Connecting took ${connectedS.toFixed(0)} s. The client processes hold ${
      clientMb.toFixed(0)
    } MB together; ${alive} of ${connections} connections answered at the end.${isMet ? "" : " **Goal missed.**"}`,
    "",
  ].join("\n");
  return { isMet, text };
}

function row(what: string, state: Look, empty: Look): string[] {
  const each = (bytes: number | undefined, before = 0): string =>
    state.sessions === 0 || bytes === undefined ? "–" : `${((bytes - before) / 1024 / state.sessions).toFixed(1)} KiB`;
  return [
    what,
    String(state.sessions),
    `${megabytes(state.residentBytes).toFixed(0)} MB`,
    state.neededBytes === undefined ? "–" : `${megabytes(state.neededBytes).toFixed(0)} MB`,
    each(state.neededBytes, empty.neededBytes),
    each(state.heapBytes, empty.heapBytes),
  ];
}
