/**
 * Server process of `playout.ts`: plays what arrives. Prints its port; ends when its standard input closes.
 *
 * @module
 */
import process from "node:process";
import { cbor, type IncomingStream, RpcServer, type Session, silentLogger } from "../../mod.ts";
import { residentBytes } from "./resources.ts";

const counts = { streams: 0, played: 0, missing: 0 };

/** What the soak uses. */
export const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .options({ log: silentLogger })
  .stream("reliable", play)
  .stream("expiring", play)
  .stream("datagram", play)
  .handler("counts", cbor<null>(), () => counts)
  .handler("resident", cbor<null>(), () => residentBytes())
  .build();

const { addresses } = await server.start();
console.log(addresses[0]!.port);
process.stdin.resume();
process.stdin.once("end", () => void server.shutdown());

async function play(_session: Session, incoming: IncomingStream): Promise<void> {
  for await (const item of incoming.playout({ targetMs: 20, maxFrames: 4096, late: "deliver" })) {
    if (item.kind === "frame") counts.played++;
    else counts.missing += item.count;
  }
  counts.streams++;
}
