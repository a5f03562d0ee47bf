/**
 * Servers and clients over one memory network and one virtual clock, for tests of their life cycle.
 *
 * @module
 */

import { RpcClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/definition.ts";
import { memoryNetwork, type MemoryNetworkOptions } from "../../src/connection/memory.ts";
import type { RpcServerBuilder } from "../../src/server/builder.ts";
import { RpcServer } from "../../src/server/server.ts";
import type { EndpointOptions } from "../../src/session/endpoint_options.ts";
import type { LogRecord } from "../../src/trace.ts";
import { VirtualClock } from "../../src/virtual_clock.ts";

/** One network, its clock, and every record that was logged on it. */
export class World {
  readonly clock = new VirtualClock();
  readonly network: ReturnType<typeof memoryNetwork>;
  readonly records: LogRecord[] = [];

  constructor(options: MemoryNetworkOptions = {}) {
    this.network = memoryNetwork({ ...options, clock: this.clock });
  }

  /** What servers and clients of this world are given. */
  get options(): EndpointOptions {
    return { transport: this.network.transport, clock: this.clock, log: (record) => void this.records.push(record) };
  }

  /** A builder of a server of this world on 127.0.0.1:5000. */
  server(): RpcServerBuilder {
    return RpcServer.builder().bind("127.0.0.1:5000").options(this.options);
  }

  /** An untyped client of {@link server}. */
  connect(options: ClientOptions = {}): Promise<RpcClient> {
    return this.run(RpcClient.connect("127.0.0.1:5000", { ...this.options, ...options }));
  }

  /** Let virtual time pass until `promise` has settled. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise);
  }

  /** Messages of the records of that level, in order. */
  messages(level: LogRecord["level"]): string[] {
    return this.records.filter((record) => record.level === level).map((record) => record.message);
  }
}
