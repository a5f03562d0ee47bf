/**
 * What happens in one simulated run: a network, calls, aborts and faults, all drawn from a seed before anything begins, so that the run does
 * not depend on how often anybody else draws.
 *
 * @module
 */

import type { MemoryNetworkOptions } from "../../src/connection/memory.ts";
import { seededRandom } from "../../src/connection/memory_link.ts";

/** How a call is made, and how its handler behaves. */
export interface PlannedCall {
  readonly id: number;
  readonly shape: "unary" | "stream" | "channel";
  readonly startMs: number;
  /** `undefined` for none. */
  readonly timeoutMs: number | undefined;
  /** When its caller gives up, after its start; `undefined` for never. */
  readonly abortMs: number | undefined;
  readonly idempotent: boolean;
  /** Whether it fails at once where others wait for a connection. */
  readonly failsFast: boolean;
  /** How long the handler works, before its answer or between its items. */
  readonly workMs: number;
  /** Items each way. */
  readonly items: number;
  /** Whether the handler throws in the end. */
  readonly fails: boolean;
  /** Whether the handler goes on when nobody waits for it. */
  readonly ignoresSignal: boolean;
  /** Bytes that travel with it, so that some calls need several packets. */
  readonly bytes: number;
}

/** Something that goes wrong for everybody. */
export interface PlannedFault {
  readonly kind: "cut" | "drop sessions";
  readonly atMs: number;
  /** How long a cut lasts. */
  readonly lastsMs: number;
}

/** One run. */
export interface Scenario {
  readonly seed: number;
  readonly network: MemoryNetworkOptions;
  readonly calls: readonly PlannedCall[];
  readonly faults: readonly PlannedFault[];
}

/** The run of that seed. */
export function scenario(seed: number): Scenario {
  const random = seededRandom(seed);
  const upTo = (most: number): number => Math.floor(random() * (most + 1));
  const chance = (share: number): boolean => random() < share;
  const network = {
    seed,
    delayMs: upTo(60),
    jitterMs: upTo(40),
    datagramLoss: upTo(30) / 100,
    ...(chance(0.3) ? { bandwidthBytesPerS: 20_000 + upTo(200_000) } : {}),
  };
  const calls = Array.from({ length: CALLS }, (_, id): PlannedCall => ({
    id,
    shape: (["unary", "unary", "stream", "channel"] as const)[upTo(3)]!,
    startMs: upTo(LAST_START_MS),
    timeoutMs: chance(0.8) ? 20 + upTo(2_000) : undefined,
    abortMs: chance(0.2) ? upTo(800) : undefined,
    idempotent: chance(0.3),
    failsFast: id % 6 === 0,
    workMs: chance(0.3) ? 0 : upTo(300),
    items: upTo(6),
    fails: chance(0.15),
    ignoresSignal: chance(0.15),
    bytes: chance(0.1) ? upTo(20_000) : upTo(100),
  }));
  const faults = Array.from({ length: upTo(2) }, (): PlannedFault => ({
    kind: chance(0.6) ? "cut" : "drop sessions",
    atMs: upTo(LAST_START_MS),
    lastsMs: upTo(4_000),
  }));
  return { seed, network, calls, faults };
}

const CALLS = 24;
const LAST_START_MS = 3_000;
