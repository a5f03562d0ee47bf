/**
 * The sending half of volatile events: one datagram each, which leaves at once or never (docs/protocol.md, "Volatile events").
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { encodeEventDatagram } from "../protocol/event_datagram.ts";
import { Writer } from "../protocol/writer.ts";
import { encodeSentPayload, encodingOf } from "./payload.ts";

/** Sends the volatile events of one connection. */
export class VolatileSender {
  /** Events handed to the transport, whatever became of them. */
  sent = 0;
  readonly #connection: Connection;
  #maxDatagramBytes = 0;
  #measuredUs = -Infinity;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Send one event. What cannot leave within {@link EXPIRY_MS} is dropped.
   * @throws {EchoStreamError} INVALID_ARGUMENT when the payload cannot be encoded, RESOURCE_EXHAUSTED when it does not fit a datagram,
   * UNIMPLEMENTED when the peer takes none.
   */
  send(name: string, payload: unknown): void {
    encodeEventDatagram(writer.reset(), { name, encoding: encodingOf(payload), payload: encodeSentPayload(payload) });
    const limitBytes = this.#limitBytes();
    if (writer.length > limitBytes) {
      const message = limitBytes === 0
        ? `Event "${name}" cannot be sent as a datagram, the peer takes none`
        : `Event "${name}" of ${writer.length} bytes does not fit a datagram, which has ${limitBytes} on this path`;
      const code = limitBytes === 0 ? ErrorCode.UNIMPLEMENTED : ErrorCode.RESOURCE_EXHAUSTED;
      throw new EchoStreamError(code, message, { disposition: "notProcessed" });
    }
    this.sent++;
    this.#connection.sendDatagram(writer.view(), 0, EXPIRY_MS);
  }

  /** The path's size changes now and then. */
  #limitBytes(): number {
    const nowUs = this.#connection.clock.nowUs();
    if (nowUs - this.#measuredUs >= MEASURE_INTERVAL_US) {
      this.#measuredUs = nowUs;
      this.#maxDatagramBytes = this.#connection.stats().maxDatagramBytes;
    }
    return this.#maxDatagramBytes;
  }
}

const writer = new Writer();
/** Longer than congestion control paces a burst, shorter than what is volatile stays of use. */
const EXPIRY_MS = 100;
const MEASURE_INTERVAL_US = 100_000;
