/**
 * An I/O thread of the native addon, as JavaScript keeps it: commands go down and events come up through two rings of records.
 *
 * @module
 */

import type { ClockBridge } from "./clock_bridge.ts";
import {
  type Addon,
  attempt,
  type Bound,
  certificateSettings,
  peerCertificate,
  transportSettings,
  verificationSettings,
} from "./native_addon.ts";
import { type ConnectionOwner, NativeConnection, readAddresses } from "./native_connection.ts";
import { handshakeRefusal, NativeListener } from "./native_listener.ts";
import { CommandRing, Event, Flag, HEADER_BYTES, joinWords, padded } from "./native_ring.ts";
import type { PeerCertificate } from "./peer_certificate.ts";
import type { ConnectionSink, DialOptions, TransportClose } from "./transport.ts";

/** What threads need of the transport they belong to. */
export interface ThreadOwner {
  readonly addon: Addon;
  /** From the clock that stamps packets to ours. */
  readonly clock: ClockBridge;
  /** Whether open connections and listeners keep the program alive. */
  readonly referenced: boolean;
  /** Called when there may be something to drain; calls `drain`. */
  onEvents(drain: () => void): void;
}

/** One thread, its connections and its share of the listeners. */
export class IoThread implements ConnectionOwner {
  /** The number of the thread. */
  readonly driver: number;
  readonly #owner: ThreadOwner;
  readonly #addon: Addon;
  readonly #clock: ClockBridge;
  readonly #commands = new CommandRing();
  readonly #connections = new Map<number, NativeConnection>();
  readonly #listeners = new Map<number, NativeListener>();
  readonly #eventBytes = new Uint8Array(EVENT_BUFFER_BYTES);
  readonly #eventWords = new Uint32Array(this.#eventBytes.buffer);
  #nextConnection = 1;
  /** A flush is on its way, or will follow from the drain in progress. */
  #flushing = false;
  #draining = false;
  #rounds = 0;
  /** Nothing was asked for since data came. */
  #isSilent = false;
  #arrivalUs = 0;
  #held = true;

  constructor(owner: ThreadOwner) {
    this.#owner = owner;
    this.#addon = owner.addon;
    this.#clock = owner.clock;
    const drain = (): void => this.#drain();
    this.driver = this.#addon.start(() => owner.onEvents(drain));
    this.updateReference();
  }

  /** Tell `listener` of what this thread accepts and refuses. */
  listen(id: number, listener: NativeListener): void {
    this.#listeners.set(id, listener);
    this.updateReference();
  }

  /**
   * Begin a handshake.
   * @throws {EchoStreamError} when the options cannot be used, or there is no socket.
   */
  dial(options: DialOptions, sink: ConnectionSink): { readonly connection: NativeConnection; readonly bound: Bound } {
    while (this.#connections.has(this.#nextConnection)) this.#advanceConnection();
    const id = this.#nextConnection;
    this.#advanceConnection();
    const bound = attempt(() =>
      this.#addon.dial(this.driver, id, {
        address: options.address.address,
        port: options.address.port,
        serverName: options.serverName,
        ...verificationSettings(options.verification),
        certificate: options.certificate && certificateSettings(options.certificate),
        ticket: options.ticket,
        wantsTicket: options.wantsTicket ?? false,
        transport: transportSettings(options),
      })
    );
    const local = { address: bound.address, port: bound.port };
    const connection = new NativeConnection(this, id, options.address, local, options.congestionControl);
    connection.sink = sink;
    this.#connections.set(id, connection);
    this.updateReference();
    return { connection, bound };
  }

  commands(): CommandRing {
    if (!this.#flushing) {
      this.#flushing = true;
      queueMicrotask(this.#flush);
    }
    return this.#commands;
  }

  readCounters(connection: number, target: Float64Array): void {
    this.#addon.stats(this.driver, connection, target);
  }

  takeLastCounters(connection: number, target: Float64Array): void {
    this.#addon.lastStats(this.driver, connection, target);
  }

  readCertificate(der: Uint8Array): PeerCertificate {
    return peerCertificate(attempt(() => this.#addon.readCertificate(der)), der);
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    const commands = this.#commands;
    if (commands.length === 0) return;
    this.#isSilent = false;
    this.#addon.submit(this.driver, commands.bytes, commands.length);
    commands.clear();
  };

  /** Take events one buffer at a time; what they set off runs before the next buffer is taken. */
  #drain(): void {
    if (this.#draining) return;
    const length = this.#addon.drainInto(this.driver, this.#eventBytes);
    if (length === 0) {
      this.#rounds = 0;
      if (this.#isSilent) setImmediate(this.#tellSilence);
      return;
    }
    this.#draining = true;
    this.#flushing = true;
    this.#dispatchAll(length);
    queueMicrotask(this.#continue);
  }

  readonly #continue = (): void => {
    this.#flush();
    this.#draining = false;
    if (++this.#rounds < MAX_ROUNDS) {
      this.#drain();
      return;
    }
    // Timers and other sources of events must have their turn, however busy the network is.
    this.#rounds = 0;
    setImmediate(() => this.#drain());
  };

  /** The I/O thread may keep an acknowledgement for an answer that does not come. */
  readonly #tellSilence = (): void => {
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#addon.submit(this.driver, this.#commands.bytes, 0);
  };

  #dispatchAll(length: number): void {
    const words = this.#eventWords;
    let at = 0;
    while (at < length) {
      const word = at >> 2;
      const next = at + HEADER_BYTES + padded(words[word + 4]!);
      try {
        this.#dispatch(word, at + HEADER_BYTES);
      } catch (error) {
        // The other events must not suffer from one bad listener; its error surfaces as uncaught.
        queueMicrotask(() => {
          throw error;
        });
      }
      at = next;
    }
  }

  #dispatch(word: number, payload: number): void {
    const words = this.#eventWords;
    const first = words[word]!;
    const kind = first & 0xff;
    const number = joinWords(words[word + 2]!, words[word + 3]!);
    if (kind === Event.TIME) {
      this.#arrivalUs = this.#clock.toTargetUs(number);
      return;
    }
    if (kind === Event.ACCEPTED) {
      this.#accept(word, number, this.#view(payload, words[word + 4]!));
      return;
    }
    if (kind === Event.REFUSED) {
      const text = utf8.decode(this.#view(payload, words[word + 4]!));
      this.#listeners.get(number)?.onRefused?.(handshakeRefusal(text, words[word + 5]!));
      return;
    }
    if (kind === Event.LISTENER_CLOSED) {
      this.#listeners.get(number)?.onClosed();
      this.#listeners.delete(number);
      this.updateReference();
      return;
    }
    const connection = this.#connections.get(words[word + 1]!);
    if (connection === undefined) return;
    const sink = connection.sink;
    const flags = first >> 8;
    const stream = flags & Flag.LOCAL ? -number : number;
    switch (kind) {
      case Event.DATA:
        this.#isSilent = true;
        sink.onData(stream, this.#view(payload, words[word + 4]!), (flags & Flag.FIN) !== 0, this.#arrivalUs);
        break;
      case Event.RESET:
        sink.onReset(stream, this.#number(payload));
        break;
      case Event.STOPPED:
        sink.onStopped(stream, this.#number(payload));
        break;
      case Event.WRITTEN:
        sink.onWritten(stream, words[word + 5]!);
        break;
      case Event.EXPIRED:
        sink.onExpired(stream);
        break;
      case Event.DELIVERED:
        sink.onDelivered(stream);
        break;
      case Event.OPENED:
        sink.onOpened(stream);
        break;
      case Event.MESSAGES_SENT:
        sink.onMessagesSent(words[word + 5]!);
        break;
      case Event.DATAGRAM:
        sink.onDatagram(this.#view(payload, words[word + 4]!), this.#arrivalUs);
        break;
      case Event.DATAGRAM_SENT:
        sink.onDatagramSent(number, this.#departureUs(payload));
        break;
      case Event.ESTABLISHED:
        connection.showCertificate(this.#view(payload, words[word + 4]!));
        sink.onEstablished((flags & Flag.EARLY) !== 0);
        break;
      case Event.CONFIRMED:
        connection.showCertificate(this.#view(payload, words[word + 4]!));
        sink.onConfirmed?.();
        break;
      case Event.TICKET:
        sink.onTicket?.(this.#view(payload, words[word + 4]!));
        break;
      case Event.MOVED:
        connection.moved(utf8.decode(this.#view(payload, words[word + 4]!)), words[word + 5] !== 0);
        break;
      case Event.CLOSED: {
        const reason = utf8.decode(this.#view(payload, words[word + 4]!));
        const application = (flags & Flag.APPLICATION) !== 0;
        const by = CLOSE_CAUSES[words[word + 5]!] ?? "local";
        this.#connections.delete(connection.id);
        this.updateReference();
        connection.end({ by, application, code: number, reason });
        break;
      }
    }
  }

  /** `payload`: addresses of the length in the argument, and the client's certificate, which may be empty. */
  #accept(word: number, listenerId: number, payload: Uint8Array): void {
    const words = this.#eventWords;
    const id = words[word + 1]!;
    const addressesLength = words[word + 5]!;
    const isEarly = (words[word]! >> 8 & Flag.EARLY) !== 0;
    const listener = this.#listeners.get(listenerId);
    const { remote, local } = readAddresses(utf8.decode(payload.subarray(0, addressesLength)));
    const connection = new NativeConnection(
      this,
      id,
      remote,
      local,
      listener?.congestionControl ?? "bbr2",
    );
    connection.showCertificate(payload.subarray(addressesLength));
    this.#connections.set(id, connection);
    this.updateReference();
    if (listener === undefined) {
      connection.close(0, "");
      return;
    }
    try {
      connection.sink = listener.accept(connection);
    } catch (error) {
      connection.close(0, "");
      throw error;
    }
    connection.sink.onEstablished(isEarly);
  }

  /** A view that is overwritten by the next drain. */
  #view(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#eventBytes.buffer, at, length);
  }

  /** When a datagram left, 0 when it did not. */
  #departureUs(at: number): number {
    const stampUs = this.#number(at);
    return stampUs === 0 ? 0 : this.#clock.toTargetUs(stampUs);
  }

  #number(at: number): number {
    const words = this.#eventWords;
    return joinWords(words[at >> 2]!, words[(at >> 2) + 1]!);
  }

  #advanceConnection(): void {
    // The upper half of the numbers belongs to accepted connections.
    this.#nextConnection = this.#nextConnection === 0x7fff_ffff ? 1 : this.#nextConnection + 1;
  }

  /** Keep the program alive, or let it end, as there is something to wait for. */
  updateReference(): void {
    const held = this.#owner.referenced && this.#connections.size + this.#listeners.size > 0;
    if (held === this.#held) return;
    this.#held = held;
    this.#addon.setReferenced(this.driver, held);
  }
}

const utf8 = new TextDecoder();
/** `CloseCause` of `native/src/close.rs`, by number. */
const CLOSE_CAUSES: readonly TransportClose["by"][] = ["local", "remote", "timeout", "handshake", "reset"];
/** Holds a batch of the addon (256 KiB) and the largest record that may overflow it. */
const EVENT_BUFFER_BYTES = 512 << 10;
/** Buffers drained before other sources of events have their turn. */
const MAX_ROUNDS = 32;
