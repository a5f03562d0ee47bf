/**
 * Frames that leave on the stream of their header, in order, when flow control has room for them.
 *
 * @module
 */

import { SendLine } from "../connection/send_line.ts";
import type { SendStream } from "../connection/send_stream.ts";
import { FrameType } from "../protocol/frame.ts";
import { encodeMediaClock } from "../protocol/media_clock.ts";
import { encodeMediaPacket, MEDIA_PACKET_HEADER_BYTES, MediaFlag } from "../protocol/media_packet.ts";
import { Writer } from "../protocol/writer.ts";
import type { OutgoingFrame, Outlet } from "./outlet.ts";

/** Sends on one stream. */
export class ReliableOutlet implements Outlet {
  framesSent = 0;
  bytesSent = 0;
  queuedBytes = 0;
  readonly packetsSent: number = 0;
  readonly framesExpired: number = 0;
  readonly framesOverflowed: number = 0;
  readonly maxPayloadBytes: number = Infinity;
  readonly #stream: SendStream;
  readonly #line: SendLine<OutgoingFrame | "end">;
  #end: { readonly sequence: number; readonly timestamp: number } | undefined;

  /** @param onLost Called when a frame waits and the stream takes no more; {@link close} has to follow. */
  constructor(stream: SendStream, onLost: (error: unknown) => void) {
    this.#stream = stream;
    this.#line = new SendLine(stream, (item) => this.#write(item), { onLost });
  }

  get queuedFrames(): number {
    return this.#line.length;
  }

  queueDelayUs(nowUs: number): number {
    const { first } = this.#line;
    return first === undefined || first === "end" ? 0 : nowUs - first.sentUs;
  }

  send(frame: OutgoingFrame): Promise<void> {
    this.queuedBytes += frame.payload.length;
    return this.#line.submit(frame);
  }

  end(sequence: number, timestamp: number): void {
    this.#end = { sequence, timestamp };
    // When it cannot be written any more the stream is lost, and its sender knows why.
    this.#line.submit("end").catch(() => {});
  }

  close(error: unknown): void {
    this.#line.fail(error);
    this.queuedBytes = 0;
  }

  #write(frame: OutgoingFrame | "end"): void {
    writer.reset();
    if (frame === "end") {
      encodeMediaPacket(writer, { flags: MediaFlag.END, ...this.#end!, payload: NOTHING });
      return this.#stream.finish(writer.view());
    }
    const { payload, flags, sequence, timestamp, clock } = frame;
    this.framesSent++;
    this.bytesSent += payload.length;
    this.queuedBytes -= payload.length;
    if (clock !== undefined) encodeMediaClock(writer, clock);
    if (payload.length <= COPY_BYTES) {
      encodeMediaPacket(writer, { flags, sequence, timestamp, payload });
      this.#stream.write(writer.view());
    } else {
      writer.varint(FrameType.MEDIA).varint(MEDIA_PACKET_HEADER_BYTES + payload.length);
      writer.u8(flags).u32(sequence).u64(timestamp);
      this.#stream.write(writer.view());
      this.#stream.write(payload);
    }
  }
}

const NOTHING = new Uint8Array(0);
/** Up to here one write of a copy is cheaper than two writes. */
const COPY_BYTES = 4_096;
const writer = new Writer();
