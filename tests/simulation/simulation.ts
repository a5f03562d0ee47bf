/**
 * One run of a {@link Scenario} over memory and virtual time, and its judge: a ledger of how often each call's handler began.
 *
 * @module
 */

import { RpcClient } from "../../src/client/client.ts";
import { memoryNetwork } from "../../src/connection/memory.ts";
import { seededRandom } from "../../src/connection/memory_link.ts";
import { ConnectionCode, EchoStreamError, isStatus } from "../../src/protocol/error.ts";
import type { Call } from "../../src/rpc/handler.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { RpcServer } from "../../src/server/server.ts";
// At once: nothing waits for a file under a virtual clock.
import "../../src/session/live.ts";
import { silentLogger } from "../../src/trace.ts";
import { VirtualClock } from "../../src/virtual_clock.ts";
import type { PlannedCall, PlannedFault, Scenario } from "./scenario.ts";

/** What the peer is sent: enough for its handler to behave as planned. */
type Sent = Pick<PlannedCall, "id" | "workMs" | "items" | "fails" | "ignoresSignal"> & { readonly load: Uint8Array };

/** How a call ended for its caller. */
export interface Outcome {
  readonly id: number;
  /** `"answer"`, or the code of its error and how far it got. */
  readonly end: string;
  readonly atMs: number;
}

/**
 * Play `scenario` to its end.
 * @returns How each call ended, in that order, and how often its handler began.
 * @throws {Error} when a promise of the library was broken, naming the seed.
 */
export async function simulate(
  scenario: Scenario,
): Promise<{ outcomes: Outcome[]; ledger: ReadonlyMap<number, number> }> {
  const clock = new VirtualClock();
  const network = memoryNetwork({ ...scenario.network, clock });
  const ledger = new Map<number, number>();
  const tuning = { idleTimeoutMs: 1_500, keepAliveIntervalMs: 400 };
  const shared = { transport: network.transport, clock, tuning, log: silentLogger };
  const server = simulatedServer(clock, ledger).options(shared).build();
  const { addresses } = await clock.run(server.start());
  const client = await clock.run(RpcClient.connect<typeof server>(addresses[0]!, {
    ...shared,
    random: seededRandom(scenario.seed + 1),
    reconnect: { initialDelayMs: 50, maxDelayMs: 400 },
  }));
  const startMs = clock.nowUs() / 1000;
  const nowMs = (): number => clock.nowUs() / 1000 - startMs;
  const outcomes: Outcome[] = [];
  for (const fault of scenario.faults) begin(clock, fault, network, server);
  for (const call of scenario.calls) {
    clock.setTimer(() => {
      const end = (what: string): void => void outcomes.push({ id: call.id, end: what, atMs: nowMs() });
      make(clock, client, call).then(() => end("answer"), (error) => end(endOf(error)));
    }, call.startMs);
  }
  await clock.advanceUntil(() => outcomes.length === scenario.calls.length, 120_000);
  judge(scenario, outcomes, ledger);
  await clock.run(client.close({ graceMs: 0 }));
  await clock.advanceUntil(() => [...server.sessions].every((session) => session.stats.callsRunning === 0));
  await clock.run(server.shutdown({ graceMs: 0 }));
  return { outcomes, ledger };
}

/** A server whose handlers do as they are told and write down that they began. */
function simulatedServer(clock: VirtualClock, ledger: Map<number, number>) {
  const begun = ({ id }: Sent): void => void ledger.set(id, (ledger.get(id) ?? 0) + 1);
  const work = ({ workMs, ignoresSignal }: Sent, call: Call): Promise<void> =>
    new Promise((resolve, reject) => {
      clock.setTimer(resolve, workMs);
      if (!ignoresSignal) call.signal.addEventListener("abort", () => reject(call.signal.reason));
    });
  const failIfTold = ({ fails }: Sent): void => {
    if (fails) throw new EchoStreamError("FAILED_PRECONDITION", "As planned", { errorName: "Planned" });
  };
  return RpcServer.builder().bind("127.0.0.1:0")
    .handler("unary", cbor<Sent>(), async (_session, sent, call) => {
      begun(sent);
      if (sent.workMs > 0) await work(sent, call);
      failIfTold(sent);
      return sent.id;
    })
    .handler("stream", cbor<Sent>(), async function* (_session, sent, call) {
      begun(sent);
      for (let n = 0; n < sent.items; n++) {
        if (sent.workMs > 0) await work(sent, call);
        yield { n, load: sent.load };
      }
      failIfTold(sent);
    })
    .channel("channel", cbor<Sent>(), async function* (_session, items, call) {
      let first: Sent | undefined;
      for await (const sent of items) {
        if (first === undefined) begun(sent);
        first ??= sent;
        if (sent.workMs > 0) await work(sent, call);
        yield sent.id;
      }
      if (first !== undefined) failIfTold(first);
    });
}

type Server = ReturnType<ReturnType<typeof simulatedServer>["build"]>;

function begin(
  clock: VirtualClock,
  fault: PlannedFault,
  network: { setCut(cut: boolean): void },
  server: Server,
): void {
  clock.setTimer(() => {
    if (fault.kind === "drop sessions") {
      for (const session of server.sessions) void session.close("", { graceMs: 0, code: ConnectionCode.GOING_AWAY });
      return;
    }
    network.setCut(true);
    clock.setTimer(() => network.setCut(false), fault.lastsMs);
  }, fault.atMs);
}

/** Make one call and check that what comes is what was asked for. */
async function make(clock: VirtualClock, client: RpcClient<Server>, call: PlannedCall): Promise<void> {
  const { id, workMs, items, fails, ignoresSignal, timeoutMs, abortMs, idempotent, failsFast } = call;
  const sent: Sent = { id, workMs, items, fails, ignoresSignal, load: new Uint8Array(call.bytes) };
  const controller = new AbortController();
  if (abortMs !== undefined) clock.setTimer(() => controller.abort(), abortMs);
  const whileReconnecting = failsFast ? "fail" as const : "wait" as const;
  const options = {
    signal: controller.signal,
    idempotent,
    whileReconnecting,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  if (call.shape === "unary") {
    check(await client.request("unary", sent, options) === id, call, "got another call's answer");
    return;
  }
  let n = 0;
  if (call.shape === "stream") {
    for await (const item of client.requestStream("stream", sent, options)) {
      check(item.n === n++, call, "lost the order");
    }
  } else {
    const channel = client.requestChannel("channel", options);
    const sending = channel.sendAll(Array.from({ length: items }, () => sent));
    // Why it failed is told by reading, too.
    sending.catch(() => {});
    for await (const echoed of channel) check(echoed === id && n++ < items, call, "got another call's item");
    await sending;
  }
  check(n === items, call, `ended well after ${n} of ${items} items`);
}

function check(holds: boolean, call: PlannedCall, what: string): void {
  if (!holds) throw new Error(`Call ${call.id} (${call.shape}) ${what}`);
}

function endOf(error: unknown): string {
  return error instanceof EchoStreamError && isStatus(error.code)
    ? `${error.code} ${error.disposition}`
    : `untyped ${error}`;
}

/** What holds for every call, whatever happened. */
function judge({ seed, calls }: Scenario, outcomes: readonly Outcome[], ledger: ReadonlyMap<number, number>): void {
  for (const { id, end, atMs } of outcomes) {
    const call = calls[id]!;
    const times = ledger.get(id) ?? 0;
    const broken = (what: string): never => {
      throw new Error(
        `Seed ${seed}: call ${id} (${call.shape}) ${what}: ${end} at ${atMs} ms, its handler began ${times} times`,
      );
    };
    if (!/^answer$|^[A-Z_]+ (notProcessed|perhapsProcessed|processed)$/.test(end)) broken("ended by no typed error");
    const isEmptyChannel = call.shape === "channel" && call.items === 0;
    if (end === "answer" && times === 0 && !isEmptyChannel) broken("was answered without being run");
    if (end.endsWith("notProcessed") && times > 0) broken("ran, but is said not to have");
    if (times > 1 && !call.idempotent) broken("ran twice");
    if (call.timeoutMs !== undefined && atMs > call.startMs + call.timeoutMs + LATE_MS) {
      broken("ended after its deadline");
    }
    if (call.abortMs !== undefined && atMs > call.startMs + call.abortMs + LATE_MS) {
      broken("ended after it was given up");
    }
    const isPlanned = end === "FAILED_PRECONDITION processed";
    if (isPlanned && !call.fails) broken("failed without being told to");
  }
}

/** How late a deadline may be kept. */
const LATE_MS = 100;
