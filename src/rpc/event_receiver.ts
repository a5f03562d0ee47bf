/**
 * The receiving half of ordered events: cuts the stream into events, has them dispatched, acknowledges what was taken, and lets only
 * as much come as may be held (docs/protocol.md, "Events").
 *
 * @module
 */

import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import { EchoStreamError, protocolViolation } from "../protocol/error.ts";
import { decodeEventDatagram } from "../protocol/event_datagram.ts";
import { decodeEvent } from "../protocol/event_frame.ts";
import { type Frame, FrameType, misplacedFrame } from "../protocol/frame.ts";
import { FrameDecoder } from "../protocol/frame_decoder.ts";
import type { TimerQueue } from "../timer_queue.ts";
import type { Logger } from "../trace.ts";
import { EventDispatcher } from "./event_dispatcher.ts";
import { EventReports, type EventReportSink } from "./event_reports.ts";
import type { Limits } from "./limits.ts";
import type { Listeners } from "./listeners.ts";

/** What an event receiver needs. */
export interface EventReceiverOptions<C> {
  /** What listeners get as their context. */
  readonly context: C;
  readonly listeners: Listeners<C>;
  readonly limits: Limits;
  readonly timers: TimerQueue;
  readonly reports: EventReportSink;
  readonly log: Logger;
  /** A listener asks for the end of the session, for this reason. */
  readonly onTooSlow: (reason: string) => void;
}

/** Receives the events of one session: on one connection, or on one after the other. Shut until {@link open}: until then they wait. */
export class EventReceiver<C> implements ReceiveSink {
  /** Events that arrived. */
  received = 0;
  /** Volatile events that arrived. */
  volatileReceived = 0;
  /** Events of both kinds that nobody listened to. */
  ignored = 0;
  readonly #dispatcher: EventDispatcher<C>;
  readonly #reports: EventReports;
  readonly #maxEventBytes: number;
  readonly #windowBytes: number;
  #decoder: FrameDecoder;
  #onTooSlow: (reason: string) => void;
  // Events whose listeners have not ended, and those after them, in order of their sequence.
  #held: HeldEvent[] = [];
  #heldBytes = 0;
  #stream: ReceiveStream | undefined;

  constructor(options: EventReceiverOptions<C>) {
    const { context, listeners, limits, timers, reports, log, onTooSlow } = options;
    this.#reports = new EventReports(reports, timers);
    this.#maxEventBytes = limits.maxMessageBytes;
    this.#decoder = new FrameDecoder(this.#maxEventBytes);
    this.#onTooSlow = onTooSlow;
    this.#windowBytes = limits.maxHeldEventBytes;
    this.#dispatcher = new EventDispatcher({
      context,
      listeners,
      log,
      maxQueuedBytes: limits.maxHeldEventBytes,
      onUnheard: (event, volatile) => {
        this.ignored++;
        if (!volatile) this.#reports.unheard(event.name, event.sequence);
      },
      onTooSlow: (reason) => this.#onTooSlow(reason),
    });
  }

  /** Whether every event that arrived was taken. */
  get idle(): boolean {
    return this.#held.length === 0;
  }

  /** Events of both kinds that a listener had no room for. */
  get dropped(): number {
    return this.#dispatcher.dropped;
  }

  /** Let events through, those that waited first. */
  open(): void {
    this.#dispatcher.open();
  }

  /** Let events wait until they are let through again; volatile ones are lost. */
  shut(): void {
    this.#dispatcher.shut();
  }

  /** The peer has opened its event stream. @throws {EchoStreamError} PROTOCOL_VIOLATION when it has one already. */
  attach(stream: ReceiveStream): void {
    if (this.#stream !== undefined) throw protocolViolation("A second event stream");
    this.#stream = stream;
  }

  onData(bytes: Uint8Array, finished: boolean): void {
    this.#decoder.push(bytes);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) this.#take(frame);
    if (!finished) return this.#grant();
    if (!this.#decoder.isBetweenFrames) throw protocolViolation("The event stream ended inside an event");
    this.#stream = undefined;
  }

  onReset(): void {
    throw protocolViolation("The event stream was reset");
  }

  /** A volatile event arrives. */
  onDatagram(bytes: Uint8Array): void {
    const event = decodeEventDatagram(bytes);
    if (event === undefined) return;
    this.volatileReceived++;
    this.#dispatcher.dispatchVolatile(event);
  }

  /** Tell the peer at once what was taken. */
  flush(): void {
    this.#reports.flush();
  }

  /** The connection is gone, another may follow. What arrived is still taken; an event that arrived in part comes again. */
  detach(): void {
    this.#reports.end();
    this.#stream = undefined;
    this.#decoder = new FrameDecoder(this.#maxEventBytes);
  }

  /** Go on with another connection, whose peer knows which event was seen last. */
  reportTo(reports: EventReportSink, onTooSlow: (reason: string) => void): void {
    this.#reports.sink = reports;
    this.#onTooSlow = onTooSlow;
  }

  /** The session is over. */
  end(): void {
    this.#reports.end();
  }

  #next(): Frame | undefined {
    try {
      return this.#decoder.next();
    } catch (error) {
      if (!(error instanceof EchoStreamError) || error.code !== "RESOURCE_EXHAUSTED") throw error;
      // An event cannot be refused as a call can: those after it would be out of order.
      throw new EchoStreamError("LIMIT_EXCEEDED", error.message);
    }
  }

  #take(frame: Frame): void {
    if (frame.type !== FrameType.EVENT) misplacedFrame(frame, "on an event stream");
    const event = decodeEvent(frame.bytes, frame.start, frame.end);
    if (event.sequence !== this.received + 1) {
      throw protocolViolation(`Event ${event.sequence} follows event ${this.received}`);
    }
    this.received++;
    const later = this.#dispatcher.dispatch(event, frame.owned);
    if (later === undefined && this.#held.length === 0) return this.#reports.taken(event.sequence);
    const held: HeldEvent = {
      sequence: event.sequence,
      costBytes: frame.end - frame.start + HELD_OVERHEAD_BYTES,
      taken: later === undefined,
    };
    this.#held.push(held);
    this.#heldBytes += held.costBytes;
    void later?.then(() => this.#onTaken(held));
  }

  #onTaken(event: HeldEvent): void {
    event.taken = true;
    let count = 0;
    while (this.#held[count]?.taken) this.#heldBytes -= this.#held[count++]!.costBytes;
    if (count === 0) return;
    const last = this.#held[count - 1]!;
    // Cut in one go: acknowledgement is in order, so many may be done at once.
    this.#held.splice(0, count);
    this.#reports.taken(last.sequence);
    this.#grant();
  }

  /** Let more come when a good part of the window is free, so that small events do not cost a grant each. */
  #grant(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const missingBytes = this.#windowBytes - this.#heldBytes - stream.creditBytes;
    if (missingBytes >= this.#windowBytes / 4) stream.grant(missingBytes);
    // An event larger than the window can only arrive while nothing else is held.
    if (this.#held.length === 0) stream.cover(this.#decoder.missing);
  }
}

interface HeldEvent {
  readonly sequence: number;
  readonly costBytes: number;
  taken: boolean;
}

/** What a waiting event costs beside its bytes, roughly: its objects and promises. */
const HELD_OVERHEAD_BYTES = 256;
