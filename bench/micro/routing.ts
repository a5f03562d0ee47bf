/**
 * The whole way of a unary call above the transport, both sides in one process and on one core:
 * `node bench/micro/routing.ts [calls]`.
 *
 * @module
 */

import process from "node:process";
import { ProcessAdmission } from "../../src/rpc/admission.ts";
import { DEFAULT_LIMITS } from "../../src/rpc/limits.ts";
import { Listeners } from "../../src/rpc/listeners.ts";
import { Router } from "../../src/rpc/router.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { Session } from "../../src/session.ts";
import type { SessionBehavior } from "../../src/session/session_options.ts";
import { StreamHandlers } from "../../src/stream/stream_handlers.ts";
import { consoleLogger } from "../../src/trace.ts";
import { loopbackPair } from "./loopback.ts";

const calls = Number(process.argv[2] ?? 500_000);
const router = new Router<Session>()
  .handle("echo", (_session, bytes) => bytes, { raw: true })
  .handle("echo.async", async (_session, bytes) => await bytes, { raw: true })
  .handle("add", (_session, { a, b }) => a + b, { input: cbor<{ a: number; b: number }>() });
const behavior: SessionBehavior = {
  router,
  listeners: new Listeners(),
  streams: new StreamHandlers(),
  pushes: new Map(),
  limits: DEFAULT_LIMITS,
  admission: new ProcessAdmission(),
  log: consoleLogger,
};

const [near, far] = loopbackPair();
const client = new Session(near, behavior);
const server = new Session(far, behavior);
client.open();
server.open();

const payload = new Uint8Array(64).fill(7);
await measure("echo 64 B", 512, () => client.request("echo", payload));
await measure("echo 64 B, awaiting handler", 512, () => client.request("echo.async", payload));
await measure("add, CBOR", 512, () => client.request("add", { a: 1, b: 2 }));
await measure("echo 64 B with a deadline", 512, () => client.request("echo", payload, { timeoutMs: 5_000 }));
await measure("echo 64 B", 1, () => client.request("echo", payload));

/** Processor time is what is reported: it does not depend on what else the machine does. */
async function measure(name: string, inFlight: number, call: () => Promise<unknown>): Promise<void> {
  const rounds = inFlight === 1 ? calls / 10 : calls;
  for (const count of [rounds / 10, rounds]) {
    const before = process.cpuUsage();
    await Promise.all(Array.from({ length: inFlight }, async () => {
      for (let n = 0; n < count / inFlight; n++) await call();
    }));
    const { user, system } = process.cpuUsage(before);
    const usPerCall = (user + system) / count;
    if (count === rounds) {
      console.log(`${name}, ${inFlight} in flight: ${usPerCall.toFixed(2)} us a call for both sides`);
    }
  }
}
