/**
 * Client process of the macro bench: `client.ts SYSTEM JSON`, see {@link Job}. Prints one JSON object per bench. For `idle` it prints
 * `{"connected": n}` and waits for a line before it goes on, so that the server's memory can be read in between.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { BULK_FRAME_BYTES, DATAGRAM_BYTES, ITEM_BYTES, type PeerAddress, type PeerClient } from "../peers/peer.ts";
import { type LoadOptions, measureCalls, measureFlow, type Measurement } from "./load.ts";
import { loadSystem } from "./systems.ts";

/** What the client is told. */
interface Job extends LoadOptions {
  readonly address: PeerAddress;
  readonly benches: readonly string[];
  /** Process of the server, whose processor time counts into that of a call. */
  readonly serverPid: number;
}

/** Payloads of calls by the name of their size. */
const CALL_BYTES: Readonly<Record<string, number>> = { unary: 64, "unary1k": 1024, "unary64k": 65_536 };
const FIRST_FRAMES = 128;
const FIRST_ITEMS = 10_000;
/** Streams of `bulk-8`. */
const STREAMS = 8;
/** Connections under way at once, where they are counted. */
const HANDSHAKES_AT_ONCE = 8;
const IDLE_CONNECTIONS = 1_000;
/** Linux counts processor time in ticks of 10 ms (`man 5 proc_pid_stat`). */
const TICK_US = 10_000;

const [system = "", text = "{}"] = process.argv.slice(2);
const job = JSON.parse(text) as Job;
const peer = await loadSystem(system);
const client = await peer.connect(job.address);
for (const bench of job.benches) {
  const measuring = measure(client, bench);
  if (measuring !== undefined) console.log(JSON.stringify({ bench, ...await measuring }));
}
await client.close();
process.exit(0);

/** `undefined` when the system has none of that kind. */
function measure(client: PeerClient, bench: string): Promise<Partial<Measurement>> | undefined {
  const { bulk, hasStreams, download, datagrams, items, echoItems } = client;
  switch (bench) {
    case "bulk":
      return bulk && measureBytes(bulk);
    case "bulk-8":
      return hasStreams && bulk
        ? measureBytes((bytes) => Promise.all(Array.from({ length: STREAMS }, () => bulk(bytes / STREAMS))))
        : undefined;
    case "download":
      return download && measureBytes(async (bytes) => {
        const received = await download(bytes);
        if (received !== bytes) throw new Error(`${received} bytes came instead of ${bytes}`);
      });
    case "datagrams":
      return datagrams && measureDatagrams(datagrams);
    case "items":
      return items && measureItems(items);
    case "echo-items":
      return echoItems && measureItems(echoItems);
    case "handshakes":
      return measureHandshakes();
    case "idle":
      return holdIdle();
    default:
      return measureUnary(client, bench);
  }
}

async function measureUnary(client: PeerClient, bench: string): Promise<Partial<Measurement>> {
  const [size = "", inFlight] = bench.split("-");
  const payloadBytes = CALL_BYTES[size];
  if (payloadBytes === undefined) throw new RangeError(`Unknown bench "${bench}"`);
  const before = processorUs();
  let calls = 0;
  const counted: Pick<PeerClient, "call"> = {
    call(payload, done): void {
      calls++;
      client.call(payload, done);
    },
  };
  const measured = await measureCalls(counted, Number(inFlight), payloadBytes, job);
  return { ...measured, cpuUs: Math.round(100 * (processorUs() - before) / calls) / 100 };
}

function measureBytes(move: (bytes: number) => Promise<unknown>): Promise<Measurement> {
  // A multiple of what the streams of `bulk-8` share.
  const frames = (count: number): number => Math.ceil(count / STREAMS) * STREAMS;
  const moveFrames = async (count: number): Promise<void> => void await move(frames(count) * BULK_FRAME_BYTES);
  return measureFlow(moveFrames, FIRST_FRAMES, BULK_FRAME_BYTES, job);
}

function measureItems(move: (count: number) => Promise<number>): Promise<Measurement> {
  const whole = async (count: number): Promise<void> => {
    const received = await move(count);
    if (received !== count) throw new Error(`${received} items came instead of ${count}`);
  };
  return measureFlow(whole, FIRST_ITEMS, ITEM_BYTES, job);
}

/** What arrived counts; what was sent too fast for the path is lost, as datagrams are. */
async function measureDatagrams(move: (count: number) => Promise<number>): Promise<Measurement> {
  let arrived = 1;
  const measured = await measureFlow(
    async (count) => void (arrived = await move(count) / count),
    FIRST_ITEMS,
    DATAGRAM_BYTES,
    job,
  );
  return { ...measured, ops: Math.round(measured.ops * arrived), mbPerS: Math.round(measured.mbPerS * arrived) };
}

/** Connect, and close at once, again and again; those made once the code is warm count. */
async function measureHandshakes(): Promise<Partial<Measurement>> {
  let made = 0;
  const begunMs = performance.now() + job.warmUpMs;
  const endMs = begunMs + job.durationMs;
  await Promise.all(Array.from({ length: HANDSHAKES_AT_ONCE }, async () => {
    while (performance.now() < endMs) {
      await (await peer.connect(job.address)).close();
      if (performance.now() >= begunMs) made++;
    }
  }));
  return { ops: Math.round(made / ((performance.now() - begunMs) / 1000)) };
}

/** Hold connections that do nothing; the runner reads the server's memory before and after. */
async function holdIdle(): Promise<Partial<Measurement>> {
  const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const clients: PeerClient[] = [];
  for (const count of [0, IDLE_CONNECTIONS]) {
    while (clients.length < count) {
      clients.push(...await Promise.all(Array.from({ length: HANDSHAKES_AT_ONCE }, () => peer.connect(job.address))));
    }
    console.log(JSON.stringify({ connected: clients.length }));
    await orders.next();
  }
  await Promise.all(clients.map((one) => one.close()));
  return {};
}

/** Processor time of both processes so far. */
function processorUs(): number {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync(`/proc/${job.serverPid}/stat`, "latin1").replace(/^.*\) /s, "").split(" ");
  return user + system + (Number(fields[11]) + Number(fields[12])) * TICK_US;
}
