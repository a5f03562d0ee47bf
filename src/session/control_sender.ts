/**
 * The sending half of control: one stream, opened at once with SETTINGS, that lives as long as the connection
 * (docs/protocol.md, "Control stream").
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { SendStream } from "../connection/send_stream.ts";
import { encodeEventAck, encodeGoaway, encodeResumed, type Goaway, type Resumed } from "../protocol/control_frames.ts";
import { encodeSettings, type Settings } from "../protocol/settings.ts";
import { encodeStreamKind, StreamKind } from "../protocol/stream_header.ts";
import { Writer } from "../protocol/writer.ts";

/** Sends control frames. They are few and small, so they never wait for room. */
export class ControlSender {
  readonly #stream: SendStream;

  /** Opens the stream and announces `settings`. */
  constructor(connection: Connection, settings: Partial<Settings>) {
    this.#stream = connection.openUnidirectional(connection.outbound, { early: true });
    encodeStreamKind(writer.reset(), StreamKind.CONTROL);
    encodeSettings(writer, settings);
    this.#stream.write(writer.view());
  }

  /** This end drains. */
  sendGoaway(goaway: Goaway): void {
    encodeGoaway(writer.reset(), goaway);
    this.#stream.write(writer.view());
  }

  /** Whether the session goes on, and the last event seen in it. */
  sendResumed(resumed: Resumed): void {
    encodeResumed(writer.reset(), resumed);
    this.#stream.write(writer.view());
  }

  /** Every event up to `sequence` was taken. */
  sendEventAck(sequence: number): void {
    encodeEventAck(writer.reset(), sequence);
    this.#stream.write(writer.view());
  }
}

const writer = new Writer(256);
