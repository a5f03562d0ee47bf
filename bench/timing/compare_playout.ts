/**
 * All playout policies on all kinds of networks: what each costs against the best fixed delay, known in hindsight.
 *
 * @module
 */

import { NETWORK_KINDS, type NetworkKind, networkTrace } from "./network_model.ts";
import { PLAYOUT_POLICIES } from "./playout_policies.ts";
import { bestFixedDelay, scorePlayout } from "./playout_score.ts";

/** What one policy did, over all traces. */
export interface PlayoutComparison {
  readonly policy: string;
  /** Geometric mean of its cost over that of the best fixed delay (QDR); below 1 it is better than any. */
  readonly costRatio: number;
  /** The ratio of each kind of network, and the largest of all traces. */
  readonly byKind: Readonly<Record<string, number>>;
  readonly worst: number;
  /** Arithmetic means over traces. */
  readonly delayMs: number;
  readonly badPercent: number;
  readonly scalingMsPerS: number;
}

/** Compare on one trace of each kind for each seed. `onTrace` is told before each. */
export function comparePlayout(
  seeds: readonly number[],
  onTrace: (name: string) => void = () => {},
): PlayoutComparison[] {
  const kinds = Object.keys(NETWORK_KINDS) as NetworkKind[];
  const runs = kinds.flatMap((kind) =>
    seeds.map((seed) => {
      const trace = networkTrace(kind, seed);
      onTrace(trace.name);
      const best = bestFixedDelay(trace).cost;
      const scores = Object.values(PLAYOUT_POLICIES).map((make) => scorePlayout(trace, make(trace.periodUs)));
      return { kind, scores, ratios: scores.map((score) => score.cost / best) };
    })
  );
  return Object.keys(PLAYOUT_POLICIES).map((policy, i) => ({
    policy,
    costRatio: geometricMean(runs.map(({ ratios }) => ratios[i]!)),
    byKind: Object.fromEntries(
      kinds.map((
        kind,
      ) => [kind, geometricMean(runs.filter((run) => run.kind === kind).map(({ ratios }) => ratios[i]!))]),
    ),
    worst: Math.max(...runs.map(({ ratios }) => ratios[i]!)),
    delayMs: mean(runs.map(({ scores }) => scores[i]!.delayMs)),
    badPercent: mean(runs.map(({ scores }) => scores[i]!.badPercent)),
    scalingMsPerS: mean(runs.map(({ scores }) => scores[i]!.scalingMsPerS)),
  }));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(values.map(Math.log)));
}
