/**
 * Server process of `calls.ts`. Prints its port; ends when its standard input closes.
 *
 * @module
 */
import process from "node:process";
import { cbor, RpcServer, silentLogger } from "../../mod.ts";
import { residentBytes } from "./resources.ts";

/** What the soak calls. */
export const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .options({ log: silentLogger })
  .handler("echo", (_session, bytes) => bytes)
  .handler("resident", cbor<null>(), () => residentBytes())
  .build();

const { addresses } = await server.start();
console.log(addresses[0]!.port);
process.stdin.resume();
process.stdin.once("end", () => void server.shutdown());
