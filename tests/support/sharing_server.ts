/**
 * A server in a process of its own that shares its port: `sharing_server.ts PORT INDEX COUNT THREADS`. Its handler `who` answers with the index.
 *
 * @module
 */

import process from "node:process";
import { RpcServer } from "../../src/server/server.ts";

const [port, index, count, threads] = process.argv.slice(2).map(Number);
const server = RpcServer.builder()
  .bind(`127.0.0.1:${port}`)
  .options({
    threads: threads!,
    reusePort: { index: index!, count: count! },
    accept: { secret: new Uint8Array(32).fill(9) },
    log: () => {},
  })
  .handler("who", () => String(index))
  .build();
const { addresses } = await server.start();
console.log(addresses[0]!.port);
