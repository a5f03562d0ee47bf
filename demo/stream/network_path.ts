/**
 * The network of the demo: what each of its directions does to packets, and how its path becomes longer for a while.
 *
 * @module
 */
import type { NetworkPhase } from "./report_data.ts";

/** What each direction does. Shares are 0 to 1. */
export const NETWORK = { delayMs: 25, stepMs: 120, jitterMs: 3, drop: 0.015, meanBurst: 2, reorder: 0.01 } as const;

/** The same in words. */
export const NETWORK_TEXT: string =
  `each way ${NETWORK.delayMs} ms, ${NETWORK.jitterMs} ms of jitter on average, ${
    100 * NETWORK.drop
  } % loss in bursts, ` +
  `${100 * NETWORK.reorder} % overtaken; +${NETWORK.stepMs} ms for a quarter of the time`;

/** The path over a run: longer for a quarter of the time, from 40 % on. */
export function networkPhases(durationMs: number): readonly NetworkPhase[] {
  const { delayMs, stepMs } = NETWORK;
  const fromMs = Math.round(0.4 * durationMs);
  const toMs = Math.round(0.65 * durationMs);
  return [
    { fromMs: 0, toMs: fromMs, delayMs, label: "" },
    { fromMs, toMs, delayMs: delayMs + stepMs, label: `path +${stepMs} ms` },
    { fromMs: toMs, toMs: durationMs, delayMs, label: "" },
  ];
}

/** The delay of the path at a time; before the first phase as in it, after the last as in that. */
export function delayMsAt(phases: readonly NetworkPhase[], ms: number): number {
  return (phases.find(({ toMs }) => ms < toMs) ?? phases.at(-1)!).delayMs;
}
