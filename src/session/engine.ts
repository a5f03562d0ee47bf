/**
 * What runs a session: takes what arrives on its connection to the part it belongs to, and brings all parts to an end together.
 * The same for servers and clients.
 *
 * @module
 */

import type { CloseReason } from "../connection/close_reason.ts";
import type { Connection, ConnectionHandler } from "../connection/connection.ts";
import type { ReceiveSink, ReceiveStream } from "../connection/receive_stream.ts";
import { quietRejection } from "../connection/send_line.ts";
import type { SendStream } from "../connection/send_stream.ts";
import type { BidirectionalStream } from "../connection/streams.ts";
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
import type { EncodedValue } from "../rpc/payload.ts";
import type { Limits, PeerLimits } from "../rpc/limits.ts";
import { FIRST_REPORT_ID } from "../stream/outgoing_streams.ts";
import type { MediaSender } from "../stream/media_sender.ts";
import type { StreamOptions } from "../stream/stream_options.ts";
import { Deadline } from "../timer_queue.ts";
import { type Logger, peerText } from "../trace.ts";
import { ControlReceiver, type ControlSink } from "./control_receiver.ts";
import { ControlSender } from "./control_sender.ts";
import {
  announced,
  type CarriedOver,
  type ClosePlan,
  type ControlStreams,
  type EngineOptions,
} from "./engine_options.ts";
import { Parts, type PartsOwner } from "./parts.ts";
import { earlyOwners, routeStream, type StreamOwners } from "./peer_streams.ts";

/** Runs one session. */
export class Engine<C extends { readonly id: string }> extends Deadline
  implements ConnectionHandler, ControlSink, PartsOwner, StreamOwners {
  /** What does the work. */
  readonly parts: Parts<C>;
  /** Called once when the session has ended. */
  onEnded: ((reason: CloseReason) => void) | undefined;
  /** Called with what the peer says about itself, before anything else. */
  onPeerSettings: ((settings: Settings) => void) | undefined;
  /** Called when the peer answers, or confirms, that a session is resumed. */
  onResume: ((resumed: Resumed) => void) | undefined;
  /** Called when the peer says that it goes away, not only from this session. */
  onGoingAway: (() => void) | undefined;
  /** Called when more events wait for another connection than may. */
  onTooManyEvents: (() => void) | undefined;
  readonly #connection: Connection;
  readonly #limits: Limits;
  readonly #log: Logger;
  readonly #peer: PeerLimits;
  readonly #control: ControlSender;
  readonly #controlReceiver: ControlReceiver;
  #closing: ClosePlan | undefined;
  // Who has said that it drains, and who that nothing of it is outstanding.
  #peerDrains = false;
  #peerAwaitsStreams = false;
  #peerIsDone = false;
  #isDone = false;

  /** Becomes the handler of `connection`. Unless a session goes on, which has said so already, it announces itself on a control stream. */
  constructor(connection: Connection, context: C, options: EngineOptions<C>, carried?: CarriedOver<C>) {
    super();
    const { maxMessageBytes, maxMetadataBytes, maxMetadataEntries } = FLOOR_SETTINGS;
    this.#peer = carried?.control.peer ?? { maxMessageBytes, maxMetadataBytes, maxMetadataEntries };
    this.#connection = connection;
    this.#limits = options.limits;
    this.#log = options.log;
    this.parts = new Parts(connection, context, this.#peer, options, this, carried);
    this.#controlReceiver = carried?.control.receiver ?? new ControlReceiver(this);
    connection.handler = this;
    this.#control = carried?.control.sender ??
      new ControlSender(connection, announced(options.limits, options.announce));
    if (carried === undefined) return;
    this.#controlReceiver.sink = this;
    this.parts.eventSender.attach(connection, this.#peer, carried.seenByPeer);
  }

  /**
   * Let another engine take over the connection, on which nothing but control frames has come so far.
   * @throws {EchoStreamError} PROTOCOL_VIOLATION when more has come.
   */
  handOver(): ControlStreams {
    const { slots, eventReceiver, incomingStreams } = this.parts.made;
    if (slots.received + (eventReceiver?.received ?? 0) + (incomingStreams?.received ?? 0) > 0) {
      throw protocolViolation("A client that resumes a session began something before that was answered");
    }
    this.onEnded = undefined;
    this.parts.clockProbing.end(closingError("Another session goes on with this connection"));
    return { sender: this.#control, receiver: this.#controlReceiver, peer: this.#peer };
  }

  /** Answer or confirm that a session is resumed. */
  sendResumed(resumed: Resumed): void {
    this.#control.sendResumed(resumed);
  }

  /** Let the peer's calls, events and streams in, those that waited first. */
  open(): void {
    this.parts.slots.open();
    this.parts.open();
  }

  /** Send an event; see `Session.emit`. */
  emit(name: string, payload: unknown, volatile: boolean): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return quietRejection(refusal);
    if (!volatile) return this.parts.eventSender.emit(name, payload);
    try {
      this.parts.volatileSender.send(name, payload);
      return SENT;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Send an event on behalf of many; nobody waits for it, or is told of a failure. */
  emitEncoded(name: string, payload: Uint8Array | EncodedValue, volatile: boolean): void {
    if (this.#refusal() !== undefined) return;
    try {
      if (volatile) this.parts.volatileSender.send(name, payload);
      else if (!this.parts.eventSender.push(name, payload)) {
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
    this.parts.clockProbing.mediaBegins();
    return this.parts.outgoingStreams.create(name, options);
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
        return this.parts.responder.onRequest(message, owned);
      case MessageType.ANSWER:
        return this.parts.requester.onAnswer(message);
      case MessageType.FAILURE:
        return this.parts.requester.onFailure(message);
      case MessageType.CANCEL:
        return this.parts.responder.onCancel(message.callId);
      case MessageType.STREAM_STATUS:
        return this.parts.outgoingStreams.onStatus(message);
      case MessageType.EVENT_UNHEARD:
        return this.parts.eventSender.onUnheard(message);
      case MessageType.STREAM_REPORT:
        return this.parts.outgoingStreams.onReport(message);
    }
  }

  onOversizeMessage(bytes: Uint8Array, start: number, end: number, length: number): void {
    const head = decodeMessageHead(bytes.subarray(start, Math.min(end, start + MESSAGE_HEAD_BYTES)));
    if (head?.type === MessageType.REQUEST) this.parts.responder.onOversizeRequest(head.callId, length);
    else if (head !== undefined) this.parts.requester.onOversizeAnswer(head.callId, length);
  }

  onStream(receive: ReceiveStream, send: SendStream | undefined): void {
    routeStream(receive, send, this.#connection.early ? earlyOwners(this) : this);
  }

  // Whose streams of the peer are (StreamOwners).

  onCall(stream: BidirectionalStream): void {
    this.parts.streamResponder.onStream(stream);
  }

  onControl(stream: ReceiveStream): ReceiveSink {
    this.#controlReceiver.attach(stream);
    return this.#controlReceiver;
  }

  onEvents(stream: ReceiveStream): ReceiveSink {
    this.parts.eventReceiver.attach(stream);
    return this.parts.eventReceiver;
  }

  onMedia(stream: ReceiveStream): ReceiveSink {
    this.parts.clockProbing.mediaBegins();
    return this.parts.incomingStreams.accept(stream);
  }

  onMediaUnit(stream: ReceiveStream): ReceiveSink {
    return this.parts.incomingStreams.acceptUnit(stream);
  }

  onDatagram(bytes: Uint8Array, arrivalUs: number): void {
    // The kind; one from a later version is ignored.
    switch (bytes[0]) {
      case TimeDatagramKind.PROBE:
        return this.parts.clockProbing.onProbe(bytes, arrivalUs);
      case TimeDatagramKind.ANSWER:
        return this.parts.clockProbing.onAnswer(bytes, arrivalUs);
      case MediaDatagramKind.FRAGMENT:
      case MediaDatagramKind.PARITY:
        return this.parts.incomingStreams.onDatagram(bytes, arrivalUs);
      case EVENT_DATAGRAM_KIND:
        return this.parts.eventReceiver.onDatagram(bytes);
    }
  }

  onDatagramSent(id: number, departureUs: number): void {
    if (id >= FIRST_REPORT_ID) this.parts.outgoingStreams.onDatagramSent(id, departureUs);
    else this.parts.clockProbing.onDatagramSent(id, departureUs);
  }

  onClosed(reason: CloseReason): void {
    this.#connection.timers.remove(this);
    // Behind REFUSED nothing was let in, so nothing was processed.
    const isRefused = reason.by === "remote" && reason.application && reason.code === ConnectionCode.REFUSED;
    const disposition = isRefused ? "notProcessed" : "perhapsProcessed";
    this.parts.end(reason.error, disposition);
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
      this.parts.refuseCalls(() => closingError(`The peer is closing the session${reason}`));
      this.#watchDrain();
    }
    if (goaway.graceMs === 0) this.#peerIsDone = true;
    this.#checkDrained();
  }

  onEventOverflow(): void {
    this.onTooManyEvents?.();
  }

  onEventAck(sequence: number): void {
    this.parts.eventSender.onAck(sequence);
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
    this.parts.refuseCalls(() => this.#refusal());
    this.parts.slots.drain();
    this.parts.made.outgoingStreams?.abortOpen("the session is closing");
    const code = plan.awaitStreams ? ConnectionCode.GOING_AWAY : ConnectionCode.NO_ERROR;
    this.#control.sendGoaway({ code, graceMs: Math.max(1, plan.graceMs), reason: plan.reason });
    this.#connection.timers.add(this, plan.graceMs);
    this.#watchDrain();
    this.#checkDrained();
  }

  /** Why nothing new may begin. Handlers that still run may finish what they are at. */
  #refusal(): EchoStreamError | undefined {
    if (this.#connection.closeReason !== undefined) return this.#connection.closeReason.error;
    return this.#closing === undefined || this.parts.slots.running > 0
      ? undefined
      : closingError("The session is closing");
  }

  #watchDrain(): void {
    this.parts.watch(() => this.#checkDrained());
  }

  /** Say when nothing of ours is outstanding; close when nothing of either side is. */
  #checkDrained(): void {
    const { eventSender, eventReceiver, outgoingStreams } = this.parts.made;
    if (this.parts.pendingCalls > 0 || eventSender?.idle === false) return;
    if (((this.#peerAwaitsStreams ? outgoingStreams?.live : outgoingStreams?.ending) ?? 0) > 0) return;
    const plan = this.#closing;
    if (plan !== undefined && !this.#isIdle(plan)) return;
    if (!this.#isDone) {
      this.#isDone = true;
      eventReceiver?.flush();
      this.#control.sendGoaway({ code: ConnectionCode.NO_ERROR, graceMs: 0, reason: "" });
    }
    if (plan !== undefined && this.#peerIsDone) this.#connection.close(plan.code, plan.reason);
  }

  #isIdle(plan: ClosePlan): boolean {
    const { slots, outgoingStreams, incomingStreams } = this.parts.made;
    const awaited = plan.awaitStreams ? incomingStreams?.live : incomingStreams?.ending;
    return slots.idle && (outgoingStreams?.live ?? 0) === 0 && (awaited ?? 0) === 0;
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
