/**
 * Holds idle connections, each of a client of its own. Answers `connect N` when it holds so many more, and `call` when each of them has made
 * a call, by its {@link HolderState}.
 *
 * @module
 */
import { RpcClient, type SocketAddress } from "../../mod.ts";
import { residentBytes } from "../soak/resources.ts";
import { serve, settings } from "./program.ts";

/** What it holds now. */
export interface HolderState {
  readonly residentBytes: number;
  readonly connections: number;
}

/** Handshakes at once. */
const AT_ONCE = 16;

const server = settings<SocketAddress>();
const clients: RpcClient[] = [];

await serve({}, async (line) => {
  const [what, count] = line.split(" ");
  if (what === "connect") await connect(Number(count));
  else await Promise.all(clients.map((client) => client.request("echo", new Uint8Array(64))));
  return {
    residentBytes: residentBytes(),
    connections: clients.filter(({ state }) => state === "connected").length,
  } satisfies HolderState;
});

async function connect(count: number): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) clients.push(await RpcClient.connect(server, { reconnect: false }));
  }));
}
