/**
 * Server process of the loads. Answers `state` by a {@link ServerState}.
 *
 * @module
 */
import process from "node:process";
import { type EndpointStats, RpcServer, type ServerOptions, silentLogger } from "../../mod.ts";
import { residentBytes } from "../soak/resources.ts";
import { serve, settings } from "./program.ts";

/** What the server holds now. */
export interface ServerState {
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
const state = (): ServerState => ({
  residentBytes: residentBytes(),
  heapBytes: process.memoryUsage().heapUsed,
  sessions: server.sessions.size,
  stats: server.endpointStats,
});
await serve(addresses[0], state, () => server.shutdown({ graceMs: 0 }));
