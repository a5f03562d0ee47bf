/**
 * A server for tests that attack it from outside: prints its port, answers `echo`, and `memory` with the bytes it has resident.
 * Its handshakes end soon, so that a test can wait for that.
 *
 * @module
 */

import process from "node:process";
import { RpcServer } from "../../mod.ts";

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .options({ log: () => {}, tuning: { handshakeTimeoutMs: 200 } })
  .handler("echo", (_session, bytes) => bytes)
  .handler("memory", () => String(process.memoryUsage().rss))
  .build();
const { addresses } = await server.start();
console.log(addresses[0]?.port);
