/**
 * How a media stream fares at its receiver, told about once a second: what RTP tells in receiver reports (RFC 3550 §6.4).
 * Spec: docs/protocol.md, "Stream reports".
 *
 * @module
 */

import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** The fields of a STREAM_REPORT. */
export interface StreamReport {
  /** As in the header of the stream. */
  readonly mediaStreamId: number;
  /** Frames come later than the receiver can wait for. */
  readonly congested: boolean;
  /** Frames the sender has sent as far as the receiver knows: the highest sequence, without wrapping, plus 1. */
  readonly framesExpected: number;
  /** Frames that arrived, each counted once. */
  readonly framesReceived: number;
  /** Interarrival jitter (RFC 3550 §6.4.1), in microseconds. */
  readonly jitterUs: number;
}

/** Append the fields of a STREAM_REPORT behind its type. */
export function writeStreamReport(writer: Writer, report: StreamReport): void {
  writer.varint(report.mediaStreamId).u8(report.congested ? CONGESTED : 0);
  writer.varint(report.framesExpected).varint(report.framesReceived).varint(report.jitterUs);
}

/** The fields of a STREAM_REPORT. @throws {EchoStreamError} PROTOCOL_VIOLATION when they are malformed. */
export function readStreamReport(reader: Reader): StreamReport {
  return {
    mediaStreamId: reader.varint(),
    congested: (reader.u8() & CONGESTED) !== 0,
    framesExpected: reader.varint(),
    framesReceived: reader.varint(),
    jitterUs: reader.varint(),
  };
}

/** Flag; a receiver ignores bits it does not know. */
const CONGESTED = 0x01;
