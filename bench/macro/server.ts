/**
 * Server process of the macro bench: `server.ts SYSTEM`. Prints `{"port"}` once it listens; ends when its standard input closes.
 *
 * @module
 */
import process from "node:process";
import { loadSystem } from "./systems.ts";

const peer = await loadSystem(process.argv[2] ?? "");
const server = await peer.serve();
console.log(JSON.stringify({ port: server.port }));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
