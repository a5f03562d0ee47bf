/**
 * The networks a behaviour is checked over: memory, where time is virtual, and real QUIC on loopback.
 *
 * @module
 */

import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/definition.ts";
import { memoryNetwork } from "../../src/connection/memory.ts";
import { nativeTransport } from "../../src/connection/native.ts";
import type { SocketAddress, Transport } from "../../src/connection/transport.ts";
import type { RpcServerBuilder } from "../../src/server/builder.ts";
import { RpcServer } from "../../src/server/server.ts";
import type { EndpointOptions } from "../../src/session/endpoint_options.ts";
// At once: nothing waits for a file under a virtual clock.
import "../../src/session/live.ts";
import type { LogRecord } from "../../src/trace.ts";
import type { Untyped } from "../../src/plugin/api.ts";
import { VirtualClock } from "../../src/virtual_clock.ts";
import { waitUntil } from "./wait_until.ts";

/** A network that exists in memory, and the clock everything on it runs on. */
export interface VirtualCarrier {
  readonly clock: VirtualClock;
  readonly transport: Transport;
}

/** One network, whatever carries it, and what was logged on it. */
export class Network {
  readonly records: LogRecord[] = [];
  /** What servers and clients on it are given. */
  readonly options: EndpointOptions;
  readonly #clock: VirtualClock | undefined;
  readonly #started: { shutdown(options: { graceMs: number }): Promise<void> }[] = [];
  readonly #connected: { close(options: { graceMs: number }): Promise<void> }[] = [];

  /** @param carrier Default: real QUIC, in real time. */
  constructor(carrier?: VirtualCarrier) {
    this.options = { ...carrier, log: (record) => void this.records.push(record) };
    this.#clock = carrier?.clock;
  }

  /** What carries it. */
  async transport(): Promise<Transport> {
    return this.options.transport ?? await nativeTransport();
  }

  /** A builder of a server on a port of its own. */
  server(): RpcServerBuilder {
    return RpcServer.builder().bind("127.0.0.1:0").options(this.options);
  }

  /** Start a server; it is shut down when the test ends. */
  async start<M, E, P, S>(server: RpcServer<M, E, P, S>): Promise<SocketAddress> {
    this.#started.push(server);
    const { addresses } = await this.run(server.start());
    return addresses[0]!;
  }

  /** A client, untyped unless told otherwise; it is closed when the test ends. */
  async connect<S = Untyped>(address: SocketAddress, options: ClientOptions = {}): Promise<RpcClient<S>> {
    return this.adopt(await this.run(RpcClient.connect<S>(address, { ...this.options, ...options })));
  }

  /** Close `client` when the test ends: one that lost its server would try for ever to get it back. */
  adopt<C extends { close(options: { graceMs: number }): Promise<void> }>(client: C): C {
    this.#connected.push(client);
    return client;
  }

  /** What `promise` settles to; virtual time passes until it does. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.#clock?.run(promise) ?? promise;
  }

  /** Wait until `done()` holds. */
  async until(done: () => boolean): Promise<void> {
    if (this.#clock !== undefined) return await this.#clock.advanceUntil(done);
    await waitUntil(done);
  }

  /** Messages of the records of that level, in order. */
  messages(level: LogRecord["level"]): string[] {
    return this.records.filter((record) => record.level === level).map((record) => record.message);
  }

  /** Close what was connected, and shut down what was started. */
  async close(): Promise<void> {
    for (const client of this.#connected) await this.run(client.close({ graceMs: 0 }));
    for (const server of this.#started) await this.run(server.shutdown({ graceMs: 0 }));
  }
}

/** Check one behaviour over each network, as a test of its own. */
export function testOverNetworks(name: string, body: (network: Network) => Promise<void>): void {
  const open = {
    memory: () => {
      const clock = new VirtualClock();
      return new Network({ clock, transport: memoryNetwork({ clock }).transport });
    },
    native: () => new Network(),
  };
  for (const [kind, make] of Object.entries(open)) {
    test(`${name} (${kind})`, async () => {
      const network = make();
      try {
        await body(network);
      } finally {
        await network.close();
      }
    });
  }
}
