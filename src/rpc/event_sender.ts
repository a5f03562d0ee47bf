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

/** What an event sender needs besides its connection. */
export interface EventSenderOptions {
  /** What the peer accepts, kept up to date by its SETTINGS. */
  readonly peer: PeerLimits;
  /** Events the peer may leave unacknowledged before `emit` waits. */
  readonly maxUnackedEvents: number;
  /** Bytes of broadcasts that may wait for room. */
  readonly maxWaitingEventBytes: number;
  readonly log: Logger;
}

/** Sends the events of one connection, in order. */
export class EventSender {
  /** Called whenever the last event was acknowledged. */
  onIdle: (() => void) | undefined;
  /** Events the peer reported nobody listens to. */
  unheard = 0;
  readonly #connection: Connection;
  readonly #options: EventSenderOptions;
  readonly #reportedNames = new Set<string>();
  #stream: SendStream | undefined;
  #line: SendLine<Event> | undefined;
  #sent = 0;
  #acked = 0;
  #waitingBytes = 0;

  constructor(connection: Connection, options: EventSenderOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Events handed to the stream. */
  get sent(): number {
    return this.#sent;
  }

  /** Of those, events the peer has not acknowledged. */
  get unacked(): number {
    return this.#sent - this.#acked;
  }

  /** Whether every event given was acknowledged. */
  get idle(): boolean {
    return this.unacked === 0 && (this.#line === undefined || this.#line.length === 0);
  }

  /** Send one event. Resolves when flow control has accepted it. Never throws, whatever is wrong comes as a rejection. */
  emit(name: string, payload: unknown): Promise<void> {
    try {
      const event = this.#event(name, payload);
      const line = this.#line ??= this.#open();
      // One that has to wait may not depend on the codec's slab or the caller's buffer.
      return line.submit(line.free ? event : { ...event, payload: copyBytes(event.payload) });
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
    const event = this.#event(name, payload);
    const line = this.#line ??= this.#open();
    const costBytes = event.payload.length + WAITING_OVERHEAD_BYTES;
    if (!line.free) {
      if (this.#waitingBytes + costBytes > this.#options.maxWaitingEventBytes) return false;
      this.#waitingBytes += costBytes;
      const left = (): void => void (this.#waitingBytes -= costBytes);
      void line.submit(event).then(left, left);
    } else void line.submit(event);
    return true;
  }

  /** The peer has taken every event up to `sequence`. */
  onAck(sequence: number): void {
    if (sequence > this.#sent) throw protocolViolation(`Event ${sequence} was acknowledged and never sent`);
    if (sequence <= this.#acked) return;
    this.#acked = sequence;
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

  /** The connection is gone. */
  end(cause: EchoStreamError): void {
    this.#line?.fail(cause);
  }

  #event(name: string, payload: unknown): Event {
    if (typeof name !== "string" || !isName(name)) {
      throw new EchoStreamError(
        ErrorCode.INVALID_ARGUMENT,
        `Event ${JSON.stringify(name)} is no valid name (1 to 128 bytes)`,
      );
    }
    const bytes = encodeSentPayload(payload);
    const limitBytes = this.#options.peer.maxMessageBytes;
    if (bytes.length + EVENT_OVERHEAD_BYTES > limitBytes) {
      const message = `Event "${name}" of ${bytes.length} bytes is larger than the ${limitBytes} bytes the peer takes`;
      throw new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message);
    }
    return { name, encoding: encodingOf(payload), payload: bytes };
  }

  #open(): SendLine<Event> {
    const stream = this.#connection.openUnidirectional(this.#connection.outbound);
    this.#stream = stream;
    encodeStreamKind(writer.reset(), StreamKind.EVENTS);
    stream.write(writer.view());
    return new SendLine(stream, this.#write, { mayWrite: () => this.unacked < this.#options.maxUnackedEvents });
  }

  readonly #write = (event: Event): void => {
    const sequence = this.#sent + 1;
    const { name, encoding, payload } = event;
    encodeEvent(writer.reset(), { sequence, name, encoding, payload });
    this.#stream!.write(writer.view());
    this.#sent = sequence;
  };
}

interface Event {
  readonly name: string;
  readonly encoding: Encoding;
  readonly payload: Uint8Array;
}

/** Body of an EVENT frame beside its payload at most: two varints, a name with its length. */
const EVENT_OVERHEAD_BYTES = 8 + 2 + 128 + 1;
/** What an event that waits occupies beside its payload, which it shares with others. */
const WAITING_OVERHEAD_BYTES = 256;
/** Names a peer can make us log once each. */
const MAX_REPORTED_NAMES = 256;
const writer = new Writer();
