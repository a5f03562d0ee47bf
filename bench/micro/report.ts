/**
 * Runs tinybench tasks and prints one line each: nanoseconds per operation, least, median and 99th percentile of the samples.
 * Least and median far apart mean that the machine was busy: a median alone does not tell.
 *
 * @module
 */

import { Bench } from "tinybench";

/** Operations inside one sample, so that reading the clock costs nothing in comparison. */
export const OPERATIONS = 1_000;

/** Measure each of `tasks`, a name and one operation, and print it under `title`. */
export async function report(title: string, tasks: Readonly<Record<string, () => unknown>>): Promise<void> {
  const samples = Object.entries(tasks).map(([name, operation]): [string, () => unknown] => [name, () => {
    let last: unknown;
    for (let i = 0; i < OPERATIONS; i++) last = operation();
    return last;
  }]);
  await reportSamples(title, Object.fromEntries(samples));
}

/** As {@link report}; each of `samples` does {@link OPERATIONS} operations itself, where calling one would cost as much as it does. */
export async function reportSamples(title: string, samples: Readonly<Record<string, () => unknown>>): Promise<void> {
  const bench = new Bench({ time: 400, warmupTime: 200 });
  for (const [name, sample] of Object.entries(samples)) {
    bench.add(name, () => {
      kept = sample();
    });
  }
  await bench.run();
  console.log(`${title.padEnd(46)}${["min", "p50", "p99"].map((name) => name.padStart(9)).join("")}  ns`);
  for (const task of bench.tasks) {
    const { result } = task;
    if (!("latency" in result)) throw new Error(`"${task.name}" was not measured`);
    const { min, p50, p99 } = result.latency;
    const figures = [min, p50, p99].map((ms) => ((ms / OPERATIONS) * 1e6).toFixed(0).padStart(9));
    console.log(`  ${task.name.padEnd(44)}${figures.join("")}`);
  }
}

/** Results end here, so that no engine may leave their making out. */
export let kept: unknown;
