/**
 * Server process of the bench of I/O threads: `server.ts THREADS`. Prints its port once it listens, and then a line for each line it reads:
 * memory, and processor time so far of JavaScript's thread and of each I/O thread. Ends when its standard input closes.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { serve } from "../peers/echostream.ts";

const { port } = await serve("127.0.0.1", {
  threads: Number(process.argv[2]),
  // That the certificate is for this machine only is known here.
  log: (record) => void (record.level === "error" && console.error(record)),
});
console.log(JSON.stringify({ port }));

const orders = createInterface({ input: process.stdin });
orders.on("line", () => {
  (globalThis as { gc?: () => void }).gc?.();
  console.log(JSON.stringify({ residentBytes: process.memoryUsage.rss(), ...processorUs() }));
});
orders.on("close", () => process.exit(0));

/** Of `/proc/self/task` (Linux). */
function processorUs(): { readonly scriptUs: number; readonly ioUs: number[]; readonly allUs: number } {
  let [scriptUs, allUs] = [0, 0];
  const ioUs: number[] = [];
  for (const thread of readdirSync("/proc/self/task")) {
    const read = (file: string): string => readFileSync(`/proc/self/task/${thread}/${file}`, "latin1");
    // Nanoseconds on a processor come first (Documentation/scheduler/sched-stats.rst).
    const us = Number(read("schedstat").split(" ")[0]) / 1000;
    allUs += us;
    if (Number(thread) === process.pid) scriptUs = us;
    if (read("comm").trim() === "echostream-io") ioUs.push(us);
  }
  return { scriptUs, ioUs, allUs };
}
