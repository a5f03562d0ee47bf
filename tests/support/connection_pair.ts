/**
 * Two connections joined by a memory network on a virtual clock, each with a handler that writes down what arrives.
 *
 * @module
 */

import { type CloseReason } from "../../src/connection/close_reason.ts";
import { Connection, type ConnectionHandler } from "../../src/connection/connection.ts";
import { type MemoryNetwork, memoryNetwork, type MemoryNetworkOptions } from "../../src/connection/memory.ts";
import {
  type ConnectionLimits,
  connectionLimits,
  transportOptions,
  type TransportTuning,
} from "../../src/connection/options.ts";
import { type ReceiveStream } from "../../src/connection/receive_stream.ts";
import { type SendStream } from "../../src/connection/send_stream.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";
import { type LogRecord } from "../../src/trace.ts";
import { VirtualClock } from "../../src/virtual_clock.ts";

/** What arrived on one side. */
export class Recorder implements ConnectionHandler {
  readonly messages: Uint8Array[] = [];
  readonly oversize: { readonly prefix: Uint8Array; readonly length: number }[] = [];
  readonly streams: { readonly receive: ReceiveStream; readonly send: SendStream | undefined }[] = [];
  readonly datagrams: Uint8Array[] = [];
  readonly sentDatagrams: [id: number, departureUs: number][] = [];
  readonly logs: LogRecord[] = [];
  closeReason: CloseReason | undefined;

  onMessage(bytes: Uint8Array, start: number, end: number, _owned: boolean): void {
    this.messages.push(bytes.slice(start, end));
  }

  onOversizeMessage(bytes: Uint8Array, start: number, end: number, length: number): void {
    this.oversize.push({ prefix: bytes.slice(start, end), length });
  }

  onStream(receive: ReceiveStream, send: SendStream | undefined): void {
    this.streams.push({ receive, send });
  }

  onDatagram(bytes: Uint8Array, _arrivalUs: number): void {
    this.datagrams.push(bytes.slice());
  }

  onDatagramSent(id: number, departureUs: number): void {
    this.sentDatagrams.push([id, departureUs]);
  }

  onClosed(reason: CloseReason): void {
    this.closeReason = reason;
  }
}

/** What {@link connectionPair} joins; every field has a default. */
export interface PairOptions {
  readonly network?: MemoryNetworkOptions;
  readonly tuning?: TransportTuning;
  readonly limits?: Partial<ConnectionLimits>;
}

/** Two established connections and what they run on. */
export interface ConnectionPair {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly client: Connection;
  readonly server: Connection;
  readonly atClient: Recorder;
  readonly atServer: Recorder;
}

/** Listen, dial and shake hands. */
export async function connectionPair(
  { network: options = {}, tuning = {}, limits = {} }: PairOptions = {},
): Promise<ConnectionPair> {
  const clock = new VirtualClock();
  const network = memoryNetwork({ clock, ...options });
  const transport = transportOptions(tuning, StreamKind.MESSAGES);
  const atClient = new Recorder();
  const atServer = new Recorder();
  const side = (recorder: Recorder) => ({
    clock,
    limits: connectionLimits(limits),
    log: (record: LogRecord) => void recorder.logs.push(record),
    onEstablished: (connection: Connection) => void (connection.handler = recorder),
  });
  const address = { address: "127.0.0.1", port: 5_000 };
  let server: Connection | undefined;
  await network.transport.listen({ ...transport, address, identity: undefined }, (accepted) => {
    server = Connection.accept(accepted, { transport, ...side(atServer) });
    return server;
  });
  const dial = { ...transport, address, serverName: "localhost", verification: { kind: "none" } as const };
  const client = Connection.dial(network.transport, dial, side(atClient));
  await clock.advanceUntil(() => client.state === "established" && server?.state === "established");
  return { clock, network, client, server: server!, atClient, atServer };
}

/** `length` bytes that differ from their neighbours. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + seed) & 0xff;
  return bytes;
}
