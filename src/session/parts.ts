/**
 * The parts of a session, each made when it is first needed: ten thousand sessions that do nothing have hardly any.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { ConnectionCode, type Disposition, type EchoStreamError } from "../protocol/error.ts";
import { CallDiagnostics } from "../rpc/call_diagnostics.ts";
import { CallSlots } from "../rpc/call_slots.ts";
import { EventReceiver } from "../rpc/event_receiver.ts";
import type { EventReportSink } from "../rpc/event_reports.ts";
import { EventSender } from "../rpc/event_sender.ts";
import type { Limits, PeerLimits } from "../rpc/limits.ts";
import { Requester } from "../rpc/requester.ts";
import { Responder, type ResponderOptions } from "../rpc/responder.ts";
import type { Router } from "../rpc/router.ts";
import { StreamRequester } from "../rpc/stream_requester.ts";
import { StreamResponder } from "../rpc/stream_responder.ts";
import { VolatileSender } from "../rpc/volatile_sender.ts";
import { IncomingStreams } from "../stream/incoming_streams.ts";
import { OutgoingStreams } from "../stream/outgoing_streams.ts";
import type { Logger } from "../trace.ts";
import { ClockProbing } from "./clock_probing.ts";
import type { CarriedOver, EngineOptions } from "./engine_options.ts";

/** Whom the parts tell. */
export interface PartsOwner extends EventReportSink {
  /** More events wait for a connection than may. */
  onEventOverflow(): void;
}

/** What the counters of a session are read from: parts that nobody has needed count nothing. */
export interface MadeParts<C> {
  readonly requester: Requester | undefined;
  readonly streamRequester: StreamRequester | undefined;
  readonly slots: CallSlots;
  readonly eventSender: EventSender | undefined;
  readonly volatileSender: VolatileSender | undefined;
  readonly eventReceiver: EventReceiver<C> | undefined;
  readonly outgoingStreams: OutgoingStreams | undefined;
  readonly incomingStreams: IncomingStreams<C> | undefined;
}

/** The parts of one session on one connection. What befalls all of them befalls those that are made later as well. */
export class Parts<C extends { readonly id: string }> implements ResponderOptions<C> {
  readonly context: C;
  /** What the peer accepts, kept up to date by its SETTINGS. */
  readonly peer: PeerLimits;
  readonly slots: CallSlots;
  readonly clockProbing: ClockProbing;
  readonly #connection: Connection;
  readonly #options: EngineOptions<C>;
  readonly #owner: PartsOwner;
  #diagnostics: CallDiagnostics | undefined;
  #requester: Requester | undefined;
  #responder: Responder<C> | undefined;
  #streamRequester: StreamRequester | undefined;
  #streamResponder: StreamResponder<C> | undefined;
  #eventSender: EventSender | undefined;
  #volatileSender: VolatileSender | undefined;
  #eventReceiver: EventReceiver<C> | undefined;
  #outgoingStreams: OutgoingStreams | undefined;
  #incomingStreams: IncomingStreams<C> | undefined;
  #isOpen = false;
  #keepsEvents = true;
  #refusal: (() => EchoStreamError | undefined) | undefined;
  #onIdle: (() => void) | undefined;
  #end: { readonly cause: EchoStreamError; readonly disposition: Disposition } | undefined;

  constructor(
    connection: Connection,
    context: C,
    peer: PeerLimits,
    options: EngineOptions<C>,
    owner: PartsOwner,
    carried?: CarriedOver<C>,
  ) {
    this.#connection = connection;
    this.context = context;
    this.peer = peer;
    this.#options = options;
    this.#owner = owner;
    this.slots = new CallSlots(connection, options.admission, options.limits.maxRunningCalls, options.log);
    this.clockProbing = new ClockProbing(connection, this);
    if (carried === undefined) return;
    this.#eventSender = carried.eventSender;
    this.#eventSender.onOverflow = () => owner.onEventOverflow();
    this.#eventReceiver = carried.eventReceiver;
    this.#eventReceiver.reportTo(owner, this.#onTooSlow());
  }

  get router(): Router<C> {
    return this.#options.router;
  }

  get limits(): Limits {
    return this.#options.limits;
  }

  get log(): Logger {
    return this.#options.log;
  }

  get diagnostics(): CallDiagnostics {
    return this.#diagnostics ??= new CallDiagnostics(this.context.id, this.#connection.clock);
  }

  get requester(): Requester {
    return this.#requester ??= this.#asks(new Requester(this.#connection, this.peer, this.diagnostics));
  }

  get streamRequester(): StreamRequester {
    return this.#streamRequester ??= this.#asks(
      new StreamRequester(this.#connection, this.peer, this.limits, this.diagnostics),
    );
  }

  get responder(): Responder<C> {
    return this.#responder ??= new Responder(this.#connection, this);
  }

  get streamResponder(): StreamResponder<C> {
    return this.#streamResponder ??= new StreamResponder(this.#connection, this);
  }

  get eventSender(): EventSender {
    return this.#eventSender ??= this.#makeEventSender();
  }

  get volatileSender(): VolatileSender {
    return this.#volatileSender ??= new VolatileSender(this.#connection);
  }

  get eventReceiver(): EventReceiver<C> {
    return this.#eventReceiver ??= this.#makeEventReceiver();
  }

  get outgoingStreams(): OutgoingStreams {
    return this.#outgoingStreams ??= this.#makeOutgoingStreams();
  }

  get incomingStreams(): IncomingStreams<C> {
    return this.#incomingStreams ??= this.#makeIncomingStreams();
  }

  /** Those there are so far. */
  get made(): MadeParts<C> {
    return {
      requester: this.#requester,
      streamRequester: this.#streamRequester,
      slots: this.slots,
      eventSender: this.#eventSender,
      volatileSender: this.#volatileSender,
      eventReceiver: this.#eventReceiver,
      outgoingStreams: this.#outgoingStreams,
      incomingStreams: this.#incomingStreams,
    };
  }

  /** Whether media streams are open, of either direction. */
  get mediaFlows(): boolean {
    return (this.#outgoingStreams?.live ?? 0) + (this.#incomingStreams?.live ?? 0) > 0;
  }

  /** Requests and streaming calls of this end that have not ended. */
  get pendingCalls(): number {
    return (this.#requester?.pending ?? 0) + (this.#streamRequester?.pending ?? 0);
  }

  /** Let the peer's events and streams in, those that waited first. */
  open(): void {
    this.#isOpen = true;
    this.#eventReceiver?.open();
    this.#incomingStreams?.open();
  }

  /** Let the peer's events and streams wait again; those that are read end with `error`. */
  shut(error: EchoStreamError): void {
    this.#isOpen = false;
    this.#eventReceiver?.shut();
    this.#incomingStreams?.shut(error);
  }

  /** Keep no events for another connection: there will be none. */
  keepNoEvents(): void {
    this.#keepsEvents = false;
    this.#eventSender?.keepNothing();
  }

  /** Refuse calls of this end for which `refusal` gives a reason. Only the first call counts. */
  refuseCalls(refusal: () => EchoStreamError | undefined): void {
    this.#refusal ??= refusal;
    this.#requester?.refuse(refusal);
    this.#streamRequester?.refuse(refusal);
  }

  /** Call `onIdle` whenever something that was outstanding may have been the last. */
  watch(onIdle: () => void): void {
    this.#onIdle = onIdle;
    this.slots.onIdle = onIdle;
    if (this.#requester !== undefined) this.#requester.onIdle = onIdle;
    if (this.#streamRequester !== undefined) this.#streamRequester.onIdle = onIdle;
    if (this.#eventSender !== undefined) this.#eventSender.onIdle = onIdle;
    if (this.#outgoingStreams !== undefined) this.#outgoingStreams.onSettled = onIdle;
    if (this.#incomingStreams !== undefined) this.#incomingStreams.onSettled = onIdle;
  }

  /** The connection is gone: what was under way here ends with `disposition`. Events may outlive it. */
  end(cause: EchoStreamError, disposition: Disposition): void {
    this.#end = { cause, disposition };
    this.#requester?.end(cause, disposition);
    this.#streamRequester?.end(cause, disposition);
    this.#responder?.end(cause);
    this.#streamResponder?.end(cause);
    this.#outgoingStreams?.end(cause);
    this.#incomingStreams?.end(cause);
    this.clockProbing.end(cause);
  }

  /** What makes calls, told what the others were told. */
  #asks<Asking extends Requester | StreamRequester>(asking: Asking): Asking {
    asking.onIdle = this.#onIdle;
    if (this.#refusal !== undefined) asking.refuse(this.#refusal);
    if (this.#end !== undefined) asking.end(this.#end.cause, this.#end.disposition);
    return asking;
  }

  #makeEventSender(): EventSender {
    const { limits, log, replay } = this.#options;
    const sender = new EventSender(this.#connection, {
      peer: this.peer,
      maxUnackedEvents: limits.maxUnackedEvents,
      maxWaitingEventBytes: limits.maxWaitingEventBytes,
      log,
      replay: this.#keepsEvents ? replay : undefined,
    });
    sender.onIdle = this.#onIdle;
    sender.onOverflow = () => this.#owner.onEventOverflow();
    return sender;
  }

  #makeEventReceiver(): EventReceiver<C> {
    const { listeners, limits, log } = this.#options;
    const receiver = new EventReceiver<C>({
      context: this.context,
      listeners,
      limits,
      timers: this.#connection.timers,
      reports: this.#owner,
      log,
      onTooSlow: this.#onTooSlow(),
    });
    if (this.#isOpen) receiver.open();
    return receiver;
  }

  #onTooSlow(): (reason: string) => void {
    const connection = this.#connection;
    return (reason) => void connection.close(ConnectionCode.TOO_SLOW, reason);
  }

  #makeOutgoingStreams(): OutgoingStreams {
    const streams = new OutgoingStreams(this.#connection, this.peer);
    streams.onSettled = this.#onIdle;
    return streams;
  }

  #makeIncomingStreams(): IncomingStreams<C> {
    const { streams: handlers, limits, log } = this.#options;
    const streams = new IncomingStreams<C>(this.#connection, {
      context: this.context,
      handlers,
      limits,
      log,
      peerClock: () => this.clockProbing.clock,
      onTransit: (departureUs, arrivalUs) => this.clockProbing.onTransit(departureUs, arrivalUs),
    });
    streams.onSettled = this.#onIdle;
    if (this.#isOpen) streams.open();
    return streams;
  }
}
