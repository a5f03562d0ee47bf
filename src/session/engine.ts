/**
 * What runs a session: takes what arrives on its connection to the part it belongs to, and brings all parts to an end together.
 * The same for servers and clients.
 *
 * @module
 */

import type { CloseReason } from "../connection/close_reason.ts";
import type { Connection, ConnectionHandler } from "../connection/connection.ts";
import type { ReceiveStream } from "../connection/receive_stream.ts";
import { quietRejection } from "../connection/send_line.ts";
import type { SendStream } from "../connection/send_stream.ts";
import type { Goaway, Resumed } from "../protocol/control_frames.ts";
import { ConnectionCode, EchoStreamError, ErrorCode, protocolViolation } from "../protocol/error.ts";
import { EVENT_DATAGRAM_KIND } from "../protocol/event_datagram.ts";
import { MediaDatagramKind } from "../protocol/media_fragment.ts";
import {
  decodeMessage,
  decodeMessageHead,
  encodeEventUnheard,
  MESSAGE_HEAD_BYTES,
  MessageType,
} from "../protocol/message.ts";
import { FLOOR_SETTINGS, type Settings } from "../protocol/settings.ts";
import { TimeDatagramKind } from "../protocol/time_sync.ts";
import { Writer } from "../protocol/writer.ts";
import { CallDiagnostics } from "../rpc/call_diagnostics.ts";
import { CallSlots } from "../rpc/call_slots.ts";
import { EventReceiver } from "../rpc/event_receiver.ts";
import type { EventReportSink } from "../rpc/event_reports.ts";
import { EventSender } from "../rpc/event_sender.ts";
import type { EncodedValue } from "../rpc/payload.ts";
import { VolatileSender } from "../rpc/volatile_sender.ts";
import type { Limits, PeerLimits } from "../rpc/limits.ts";
import { Requester } from "../rpc/requester.ts";
import { Responder } from "../rpc/responder.ts";
import { StreamRequester } from "../rpc/stream_requester.ts";
import { StreamResponder } from "../rpc/stream_responder.ts";
import { IncomingStreams } from "../stream/incoming_streams.ts";
import { FIRST_REPORT_ID, OutgoingStreams } from "../stream/outgoing_streams.ts";
import type { MediaSender } from "../stream/media_sender.ts";
import type { StreamOptions } from "../stream/stream_options.ts";
import { Deadline } from "../timer_queue.ts";
import { type Logger, peerText } from "../trace.ts";
import { ClockProbing } from "./clock_probing.ts";
import { ControlReceiver, type ControlSink } from "./control_receiver.ts";
import { ControlSender } from "./control_sender.ts";
import {
  announced,
  type CarriedOver,
  type ClosePlan,
  type ControlStreams,
  type EngineOptions,
} from "./engine_options.ts";
import { earlyOwners, routeStream, type StreamOwners } from "./peer_streams.ts";

/** Runs one session. */
export class Engine<C extends { readonly id: string }> extends Deadline
  implements ConnectionHandler, ControlSink, EventReportSink {
  readonly slots: CallSlots;
  readonly requester: Requester;
  readonly responder: Responder<C>;
  readonly streamRequester: StreamRequester;
  readonly streamResponder: StreamResponder<C>;
  readonly eventSender: EventSender;
  readonly volatileSender: VolatileSender;
  readonly eventReceiver: EventReceiver<C>;
  readonly outgoingStreams: OutgoingStreams;
  readonly incomingStreams: IncomingStreams<C>;
  readonly clockProbing: ClockProbing;
  /** Called once when the session has ended. */
  onEnded: ((reason: CloseReason) => void) | undefined;
  /** Called with what the peer says about itself, before anything else. */
  onPeerSettings: ((settings: Settings) => void) | undefined;
  /** Called when the peer answers, or confirms, that a session is resumed. */
  onResume: ((resumed: Resumed) => void) | undefined;
  /** Called when the peer says that it goes away, not only from this session. */
  onGoingAway: (() => void) | undefined;
  readonly #connection: Connection;
  readonly #limits: Limits;
  readonly #log: Logger;
  readonly #peer: PeerLimits;
  readonly #control: ControlSender;
  readonly #controlReceiver: ControlReceiver;
  readonly #owners: StreamOwners;
  #closing: ClosePlan | undefined;
  // Who has said that it drains, and who that nothing of it is outstanding.
  #peerDrains = false;
  #peerAwaitsStreams = false;
  #peerIsDone = false;
  #isDone = false;

  /** Becomes the handler of `connection`. Unless a session goes on, which has said so already, it announces itself on a control stream. */
  constructor(connection: Connection, context: C, options: EngineOptions<C>, carried?: CarriedOver<C>) {
    super();
    const { limits, log, router, admission, listeners } = options;
    const peer = carried?.control.peer ?? { ...FLOOR_SETTINGS };
    this.#peer = peer;
    this.#connection = connection;
    this.#limits = limits;
    this.#log = log;
    this.slots = new CallSlots(connection, admission, limits.maxRunningCalls, log);
    const diagnostics = new CallDiagnostics(context.id, connection.clock);
    this.requester = new Requester(connection, peer, diagnostics);
    this.streamRequester = new StreamRequester(connection, peer, limits, diagnostics);
    const answering = { context, router, limits, slots: this.slots, peer, log, diagnostics };
    this.responder = new Responder(connection, answering);
    this.streamResponder = new StreamResponder(connection, answering);
    this.eventSender = carried?.eventSender ?? new EventSender(connection, {
      peer,
      maxUnackedEvents: limits.maxUnackedEvents,
      maxWaitingEventBytes: limits.maxWaitingEventBytes,
      log,
      replay: options.replay,
    });
    this.volatileSender = new VolatileSender(connection);
    const onTooSlow = (reason: string): void => void connection.close(ConnectionCode.TOO_SLOW, reason);
    this.eventReceiver = carried?.eventReceiver ?? new EventReceiver({
      context,
      listeners,
      limits,
      timers: connection.timers,
      reports: this,
      log,
      onTooSlow,
    });
    this.outgoingStreams = new OutgoingStreams(connection, peer);
    this.incomingStreams = new IncomingStreams(connection, {
      context,
      handlers: options.streams,
      limits,
      log,
      peerClock: () => this.clockProbing.clock,
      onTransit: (departureUs, arrivalUs) => this.clockProbing.onTransit(departureUs, arrivalUs),
    });
    this.clockProbing = new ClockProbing(
      connection,
      () => this.outgoingStreams.live + this.incomingStreams.live > 0,
    );
    this.#controlReceiver = carried?.control.receiver ?? new ControlReceiver(this);
    this.#owners = {
      call: (stream) => this.streamResponder.onStream(stream),
      control: (stream) => (this.#controlReceiver.attach(stream), this.#controlReceiver),
      events: (stream) => (this.eventReceiver.attach(stream), this.eventReceiver),
      media: (stream) => (this.clockProbing.mediaBegins(), this.incomingStreams.accept(stream)),
      mediaUnit: (stream) => this.incomingStreams.acceptUnit(stream),
    };
    connection.handler = this;
    this.#control = carried?.control.sender ?? new ControlSender(connection, announced(limits, options.announce));
    if (carried === undefined) return;
    this.#controlReceiver.sink = this;
    this.eventReceiver.reportTo(this, onTooSlow);
    this.eventSender.attach(connection, peer, carried.seenByPeer);
  }

  /**
   * Let another engine take over the connection, on which nothing but control frames has come so far.
   * @throws {EchoStreamError} PROTOCOL_VIOLATION when more has come.
   */
  handOver(): ControlStreams {
    if (this.slots.received > 0 || this.eventReceiver.received > 0 || this.incomingStreams.received > 0) {
      throw protocolViolation("A client that resumes a session began something before that was answered");
    }
    this.onEnded = undefined;
    this.clockProbing.end(closingError("Another session goes on with this connection"));
    return { sender: this.#control, receiver: this.#controlReceiver, peer: this.#peer };
  }

  /** Answer or confirm that a session is resumed. */
  sendResumed(resumed: Resumed): void {
    this.#control.sendResumed(resumed);
  }

  /** Let the peer's calls, events and streams in, those that waited first. */
  open(): void {
    this.slots.open();
    this.eventReceiver.open();
    this.incomingStreams.open();
  }

  /** Send an event; see `Session.emit`. */
  emit(name: string, payload: unknown, volatile: boolean): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return quietRejection(refusal);
    if (!volatile) return this.eventSender.emit(name, payload);
    try {
      this.volatileSender.send(name, payload);
      return SENT;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Send an event on behalf of many; nobody waits for it, or is told of a failure. */
  emitEncoded(name: string, payload: Uint8Array | EncodedValue, volatile: boolean): void {
    if (this.#refusal() !== undefined) return;
    try {
      if (volatile) this.volatileSender.send(name, payload);
      else if (!this.eventSender.push(name, payload)) {
        void this.#connection.close(ConnectionCode.TOO_SLOW, "Too many broadcasts wait to be read");
      }
    } catch (error) {
      const message = `Broadcast "${name}" could not be sent to a session`;
      this.#log({ level: "warn", category: "events", message, error });
    }
  }

  /** Open a media stream; see `Session.createStream`. */
  createStream(name: string, options: StreamOptions): Promise<MediaSender> {
    const refusal = this.#refusal() ?? (this.#peerDrains ? closingError("The peer is closing the session") : undefined);
    if (refusal !== undefined) return Promise.reject(refusal);
    this.clockProbing.mediaBegins();
    return this.outgoingStreams.create(name, options);
  }

  /** Close in order; see `Session.close`. */
  close(plan: ClosePlan): Promise<CloseReason> {
    if (plan.graceMs <= 0) return this.#connection.close(plan.code, plan.reason);
    if (this.#closing === undefined) this.#startDrain(plan);
    else if (this.#graceLeftMs() > plan.graceMs) this.#connection.timers.add(this, plan.graceMs);
    return this.#connection.closed;
  }

  /** The grace is over: what is still in flight is cut. */
  override expire(): void {
    this.#connection.close(this.#closing!.code, this.#closing!.reason);
  }

  onMessage(bytes: Uint8Array, start: number, end: number, owned: boolean): void {
    const message = decodeMessage(bytes, start, end, this.#limits);
    switch (message.type) {
      case MessageType.REQUEST:
        return this.responder.onRequest(message, owned);
      case MessageType.ANSWER:
        return this.requester.onAnswer(message);
      case MessageType.FAILURE:
        return this.requester.onFailure(message);
      case MessageType.CANCEL:
        return this.responder.onCancel(message.callId);
      case MessageType.STREAM_STATUS:
        return this.outgoingStreams.onStatus(message);
      case MessageType.EVENT_UNHEARD:
        return this.eventSender.onUnheard(message);
      case MessageType.STREAM_REPORT:
        return this.outgoingStreams.onReport(message);
    }
  }

  onOversizeMessage(bytes: Uint8Array, start: number, end: number, length: number): void {
    const head = decodeMessageHead(bytes.subarray(start, Math.min(end, start + MESSAGE_HEAD_BYTES)));
    if (head?.type === MessageType.REQUEST) this.responder.onOversizeRequest(head.callId, length);
    else if (head !== undefined) this.requester.onOversizeAnswer(head.callId, length);
  }

  onStream(receive: ReceiveStream, send: SendStream | undefined): void {
    routeStream(receive, send, this.#connection.early ? earlyOwners(this.#owners) : this.#owners);
  }

  onDatagram(bytes: Uint8Array, arrivalUs: number): void {
    // The kind; one from a later version is ignored.
    switch (bytes[0]) {
      case TimeDatagramKind.PROBE:
        return this.clockProbing.onProbe(bytes, arrivalUs);
      case TimeDatagramKind.ANSWER:
        return this.clockProbing.onAnswer(bytes, arrivalUs);
      case MediaDatagramKind.FRAGMENT:
      case MediaDatagramKind.PARITY:
        return this.incomingStreams.onDatagram(bytes, arrivalUs);
      case EVENT_DATAGRAM_KIND:
        return this.eventReceiver.onDatagram(bytes);
    }
  }

  onDatagramSent(id: number, departureUs: number): void {
    if (id >= FIRST_REPORT_ID) this.outgoingStreams.onDatagramSent(id, departureUs);
    else this.clockProbing.onDatagramSent(id, departureUs);
  }

  onClosed(reason: CloseReason): void {
    this.#connection.timers.remove(this);
    // Behind REFUSED nothing was let in, so nothing was processed.
    const isRefused = reason.by === "remote" && reason.application && reason.code === ConnectionCode.REFUSED;
    const disposition = isRefused ? "notProcessed" : "perhapsProcessed";
    this.requester.end(reason.error, disposition);
    this.streamRequester.end(reason.error, disposition);
    this.responder.end(reason.error);
    this.streamResponder.end(reason.error);
    this.outgoingStreams.end(reason.error);
    this.incomingStreams.end(reason.error);
    this.clockProbing.end(reason.error);
    this.onEnded?.(reason);
  }

  onResumed(resumed: Resumed): void {
    if (this.onResume === undefined) throw protocolViolation("RESUMED came, and no session is resumed");
    this.onResume(resumed);
  }

  onSettings(settings: Settings): void {
    if (this.#connection.early && settings.resumeToken !== undefined) {
      throw protocolViolation("A client asks for its session before the handshake is done");
    }
    this.#peer.maxMessageBytes = settings.maxMessageBytes;
    this.#peer.maxMetadataBytes = settings.maxMetadataBytes;
    this.#peer.maxMetadataEntries = settings.maxMetadataEntries;
    this.onPeerSettings?.(settings);
  }

  onGoaway(goaway: Goaway): void {
    if (!this.#peerDrains) {
      this.#peerDrains = true;
      this.#peerAwaitsStreams = goaway.code === ConnectionCode.GOING_AWAY;
      if (this.#peerAwaitsStreams) this.onGoingAway?.();
      const reason = goaway.reason === "" ? "" : `: ${peerText(goaway.reason)}`;
      this.#refuseCalls(() => closingError(`The peer is closing the session${reason}`));
      this.#watchDrain();
    }
    if (goaway.graceMs === 0) this.#peerIsDone = true;
    this.#checkDrained();
  }

  onEventAck(sequence: number): void {
    this.eventSender.onAck(sequence);
  }

  sendEventAck(sequence: number): void {
    this.#control.sendEventAck(sequence);
  }

  sendEventUnheard(name: string, count: number, sequence: number): void {
    encodeEventUnheard(writer.reset(), { name, count, sequence });
    this.#connection.sendMessage(writer.view());
  }

  #startDrain(plan: ClosePlan): void {
    this.#closing = plan;
    this.#refuseCalls(() => this.#refusal());
    this.slots.drain();
    this.outgoingStreams.abortOpen("the session is closing");
    const code = plan.awaitStreams ? ConnectionCode.GOING_AWAY : ConnectionCode.NO_ERROR;
    this.#control.sendGoaway({ code, graceMs: Math.max(1, plan.graceMs), reason: plan.reason });
    this.#connection.timers.add(this, plan.graceMs);
    this.#watchDrain();
    this.#checkDrained();
  }

  #refuseCalls(refusal: () => EchoStreamError | undefined): void {
    this.requester.refuse(refusal);
    this.streamRequester.refuse(refusal);
  }

  /** Why nothing new may begin. Handlers that still run may finish what they are at. */
  #refusal(): EchoStreamError | undefined {
    if (this.#connection.closeReason !== undefined) return this.#connection.closeReason.error;
    return this.#closing === undefined || this.slots.running > 0 ? undefined : closingError("The session is closing");
  }

  #watchDrain(): void {
    const check = (): void => this.#checkDrained();
    this.requester.onIdle = check;
    this.streamRequester.onIdle = check;
    this.slots.onIdle = check;
    this.eventSender.onIdle = check;
    this.outgoingStreams.onSettled = check;
    this.incomingStreams.onSettled = check;
  }

  /** Say when nothing of ours is outstanding; close when nothing of either side is. */
  #checkDrained(): void {
    if (this.requester.pending + this.streamRequester.pending > 0 || !this.eventSender.idle) return;
    if ((this.#peerAwaitsStreams ? this.outgoingStreams.live : this.outgoingStreams.ending) > 0) return;
    const plan = this.#closing;
    if (plan !== undefined && !this.#isIdle(plan)) return;
    if (!this.#isDone) {
      this.#isDone = true;
      this.eventReceiver.flush();
      this.#control.sendGoaway({ code: ConnectionCode.NO_ERROR, graceMs: 0, reason: "" });
    }
    if (plan !== undefined && this.#peerIsDone) this.#connection.close(plan.code, plan.reason);
  }

  #isIdle(plan: ClosePlan): boolean {
    const awaited = plan.awaitStreams ? this.incomingStreams.live : this.incomingStreams.ending;
    return this.slots.idle && this.outgoingStreams.live === 0 && awaited === 0;
  }

  #graceLeftMs(): number {
    return (this.dueUs - this.#connection.clock.nowUs()) / 1000;
  }
}

function closingError(message: string): EchoStreamError {
  return new EchoStreamError(ErrorCode.UNAVAILABLE, message, { disposition: "notProcessed" });
}

const SENT: Promise<void> = Promise.resolve();
const writer = new Writer();
