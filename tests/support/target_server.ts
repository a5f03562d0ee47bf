/**
 * A server for tests that attack it from outside: prints its port, answers `echo`, `memory` with the bytes it has resident, and `sessions`
 * with how many there are.
 * Its handshakes end soon, so that a test can wait for that.
 *
 * @module
 */

import process from "node:process";
import { RpcServer } from "../../mod.ts";

let sessions = 0;
const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .options({ log: () => {}, tuning: { handshakeTimeoutMs: 200 } })
  .handler("echo", (_session, bytes) => bytes)
  .handler("memory", () => String(process.memoryUsage().rss))
  .handler("sessions", () => String(sessions))
  .onConnect(() => void sessions++)
  .onDisconnect(() => void sessions--)
  .build();
const { addresses } = await server.start();
console.log(addresses[0]?.port);
