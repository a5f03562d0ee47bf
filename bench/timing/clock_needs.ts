/**
 * What more probes and what media tell the clock filter, on seeded paths between two clocks whose truth is known: `node bench/timing/clock_needs.ts`
 * prints a table for docs/decisions/0010.
 *
 * @module
 */

import { ClockFilter } from "../../src/protocol/clock_filter.ts";
import { FastestTransit } from "../../src/stream/fastest_transit.ts";
import { ClockPath, type ClockPathOptions } from "../../tests/support/clock_path.ts";
import { Random } from "./random.ts";

interface Variant {
  readonly name: string;
  /** Milliseconds until the next probe. */
  readonly intervalMs: (uncertaintyUs: number) => number;
  readonly media: boolean;
}

/** What `src/session/clock_probing.ts` does while media flows. */
const byNeed = (uncertaintyUs: number): number => uncertaintyUs > 50 ? 100 : 250;
const VARIANTS: readonly Variant[] = [
  { name: "4 probes/s", intervalMs: () => 250, media: false },
  { name: "4 probes/s, media", intervalMs: () => 250, media: true },
  { name: "by need", intervalMs: byNeed, media: false },
  { name: "by need, media", intervalMs: byNeed, media: true },
];
const PATHS: Readonly<Record<string, Omit<ClockPathOptions, "seed">>> = {
  "quiet": {},
  "loaded there": { thereQueueUs: 20_000, burstRate: 0.3 },
  "loaded back": { backQueueUs: 20_000, burstRate: 0.3 },
  "loaded both ways": { thereQueueUs: 10_000, backQueueUs: 10_000, burstRate: 0.3, driftPpm: -52, wanderPpm: 5 },
};
/** Seconds that are looked at together. */
const PERIODS = [[1, 5], [5, 60], [60, 240]] as const;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const FRAME_US = 10_000;
const LAG_US = 100;

for (const [name, options] of Object.entries(PATHS)) {
  for (const variant of VARIANTS) {
    const cells = PERIODS.map(() => ({ errorsUs: [] as number[], probes: 0 }));
    for (const seed of SEEDS) run(variant, { seed, ...options }, cells);
    const texts = cells.map(({ errorsUs, probes }, n) => {
      const rate = probes / SEEDS.length / (PERIODS[n]![1] - PERIODS[n]![0]);
      return `${at(errorsUs, 0.5)} / ${at(errorsUs, 0.99)} at ${rate.toFixed(1)}/s`;
    });
    console.log(`| ${name} | ${variant.name} | ${texts.join(" | ")} |`);
  }
}

function run(
  variant: Variant,
  options: ClockPathOptions,
  cells: readonly { errorsUs: number[]; probes: number }[],
): void {
  const path = new ClockPath(options);
  const frames = new ClockPath({ ...options, seed: options.seed + 1_000 });
  const random = new Random(options.seed);
  const filter = new ClockFilter();
  const fastest = new FastestTransit((departureUs, arrivalUs) => void filter.insertTransit(departureUs, arrivalUs));
  const flying: { readonly arrivalUs: number; readonly arrive: () => void }[] = [];
  const endUs = PERIODS.at(-1)![1] * 1e6;
  let frameUs = 0;
  for (let nowUs = 0, sent = 0; nowUs < endUs; sent++) {
    const probe = path.probe(nowUs);
    flying.push({ arrivalUs: probe.t4, arrive: () => void filter.insert(probe) });
    const nextUs = nowUs + 1000 * (sent < 7 ? 28 : variant.intervalMs(filter.uncertaintyUs(nowUs)));
    for (; variant.media && frameUs < nextUs; frameUs += FRAME_US) {
      const { t3, t4 } = frames.probe(frameUs);
      const departureUs = Math.floor(t3 - random.exponential(LAG_US));
      flying.push({ arrivalUs: t4, arrive: () => fastest.observe(departureUs, t4) });
    }
    flying.sort((a, b) => a.arrivalUs - b.arrivalUs);
    while (flying[0] !== undefined && flying[0].arrivalUs <= nextUs) flying.shift()!.arrive();
    nowUs = nextUs;
    const cell = cells[PERIODS.findIndex(([fromS, toS]) => nowUs >= fromS * 1e6 && nowUs < toS * 1e6)];
    if (cell === undefined) continue;
    cell.errorsUs.push(Math.abs(filter.offsetUs(nowUs) - path.offsetUs(nowUs)));
    cell.probes++;
  }
}

function at(values: number[], share: number): string {
  values.sort((a, b) => a - b);
  return values[Math.floor(share * (values.length - 1))]!.toFixed(0);
}
