/**
 * Server process of the macro bench: `server.ts SYSTEM HOST`. Prints `{"port"}` once it listens, and then a line `{"residentBytes"}` for each
 * line it reads, after a collection where the runtime was told to offer one; ends when its standard input closes.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { loadSystem } from "./systems.ts";

const peer = await loadSystem(process.argv[2] ?? "");
const { port, certificatePem } = await peer.serve(process.argv[3] ?? "127.0.0.1");
console.log(JSON.stringify({ port, certificatePem }));

const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});
const orders = createInterface({ input: process.stdin });
orders.on("line", () => {
  collect();
  console.log(JSON.stringify({ residentBytes: process.memoryUsage.rss() }));
});
orders.on("close", () => process.exit(0));
