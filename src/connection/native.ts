/**
 * The transport over real sockets: QUIC by the native addon, whose I/O threads are reached through rings of records.
 * The only file that loads the addon, and only when asked to; so everything else runs without permission and binary.
 *
 * @module
 */

import { systemAlarm, systemClock } from "../clock.ts";
import { EchoStreamError } from "../protocol/error.ts";
import { consoleLogger, once } from "../trace.ts";
import { DEFAULT_ACCEPT_OPTIONS } from "./accept_options.ts";
import { ipVersionOf } from "./address.ts";
import { ClockBridge } from "./clock_bridge.ts";
import { type Addon, attempt, type Bound, identitySettings, transportSettings } from "./native_addon.ts";
import { NativeListener } from "./native_listener.ts";
import { IoThread, type ThreadOwner } from "./native_thread.ts";
import { receiveBufferWarning } from "./receive_buffer.ts";
import { threadWarning } from "./threads.ts";
import type {
  ConnectionSink,
  DialOptions,
  ListenOptions,
  Transport,
  TransportConnection,
  TransportListener,
} from "./transport.ts";

/**
 * The native transport of this JavaScript environment (main thread or worker), the same at every call.
 * @throws {EchoStreamError} UNAVAILABLE when the addon cannot be loaded, saying what to do about it.
 */
export function nativeTransport(): Promise<Transport> {
  loading ??= load();
  return loading;
}

/**
 * The functions of the addon, for what is no connection.
 * @throws {EchoStreamError} UNAVAILABLE when it cannot be loaded, saying what to do about it.
 */
export async function nativeAddon(): Promise<Addon> {
  try {
    return await import("@echostream/native") as Addon;
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new EchoStreamError("UNAVAILABLE", text, { cause });
  }
}

async function load(): Promise<Transport> {
  try {
    return new NativeTransport(await nativeAddon());
  } catch (error) {
    loading = undefined;
    throw error;
  }
}

class NativeTransport implements Transport, ThreadOwner {
  readonly addon: Addon;
  readonly clock: ClockBridge;
  referenced = true;
  /** The first is there from the start and serves all that is dialled; others when a listener wants them. */
  readonly #threads: [IoThread, ...IoThread[]];
  #nextListener = 1;

  constructor(addon: Addon) {
    this.addon = addon;
    this.clock = new ClockBridge(() => addon.nowUs(), systemClock.nowUs);
    const first = new IoThread(this);
    this.#threads = [first];
    systemAlarm.connect((delayUs) => addon.setAlarm(first.driver, delayUs));
  }

  onEvents(drain: () => void): void {
    try {
      systemAlarm.ring();
    } finally {
      drain();
    }
    // An alarm between the two woke nobody: until JavaScript drains, it counts as woken.
    systemAlarm.ring();
  }

  // deno-lint-ignore require-await -- what the addon throws at once reaches the caller as a rejection.
  async listen(
    options: ListenOptions,
    accept: (connection: TransportConnection) => ConnectionSink,
  ): Promise<TransportListener> {
    const id = this.#nextListener++;
    const threads = this.#firstThreads(options.threads ?? 1);
    const bound = attempt(() =>
      this.addon.listen(threads.map((thread) => thread.driver), id, {
        address: options.address.address,
        port: options.address.port,
        identity: options.identity && identitySettings(options.identity),
        transport: transportSettings(options),
        accept: options.accept ?? DEFAULT_ACCEPT_OPTIONS,
        share: options.reusePort,
      })
    );
    warnOf(bound);
    const warning = threadWarning(threads.length, this.addon.processors());
    if (warning !== undefined) warnOnce(warning);
    const [{ driver }] = this.#threads;
    const listener = new NativeListener(bound, options, accept, {
      close: () => this.addon.closeListener(driver, id),
      readCounters: (target) => void this.addon.listenerStats(driver, id, target),
      setIdentity: (identity) => attempt(() => this.addon.setIdentity(driver, id, identitySettings(identity))),
    });
    for (const thread of threads) thread.listen(id, listener);
    return listener;
  }

  dial(options: DialOptions, sink: ConnectionSink): TransportConnection {
    const { connection, bound } = this.#threads[0].dial(options, sink);
    warnOf(bound);
    return connection;
  }

  async resolve(host: string): Promise<readonly string[]> {
    // A zone (`%eth0`) has to be looked up.
    if (ipVersionOf(host) !== undefined && !host.includes("%")) return [host];
    let addresses: string[];
    try {
      addresses = await this.addon.resolve(host);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new EchoStreamError("UNAVAILABLE", `Cannot resolve "${host}": ${text}`, { cause });
    }
    if (addresses.length === 0) throw new EchoStreamError("UNAVAILABLE", `"${host}" has no address`);
    return addresses;
  }

  setReferenced(referenced: boolean): void {
    this.referenced = referenced;
    for (const thread of this.#threads) thread.updateReference();
  }

  nowUs(): number {
    return systemClock.nowUs();
  }

  #firstThreads(count: number): readonly IoThread[] {
    while (this.#threads.length < count) this.#threads.push(new IoThread(this));
    return this.#threads.slice(0, count);
  }
}

/** What is set up in a way that may surprise. */
function warnOf(bound: Bound): void {
  const warning = receiveBufferWarning(bound);
  if (warning !== undefined) warnOnce(warning);
  if (bound.keyLogFile === undefined || bound.keyLogFile === null) return;
  const message = `TLS secrets are written to ${bound.keyLogFile}: whoever reads it can read all that is sent`;
  warnOnce({ level: "warn", category: "tls", message });
}

let loading: Promise<Transport> | undefined;
const warnOnce = once(consoleLogger);
