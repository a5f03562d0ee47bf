/**
 * Server process of the demo. Prints `listening on ADDRESS`, then what its hooks say; shuts down in order when its standard input closes.
 *
 * @module
 */
import process from "node:process";
import { server } from "./service.ts";

const { addresses } = await server.start();
const { address, port } = addresses[0]!;
console.log(`listening on ${address}:${port}`);
process.stdin.resume();
process.stdin.once("end", () => void server.shutdown());
