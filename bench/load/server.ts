/**
 * Server process of the loads. Answers `state` by a {@link ServerState}, and `needed` by the bytes it cannot do without.
 *
 * @module
 */
import process from "node:process";
import { type EndpointStats, RpcServer, type ServerOptions, silentLogger } from "../../mod.ts";
import { residentBytes } from "../soak/resources.ts";
import { serve, settings } from "./program.ts";

/** What the server holds now. */
export interface ServerState {
  /** After a collection. */
  readonly residentBytes: number;
  /** What JavaScript holds of that; the rest is QUIC's and TLS's, and what either of them leaves unused. */
  readonly heapBytes: number;
  readonly sessions: number;
  readonly stats: EndpointStats;
}

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .options({ ...settings<ServerOptions>(), log: silentLogger })
  .handler("echo", (_session, bytes) => bytes)
  .build();
const { addresses } = await server.start();

/** What is resident after a collection as V8 makes it when memory is short: without the free pages it keeps from busier times. */
function neededBytes(): number {
  const { gc } = globalThis as { gc?: (options: Readonly<Record<string, string>>) => void };
  gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
  return process.memoryUsage().rss;
}

const state = (): ServerState => ({
  residentBytes: residentBytes(),
  heapBytes: process.memoryUsage().heapUsed,
  sessions: server.sessions.size,
  stats: server.endpointStats,
});
await serve(addresses[0], (line) => line === "needed" ? neededBytes() : state(), () => server.shutdown({ graceMs: 0 }));
