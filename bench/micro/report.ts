/**
 * Runs tinybench tasks and prints one line each: nanoseconds per operation, median over the samples.
 *
 * @module
 */

import { Bench } from "tinybench";

/** Operations inside one sample, so that reading the clock costs nothing in comparison. */
const OPERATIONS = 1_000;

/** Measure each of `tasks`, a name and one operation, and print it under `title`. */
export async function report(title: string, tasks: Readonly<Record<string, () => unknown>>): Promise<void> {
  const bench = new Bench({ time: 400, warmupTime: 200 });
  for (const [name, operation] of Object.entries(tasks)) {
    bench.add(name, () => {
      for (let i = 0; i < OPERATIONS; i++) kept = operation();
    });
  }
  await bench.run();
  console.log(title);
  for (const task of bench.tasks) {
    const { result } = task;
    if (!("latency" in result)) throw new Error(`"${task.name}" was not measured`);
    const ns = (result.latency.p50 / OPERATIONS) * 1e6;
    console.log(`  ${task.name.padEnd(44)} ${ns.toFixed(1).padStart(8)} ns`);
  }
}

/** Results end here, so that no engine may leave their making out. */
export let kept: unknown;
