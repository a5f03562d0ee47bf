/**
 * What the stream of the header still carries when frames travel beside it: clock references and the end
 * (docs/protocol.md, "Deliveries").
 *
 * @module
 */

import type { SendStream } from "../connection/send_stream.ts";
import { encodeMediaClock, type MediaClock } from "../protocol/media_clock.ts";
import { encodeMediaPacket, MediaFlag } from "../protocol/media_packet.ts";
import { Writer } from "../protocol/writer.ts";

/** State where timestamps stand. */
export function writeClock(anchor: SendStream, clock: MediaClock): void {
  if (anchor.ended) return;
  encodeMediaClock(writer.reset(), clock);
  anchor.write(writer.view());
}

/** No frame follows; `sequence` is that of the frame that would have. */
export function finishAnchor(anchor: SendStream, sequence: number, timestamp: number): void {
  if (anchor.ended) return;
  encodeMediaPacket(writer.reset(), { flags: MediaFlag.END, sequence, timestamp, payload: NOTHING });
  anchor.finish(writer.view());
}

const NOTHING = new Uint8Array(0);
const writer = new Writer(64);
