/**
 * A server for tests that send it signals: prints its port, shuts down on SIGINT and SIGTERM, and says when it has. `hold` and `items` go
 * on when the event `release` has come, `never` does not; `running` tells how many of them run.
 *
 * @module
 */

import { cbor, RpcServer } from "../../mod.ts";

let running = 0;
let release = (): void => {};
const released = new Promise<void>((resolve) => release = resolve);
const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .options({ log: () => {} })
  .handler("running", cbor<null>(), () => running)
  .handler("never", () => {
    running++;
    return new Promise<Uint8Array>(() => {});
  })
  .handler("hold", async () => {
    running++;
    await released;
    return "held";
  })
  .handler("items", cbor<null>(), async function* () {
    running++;
    yield 1;
    await released;
    yield 2;
  })
  .listener("release", () => release())
  .onStart(() => {
    console.log(server.addresses[0]!.port);
  })
  .build();
await server.run({ signals: ["SIGINT", "SIGTERM"], graceMs: 60_000 });
console.log("drained");
