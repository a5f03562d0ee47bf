/**
 * The sending half of ordered events: one stream, numbered from 1, with back-pressure from the stream and from what the peer has
 * not acknowledged (docs/protocol.md, "Events").
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { quietRejection, SendLine } from "../connection/send_line.ts";
import type { SendStream } from "../connection/send_stream.ts";
import type { Encoding } from "../protocol/encoding.ts";
import { EchoStreamError, ErrorCode, protocolViolation } from "../protocol/error.ts";
import { encodeEvent } from "../protocol/event_frame.ts";
import type { EventUnheardMessage } from "../protocol/message.ts";
import { encodeStreamKind, StreamKind } from "../protocol/stream_header.ts";
import { isName } from "../protocol/utf8.ts";
import { Writer } from "../protocol/writer.ts";
import { type Logger, peerText } from "../trace.ts";
import type { PeerLimits } from "./limits.ts";
import { copyBytes, encodeSentPayload, encodingOf } from "./payload.ts";
import { ReplayBuffer, type ReplayLimits } from "./replay_buffer.ts";

/** What an event sender needs besides its connection. */
export interface EventSenderOptions {
  /** What the peer accepts, kept up to date by its SETTINGS. */
  readonly peer: PeerLimits;
  /** Events the peer may leave unacknowledged before `emit` waits. */
  readonly maxUnackedEvents: number;
  /** Bytes of events that may wait for room. */
  readonly maxWaitingEventBytes: number;
  readonly log: Logger;
  /** What is kept for another connection. Default: nothing, the events end with their connection. */
  readonly replay?: ReplayLimits | undefined;
}

/** Sends the events of one session, in order: on one connection, or on one after the other. */
export class EventSender {
  /** Called whenever the last event was acknowledged. */
  onIdle: (() => void) | undefined;
  /** Events the peer reported nobody listens to. */
  unheard = 0;
  /** Called when more would have to be kept than may be while there is no connection. */
  onOverflow: (() => void) | undefined;
  readonly #options: EventSenderOptions;
  readonly #reportedNames = new Set<string>();
  // `undefined` while there is none.
  #connection: Connection | undefined;
  #peer: PeerLimits;
  // Events that may have to be sent again; `undefined` when they need not.
  #kept: ReplayBuffer | undefined;
  #stream: SendStream | undefined;
  #line: SendLine<Event> | undefined;
  #sent = 0;
  // The last one on the current stream: below #sent while older ones are sent again.
  #written = 0;
  #acked = 0;
  #waitingBytes = 0;
  #hasRefused = false;

  constructor(connection: Connection, options: EventSenderOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#peer = options.peer;
    this.#kept = options.replay && new ReplayBuffer(options.replay);
  }

  /** Events handed to the stream. */
  get sent(): number {
    return this.#sent;
  }

  /** Of those, events the peer has not acknowledged. */
  get unacked(): number {
    return this.#sent - this.#acked;
  }

  /** The oldest event another connection could go on with, less 1. */
  get acked(): number {
    return this.#acked;
  }

  /** Whether every event given was acknowledged. */
  get idle(): boolean {
    return this.unacked === 0 && (this.#line === undefined || this.#line.length === 0);
  }

  /** Send one event. Resolves when flow control has accepted it. Never throws, whatever is wrong comes as a rejection. */
  emit(name: string, payload: unknown): Promise<void> {
    try {
      const event = this.#event(name, payload, false);
      const connection = this.#connection;
      if (connection === undefined) return this.#keep(event);
      const line = this.#line ??= this.#open(connection);
      if (line.free) return line.submit(event);
      // One that has to wait may not depend on the codec's slab or the caller's buffer.
      return this.#submitLater(line, owned(event)) ?? this.#refuse(name);
    } catch (error) {
      return error instanceof EchoStreamError && error.code === "UNAVAILABLE"
        ? quietRejection(error)
        : Promise.reject(error);
    }
  }

  /**
   * Send an event that nobody waits for, whose payload stays as it is.
   * @returns False when too much waits already; the event is lost then.
   * @throws {EchoStreamError} as {@link emit} rejects.
   */
  push(name: string, payload: unknown): boolean {
    const event = this.#event(name, payload, true);
    const connection = this.#connection;
    if (connection === undefined) {
      void this.#keep(event);
      return true;
    }
    const line = this.#line ??= this.#open(connection);
    if (!line.free) return this.#submitLater(line, event) !== undefined;
    void line.submit(event);
    return true;
  }

  /** The peer has taken every event up to `sequence`. */
  onAck(sequence: number): void {
    if (sequence > this.#written) throw protocolViolation(`Event ${sequence} was acknowledged and never sent`);
    if (sequence <= this.#acked) return;
    this.#acked = sequence;
    this.#kept?.release(sequence);
    this.#line?.resume();
    if (this.onIdle !== undefined && this.idle) this.onIdle();
  }

  /** Nobody listens at the peer. */
  onUnheard(report: EventUnheardMessage): void {
    this.unheard += Math.min(report.count, this.#sent - this.unheard);
    const name = peerText(report.name);
    if (this.#reportedNames.has(name) || this.#reportedNames.size >= MAX_REPORTED_NAMES) return;
    this.#reportedNames.add(name);
    const message = `Nobody at the peer listens to event "${name}"`;
    this.#options.log({ level: "warn", category: "events", message, fields: { event: name } });
  }

  /** Keep nothing for another connection: there will be none. */
  keepNothing(): void {
    this.#kept = undefined;
  }

  /** The connection is gone, another may follow: what waits is kept for it, and so are events sent from now on. */
  detach(): void {
    this.#connection = undefined;
    const waiting = this.#line?.takeWaiting() ?? [];
    this.#line = undefined;
    this.#stream = undefined;
    this.onIdle = undefined;
    // Those with a sequence are kept already.
    for (const event of waiting) if (event.sequence === 0) void this.#keep(event);
  }

  /** Go on with another connection, behind the event its peer has seen last. */
  attach(connection: Connection, peer: PeerLimits, seen: number): void {
    this.#connection = connection;
    this.#peer = peer;
    this.#acked = Math.max(this.#acked, seen);
    this.#kept?.release(seen);
    this.#written = seen;
    const again = this.#kept?.events() ?? [];
    if (again.length === 0) return;
    const line = this.#line = this.#open(connection);
    for (const event of again) void line.submit({ ...event, isOwned: true });
  }

  /** The session is over. */
  end(cause: EchoStreamError): void {
    this.#kept = undefined;
    this.#line?.fail(cause);
  }

  #event(name: string, payload: unknown, isOwned: boolean): Event {
    if (typeof name !== "string" || !isName(name)) {
      throw new EchoStreamError(
        ErrorCode.INVALID_ARGUMENT,
        `Event ${JSON.stringify(name)} is no valid name (1 to 128 bytes)`,
      );
    }
    const bytes = encodeSentPayload(payload);
    const limitBytes = this.#peer.maxMessageBytes;
    if (bytes.length + EVENT_OVERHEAD_BYTES > limitBytes) {
      const message = `Event "${name}" of ${bytes.length} bytes is larger than the ${limitBytes} bytes the peer takes`;
      throw new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message);
    }
    return { sequence: 0, name, encoding: encodingOf(payload), payload: bytes, isOwned };
  }

  /** Put an event behind those that wait for room; `undefined` when it would be too much, though one always fits. */
  #submitLater(line: SendLine<Event>, event: Event): Promise<void> | undefined {
    const costBytes = event.payload.length + WAITING_OVERHEAD_BYTES;
    const waitingBytes = this.#waitingBytes + costBytes;
    if (this.#waitingBytes > 0 && waitingBytes > this.#options.maxWaitingEventBytes) return undefined;
    this.#waitingBytes = waitingBytes;
    const left = (): void => void (this.#waitingBytes -= costBytes);
    const sent = line.submit(event);
    void sent.then(left, left);
    return sent;
  }

  /** Said once in the log as well: whoever sends without waiting does not look at what becomes of it. */
  #refuse(name: string): Promise<void> {
    const limitBytes = this.#options.maxWaitingEventBytes;
    const message = `Event "${name}" is lost: more than ${limitBytes} bytes of events wait for the peer; await emit()`;
    if (!this.#hasRefused) this.#options.log({ level: "warn", category: "events", message, fields: { event: name } });
    this.#hasRefused = true;
    return quietRejection(new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message));
  }

  /** Without a connection an event is as good as sent, as long as it can be kept. */
  #keep(event: Event): Promise<void> {
    const kept = this.#kept;
    if (kept === undefined || !kept.hasRoom) {
      this.onOverflow?.();
      return quietRejection(new EchoStreamError(ErrorCode.UNAVAILABLE, "Too many events wait for a connection"));
    }
    kept.add({ ...owned(event), sequence: ++this.#sent });
    return KEPT;
  }

  #open(connection: Connection): SendLine<Event> {
    const stream = connection.openUnidirectional(connection.outbound);
    this.#stream = stream;
    encodeStreamKind(writer.reset(), StreamKind.EVENTS);
    stream.write(writer.view());
    return new SendLine(stream, this.#write, { mayWrite: () => this.#mayWrite() });
  }

  #mayWrite(): boolean {
    // What is sent again was within the limits when it was sent first.
    if ((this.#line?.first?.sequence ?? 0) > 0) return true;
    return this.unacked < this.#options.maxUnackedEvents && (this.#kept?.hasRoom ?? true);
  }

  readonly #write = (event: Event): void => {
    const { name, encoding, payload } = event;
    const isNew = event.sequence === 0;
    const sequence = isNew ? this.#sent + 1 : event.sequence;
    encodeEvent(writer.reset(), { sequence, name, encoding, payload });
    this.#stream!.write(writer.view());
    this.#written = sequence;
    if (!isNew) return;
    this.#sent = sequence;
    this.#kept?.add({ ...owned(event), sequence });
  };
}

interface Event {
  /** 0 until it is sent for the first time. */
  readonly sequence: number;
  readonly name: string;
  readonly encoding: Encoding;
  readonly payload: Uint8Array;
  /** Whether the payload stays as it is. */
  readonly isOwned: boolean;
}

function owned(event: Event): Event {
  return event.isOwned ? event : { ...event, payload: copyBytes(event.payload), isOwned: true };
}

const KEPT: Promise<void> = Promise.resolve();

/** Body of an EVENT frame beside its payload at most: two varints, a name with its length. */
const EVENT_OVERHEAD_BYTES = 8 + 2 + 128 + 1;
/** What an event that waits occupies beside its payload, which it shares with others. */
const WAITING_OVERHEAD_BYTES = 256;
/** Names a peer can make us log once each. */
const MAX_REPORTED_NAMES = 256;
const writer = new Writer();
