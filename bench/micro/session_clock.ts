/**
 * What reading the peer's clock costs: `client.clock.nowUs()`, beside the `performance.now()` it contains. Run with Node 26:
 * `node bench/micro/session_clock.ts`.
 *
 * @module
 */

import { RpcServer } from "../../mod.ts";
import { createMemoryPair } from "../../src/testing.ts";

const ROUNDS = 7;
const CALLS = 2_000_000;

function nsPerCall(read: () => number): number {
  let sum = 0;
  const samples = Array.from({ length: ROUNDS }, () => {
    const startMs = performance.now();
    for (let call = 0; call < CALLS; call++) sum += read();
    return (performance.now() - startMs) * 1e6 / CALLS;
  });
  if (Number.isNaN(sum)) throw new Error("A clock showed NaN");
  return samples.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

await using pair = await createMemoryPair(RpcServer.builder());
const { clock } = pair.client;
await clock.ready();
console.log(`performance.now()     ${nsPerCall(() => performance.now()).toFixed(0)} ns`);
console.log(`client.clock.nowUs()  ${nsPerCall(() => pair.client.clock.nowUs()).toFixed(0)} ns`);
console.log(`clock.toLocalUs()     ${nsPerCall(() => clock.toLocalUs(5e9)).toFixed(0)} ns`);
