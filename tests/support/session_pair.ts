/**
 * Two sessions joined by a network, without server and client around them: over memory, where time is virtual, and over real QUIC
 * on loopback.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, systemClock } from "../../src/clock.ts";
import { Connection } from "../../src/connection/connection.ts";
import { memoryNetwork, type MemoryNetworkOptions } from "../../src/connection/memory.ts";
import { nativeTransport } from "../../src/connection/native.ts";
import { connectionLimits, transportOptions } from "../../src/connection/options.ts";
import type { Transport } from "../../src/connection/transport.ts";
import type { EchoStreamError } from "../../src/protocol/error.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";
import { ProcessAdmission } from "../../src/rpc/admission.ts";
import { DEFAULT_LIMITS, type Limits } from "../../src/rpc/limits.ts";
import { Listeners } from "../../src/rpc/listeners.ts";
import { Router } from "../../src/rpc/router.ts";
import type { StandardSchemaV1 } from "../../src/rpc/schema.ts";
import { Session } from "../../src/session.ts";
import { StreamHandlers } from "../../src/stream/stream_handlers.ts";
import type { LogRecord } from "../../src/trace.ts";
import { VirtualClock } from "../../src/virtual_clock.ts";
import { waitUntil } from "./wait_until.ts";

/** One side: its session, what it answers, and what it logged. */
export class Side {
  readonly router = new Router<Session>();
  readonly listeners = new Listeners<Session>();
  readonly streams = new StreamHandlers<Session>();
  readonly pushes = new Map<string, StandardSchemaV1>();
  readonly records: LogRecord[] = [];
  readonly limits: Limits;
  readonly admission: ProcessAdmission;
  session!: Session;
  connection!: Connection;
  readonly log = (record: LogRecord): void => void this.records.push(record);

  constructor(options: PairOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.admission = new ProcessAdmission(options.maxRunningInProcess);
  }

  /** Messages of the records of that level. */
  messages(level: LogRecord["level"]): string[] {
    return this.records.filter((record) => record.level === level).map((record) => record.message);
  }
}

/** How the two sides are joined. */
export interface PairOptions {
  readonly limits?: Partial<Limits>;
  readonly maxRunningInProcess?: number;
  readonly network?: MemoryNetworkOptions;
  /** The client's clock over memory, when several pairs share one. Default one of its own. */
  readonly clock?: VirtualClock;
  /** The server's clock, made of the client's. Default the same. */
  readonly serverClock?: (clock: Clock) => Clock;
  /** Leave both sessions shut. Default false. */
  readonly shut?: boolean;
}

/** Two sessions that reach each other. */
export class SessionPair {
  readonly client: Side;
  readonly server: Side;
  /** The clock of both, or of the client; a {@link VirtualClock} over memory. */
  readonly clock: Clock;
  readonly #serverClock: Clock;
  /** Cuts the path, over memory. */
  setCut: (cut: boolean) => void = () => {};
  #closeListener: () => Promise<void> = () => Promise.resolve();

  constructor(clock: Clock, options: PairOptions) {
    this.clock = clock;
    this.#serverClock = options.serverClock?.(clock) ?? clock;
    this.client = new Side(options);
    this.server = new Side(options);
  }

  /** Listen, dial, shake hands. */
  async join(transport: Transport): Promise<void> {
    const options = transportOptions({}, StreamKind.MESSAGES);
    const side = (side: Side, clock: Clock) => ({
      clock,
      log: side.log,
      limits: connectionLimits({ maxMessageBytes: side.limits.maxMessageBytes }),
      onEstablished: (connection: Connection): void => {
        side.connection = connection;
        if (clock !== this.clock) stampOn(clock, connection);
        side.session = new Session(connection, side);
      },
    });
    const listener = await transport.listen(
      { ...options, address: { address: "127.0.0.1", port: 0 }, identity: undefined },
      (accepted) => Connection.accept(accepted, { transport: options, ...side(this.server, this.#serverClock) }),
    );
    const { address } = listener;
    const verification = { kind: "development" } as const;
    Connection.dial(
      transport,
      { ...options, address, serverName: address.address, verification },
      side(this.client, this.clock),
    );
    await this.until(() => this.client.session !== undefined && this.server.session !== undefined);
    this.#closeListener = () => this.run(listener.close());
  }

  /** What `promise` settles to; virtual time passes until it does. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock instanceof VirtualClock ? this.clock.run(promise) : promise;
  }

  /** Wait until `done()` holds. */
  async until(done: () => boolean): Promise<void> {
    if (this.clock instanceof VirtualClock) return await this.clock.advanceUntil(done);
    await waitUntil(done);
  }

  /** Cut both off. */
  async close(): Promise<void> {
    await this.run(this.client.session.close("", { graceMs: 0 }));
    await this.run(this.server.session.close("", { graceMs: 0 }));
    await this.#closeListener();
  }
}

/** Datagrams are stamped on the axis of the session's clock, as the native transport does; memory has one clock for all. */
function stampOn(clock: Clock, connection: Connection): void {
  const onDatagram = connection.onDatagram.bind(connection);
  const onDatagramSent = connection.onDatagramSent.bind(connection);
  connection.onDatagram = (bytes) => onDatagram(bytes, clock.nowUs());
  connection.onDatagramSent = (id, departureUs) => onDatagramSent(id, departureUs === 0 ? 0 : clock.nowUs());
}

/** A pair over memory on a virtual clock. */
export async function memoryPair(options: PairOptions = {}): Promise<SessionPair & { readonly clock: VirtualClock }> {
  const { clock = new VirtualClock() } = options;
  const network = memoryNetwork({ clock, ...options.network });
  const pair = new SessionPair(clock, options);
  pair.setCut = (cut) => network.setCut(cut);
  await pair.join(network.transport);
  if (!options.shut) {
    pair.client.session.open();
    pair.server.session.open();
  }
  return pair as SessionPair & { readonly clock: VirtualClock };
}

/** Check one behaviour over memory, where time is virtual. */
export function testOverMemory(
  name: string,
  options: PairOptions,
  body: (pair: SessionPair & { readonly clock: VirtualClock }) => Promise<void>,
): void {
  test(name, async () => {
    const pair = await memoryPair(options);
    await body(pair);
    await pair.close();
  });
}

/** A pair over QUIC, in real time. */
export async function nativePair(options: PairOptions = {}): Promise<SessionPair> {
  const pair = new SessionPair(systemClock, options);
  await pair.join(await nativeTransport());
  if (!options.shut) {
    pair.client.session.open();
    pair.server.session.open();
  }
  return pair;
}

/** Check one behaviour over memory and over QUIC, as a test of its own each. */
export function testSessions(name: string, options: PairOptions, body: (pair: SessionPair) => Promise<void>): void {
  testOverMemory(`${name} (memory)`, options, body);
  test(`${name} (native)`, async () => {
    const pair = await nativePair(options);
    try {
      await body(pair);
    } finally {
      await pair.close();
    }
  });
}

/** What `failing` fails with; that it succeeds is a failure of the test. */
export async function failureOf(failing: Promise<unknown>): Promise<EchoStreamError> {
  return await failing.then(() => assert.fail("It succeeded"), (error) => error);
}

/** A promise and who settles it. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
