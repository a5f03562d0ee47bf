/**
 * A memory network under the test's control: its time stands still until told to move, its paths can be cut.
 *
 * @module
 */

import { RpcClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/definition.ts";
import { type MemoryNetwork, memoryNetwork, type MemoryNetworkOptions } from "../../src/connection/memory.ts";
import type { RpcServerBuilder } from "../../src/server/builder.ts";
import { RpcServer } from "../../src/server/server.ts";
// At once: nothing waits for a file under a virtual clock.
import "../../src/session/live.ts";
import { VirtualClock } from "../../src/virtual_clock.ts";
import { Network } from "./networks.ts";

/** A {@link Network} whose servers are on 127.0.0.1:5000 unless told otherwise. */
export class World extends Network {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;

  constructor(options: MemoryNetworkOptions = {}) {
    const clock = new VirtualClock();
    const network = memoryNetwork({ ...options, clock });
    super({ clock, transport: network.transport });
    this.clock = clock;
    this.network = network;
  }

  override server(): RpcServerBuilder {
    return RpcServer.builder().bind("127.0.0.1:5000").options(this.options);
  }

  /** An untyped client of {@link server}. */
  connectHere(options: ClientOptions = {}): Promise<RpcClient> {
    return this.run(RpcClient.connect("127.0.0.1:5000", { ...this.options, ...options }));
  }
}
