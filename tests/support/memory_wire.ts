/**
 * Two ends of a memory transport on a virtual clock, each with a sink that writes down what it is told.
 *
 * @module
 */

import { memoryNetwork, type MemoryNetworkOptions } from "../../src/connection/memory.ts";
import { transportOptions } from "../../src/connection/options.ts";
import {
  type ConnectionSink,
  type DialOptions,
  type TransportClose,
  type TransportConnection,
} from "../../src/connection/transport.ts";
import { VirtualClock } from "../../src/virtual_clock.ts";

/** The defaults of the library. */
export const OPTIONS = transportOptions({}, 2);
/** Where the server listens. */
export const ADDRESS = { address: "127.0.0.1", port: 5_000 };

/** A sink that writes down every call. */
export class Log implements ConnectionSink {
  readonly calls: unknown[][] = [];
  /** Of data, in microseconds. */
  readonly arrivals: number[] = [];
  closed: TransportClose | undefined;
  onEstablished(): void {
    this.calls.push(["established"]);
  }
  onOpened(stream: number): void {
    this.calls.push(["opened", stream]);
  }
  onData(stream: number, bytes: Uint8Array, finished: boolean, arrivalUs: number): void {
    this.calls.push(["data", stream, [...bytes], finished]);
    this.arrivals.push(arrivalUs);
  }
  onReset(stream: number, code: number): void {
    this.calls.push(["reset", stream, code]);
  }
  onStopped(stream: number, code: number): void {
    this.calls.push(["stopped", stream, code]);
  }
  onExpired(stream: number): void {
    this.calls.push(["expired", stream]);
  }
  onDelivered(stream: number): void {
    this.calls.push(["delivered", stream]);
  }
  onWritten(stream: number, bytes: number): void {
    this.calls.push(["written", stream, bytes]);
  }
  onMessagesSent(bytes: number): void {
    this.calls.push(["messagesSent", bytes]);
  }
  onDatagram(bytes: Uint8Array, arrivalUs: number): void {
    this.calls.push(["datagram", [...bytes], arrivalUs]);
  }
  onDatagramSent(id: number, departureUs: number): void {
    this.calls.push(["datagramSent", id, departureUs]);
  }
  onClosed(close: TransportClose): void {
    this.closed = close;
    this.calls.push(["closed"]);
  }

  /** Who closed, so far. */
  endedBy(): TransportClose["by"] | undefined {
    return this.closed?.by;
  }

  /** The calls named `name`, without it; they are forgotten. */
  take(name: string): unknown[][] {
    const found = this.calls.filter(([first]) => first === name).map(([, ...rest]) => rest);
    this.calls.splice(0, this.calls.length, ...this.calls.filter(([first]) => first !== name));
    return found;
  }
}

/** An established connection over memory, and what both of its ends were told. */
export interface Wire {
  readonly clock: VirtualClock;
  readonly network: ReturnType<typeof memoryNetwork>;
  readonly client: TransportConnection;
  readonly server: TransportConnection;
  readonly atClient: Log;
  readonly atServer: Log;
}

/** Listen, dial and shake hands. */
export async function wire(
  network: MemoryNetworkOptions = {},
  tuning: Parameters<typeof transportOptions>[0] = {},
): Promise<Wire> {
  const clock = new VirtualClock();
  const memory = memoryNetwork({ clock, ...network });
  const options = transportOptions(tuning, 2);
  const atClient = new Log();
  const atServer = new Log();
  let server: TransportConnection | undefined;
  await memory.transport.listen({ ...options, address: ADDRESS, identity: undefined }, (accepted) => {
    server = accepted;
    return atServer;
  });
  const client = memory.transport.dial(dialOptions(options), atClient);
  await clock.advanceUntil(() => atServer.take("established").length > 0);
  return { clock, network: memory, client, server: server!, atClient, atServer };
}

/** What dials {@link ADDRESS}. */
export function dialOptions(options = OPTIONS, address = ADDRESS): DialOptions {
  return { ...options, address, serverName: "localhost", verification: { kind: "none" } };
}
