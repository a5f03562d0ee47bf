/**
 * The asking half of streaming calls: opens their streams and ends them with the connection.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { InboundBudget } from "../connection/inbound_budget.ts";
import type { Disposition, EchoStreamError } from "../protocol/error.ts";
import type { CallDiagnostics } from "./call_diagnostics.ts";
import type { CallOptions } from "./call_options.ts";
import { checkCall, lostCall } from "./call_start.ts";
import { FailedChannel } from "./failed_channel.ts";
import type { Limits, PeerLimits } from "./limits.ts";
import { type Channel, OutgoingChannel, type OutgoingChannelOwner, outgoingItem } from "./outgoing_channel.ts";

/** Opens streaming calls on one connection. */
export class StreamRequester implements OutgoingChannelOwner {
  /** Called whenever the last streaming call has ended. */
  onIdle: (() => void) | undefined;
  /** Streaming calls made so far. */
  sent = 0;
  readonly peer: PeerLimits;
  readonly inbound: InboundBudget;
  readonly maxFrameBytes: number;
  readonly #connection: Connection;
  readonly #diagnostics: CallDiagnostics;
  readonly #open = new Set<OutgoingChannel>();
  #refusal: (() => EchoStreamError | undefined) | undefined;

  /** @param peer What the peer accepts, kept up to date by its SETTINGS. */
  constructor(connection: Connection, peer: PeerLimits, limits: Limits, diagnostics: CallDiagnostics) {
    this.#connection = connection;
    this.#diagnostics = diagnostics;
    this.peer = peer;
    this.inbound = connection.inbound;
    this.maxFrameBytes = limits.maxMessageBytes;
  }

  /** Streaming calls that have not ended. */
  get pending(): number {
    return this.#open.size;
  }

  /** Begin a streaming call; with `only`, one whose only item is here already. Never throws: a call that cannot begin fails. */
  open(method: string, options: CallOptions, only?: { readonly item: unknown }): Channel<unknown, unknown> {
    try {
      return this.#start(method, options, only);
    } catch (error) {
      this.#diagnostics.notBegun(kindOf(only), method, error, options.attempt);
      return new FailedChannel(error);
    }
  }

  /** Refuse new calls for which `refusal` gives a reason; those that run may end. Only the first call counts. */
  refuse(refusal: () => EchoStreamError | undefined): void {
    this.#refusal ??= refusal;
  }

  /** The connection is gone. */
  end(cause: EchoStreamError, disposition: Disposition): void {
    this.#refusal = () => lostCall(cause, "notProcessed");
    for (const channel of [...this.#open]) channel.lose(cause, disposition);
  }

  onOver(channel: OutgoingChannel): void {
    this.#connection.timers.remove(channel);
    if (this.#open.delete(channel) && this.#open.size === 0) this.onIdle?.();
  }

  #start(method: string, options: CallOptions, only: { readonly item: unknown } | undefined): OutgoingChannel {
    const refusal = this.#refusal?.();
    if (refusal !== undefined) throw refusal;
    const metadata = checkCall(method, options, this.peer);
    const call = { ...options, method, metadata };
    const item = only === undefined ? undefined : outgoingItem(method, only.item, this.peer);
    const channel = new OutgoingChannel(this, this.#connection.openBidirectional(), call, options.signal, item);
    const meter = this.#diagnostics.begin("outgoing", kindOf(only), method, undefined, options.attempt);
    meter?.run();
    if (item !== undefined) meter?.sent(item.payload.length);
    channel.meter = meter;
    this.#open.add(channel);
    this.sent++;
    if (options.timeoutMs !== undefined) this.#connection.timers.add(channel, options.timeoutMs);
    return channel;
  }
}

/** A call whose only item is there at its beginning streams one way. */
function kindOf(only: { readonly item: unknown } | undefined): "stream" | "channel" {
  return only === undefined ? "channel" : "stream";
}
