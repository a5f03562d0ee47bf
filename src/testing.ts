/**
 * `@echostream/core/testing`: a server and a client in one process, joined by memory instead of sockets, for tests of handlers.
 *
 * @module
 */

import type { RpcClientBuilder } from "./client/builder.ts";
import { RpcClient } from "./client/client.ts";
import { memoryNetwork, type MemoryNetworkOptions } from "./connection/memory.ts";
import type { Transport } from "./connection/transport.ts";
import type { RpcServerBuilder } from "./server/builder.ts";
import type { RpcServer } from "./server/server.ts";
// At once: a program under a virtual clock cannot wait for a file.
import "./session/live.ts";
import { VirtualClock } from "./virtual_clock.ts";

export { type MemoryNetwork, memoryNetwork, type MemoryNetworkOptions } from "./connection/memory.ts";
export { createTestAuthority, type TestAuthority, type TestCertificateOptions } from "./connection/test_authority.ts";
export { VirtualClock } from "./virtual_clock.ts";

/** How the path between the two behaves; without any of it messages arrive at once. */
export interface MemoryPairOptions<Server> extends Omit<MemoryNetworkOptions, "datagramLoss"> {
  /** Share of the datagrams that never arrive, 0 to 1. Default 0. */
  readonly loss?: number;
  /** Adds handlers, listeners, hooks or options to the client before it connects. */
  readonly client?: (builder: RpcClientBuilder<Server>) => RpcClientBuilder<Server>;
}

/** A started server and a client connected to it. */
export interface MemoryPair<Server> extends AsyncDisposable {
  /** Typed by the server. */
  readonly client: RpcClient<Server>;
  /** Started. */
  readonly server: Server;
  /** Close the client, then shut the server down. */
  close(): Promise<void>;
}

/**
 * Build and start the server `builder` describes, and connect a client typed by it.
 *
 * ```ts
 * const { client, server } = await createMemoryPair(builder, { delayMs: 20, loss: 0.01, seed: 1 });
 * ```
 * Given a {@link VirtualClock}, everything runs on it: await what takes time through `clock.run(...)`.
 *
 * @throws what starting the server or connecting the client throws.
 */
export async function createMemoryPair<Methods, Events, Pushes, Streams>(
  builder: RpcServerBuilder<Methods, Events, Pushes, Streams>,
  options: MemoryPairOptions<RpcServer<Methods, Events, Pushes, Streams>> = {},
): Promise<MemoryPair<RpcServer<Methods, Events, Pushes, Streams>>> {
  const { loss, client: configure = (same) => same, ...path } = options;
  const { clock } = path;
  const network = memoryNetwork({ ...path, ...(loss === undefined ? {} : { datagramLoss: loss }) });
  const shared = { transport: withoutCertificates(network.transport), ...(clock === undefined ? {} : { clock }) };
  const settle = <T>(promise: Promise<T>): Promise<T> => clock instanceof VirtualClock ? clock.run(promise) : promise;

  const server = builder.bind("127.0.0.1:0").options(shared).build();
  const { addresses } = await settle(server.start());
  try {
    const connecting = RpcClient.builder<RpcServer<Methods, Events, Pushes, Streams>>()
      .connect(addresses.at(-1)!)
      .options(shared);
    const client = await settle(configure(connecting).build());
    const close = async (): Promise<void> => {
      await settle(client.close());
      await settle(server.shutdown());
    };
    return { client, server, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await settle(server.shutdown({ graceMs: 0 }));
    throw error;
  }
}

/** Memory has no TLS, so a server on it need not say that its certificate is for development. */
function withoutCertificates(transport: Transport): Transport {
  return {
    listen: async (options, accept) => {
      const listener = await transport.listen(options, accept);
      return {
        address: listener.address,
        development: false,
        setIdentity: (identity) => listener.setIdentity(identity),
        stats: () => listener.stats(),
        close: () => listener.close(),
      };
    },
    dial: (options, sink) => transport.dial(options, sink),
    resolve: (host) => transport.resolve(host),
    setReferenced: (referenced) => transport.setReferenced(referenced),
    nowUs: () => transport.nowUs(),
  };
}
