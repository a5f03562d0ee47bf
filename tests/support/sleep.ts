/**
 * A handler that takes its time, on the clock of its network.
 *
 * @module
 */

import { systemClock } from "../../src/clock.ts";
import type { Network } from "./networks.ts";

/** Resolves after `ms`; rejects with the reason of `signal` when that aborts before. */
export function sleep(network: Network, ms: number, signal: AbortSignal): Promise<void> {
  const clock = network.options.clock ?? systemClock;
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    const onAbort = (): void => {
      timer.cancel();
      reject(signal.reason);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}
