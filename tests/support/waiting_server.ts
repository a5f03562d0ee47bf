/**
 * A server for tests that end it without warning: prints its port, answers `echo`, never answers `never`.
 *
 * @module
 */

import { RpcServer } from "../../mod.ts";

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .options({ log: () => {} })
  .handler("echo", (_session, bytes) => bytes)
  .handler("never", () => new Promise<Uint8Array>(() => {}))
  .build();
const { addresses } = await server.start();
console.log(addresses[0]?.port);
