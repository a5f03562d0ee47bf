/**
 * The four-timestamp exchange of NTP (RFC 5905 §8), and the datagrams it travels in.
 * Spec: docs/protocol.md, "Time".
 *
 * @module
 */

import { readU32, writeU32 } from "./varint.ts";

/** Kinds of datagrams that carry time: the first varint of a datagram. */
export const TimeDatagramKind = {
  /** Asks for the peer's time. */
  PROBE: 0x01,
  /** Tells it. */
  ANSWER: 0x02,
} as const;

/** When a probe left and arrived, in microseconds: `t1` and `t4` on the clock of who asks, `t2` and `t3` on the other's. */
export interface TimeStamps {
  /** The probe left. */
  readonly t1: number;
  /** It arrived at the peer. */
  readonly t2: number;
  /** The answer left the peer. */
  readonly t3: number;
  /** It arrived. */
  readonly t4: number;
}

/** What tells one probe from all others. */
export interface TimeProbe {
  /** Its number, modulo 2^32. */
  readonly sequence: number;
  /** 32 random bits that only the peer learns. */
  readonly nonce: number;
}

/** The peer's side of an exchange. */
export interface TimeAnswer extends TimeProbe {
  /** When the probe arrived there, in microseconds of the answerer's clock. */
  readonly t2: number;
  /** When the answer was sent. */
  readonly t3: number;
}

/** Peer's clock minus ours if the way there takes as long as the way back, in microseconds. */
export function clockOffsetUs({ t1, t2, t3, t4 }: TimeStamps): number {
  return (t2 - t1 + (t3 - t4)) / 2;
}

/** Time the exchange spent on the way, both directions together, in microseconds. */
export function roundTripUs({ t1, t2, t3, t4 }: TimeStamps): number {
  return t4 - t1 - (t3 - t2);
}

/** The datagram of a probe. */
export function encodeTimeProbe({ sequence, nonce }: TimeProbe): Uint8Array {
  const bytes = new Uint8Array(PROBE_BYTES);
  bytes[0] = TimeDatagramKind.PROBE;
  writeU32(bytes, 1, sequence);
  writeU32(bytes, 5, nonce);
  return bytes;
}

/** The datagram of an answer. @throws {RangeError} when a time is no number from 0 to 2^53 − 1; fractions are dropped. */
export function encodeTimeAnswer({ sequence, nonce, t2, t3 }: TimeAnswer): Uint8Array {
  const bytes = new Uint8Array(ANSWER_BYTES);
  bytes[0] = TimeDatagramKind.ANSWER;
  writeU32(bytes, 1, sequence);
  writeU32(bytes, 5, nonce);
  writeTime(bytes, 9, t2);
  writeTime(bytes, 17, t3);
  return bytes;
}

/** The kind a datagram begins with, or `undefined` when it has none. */
export function datagramKind(bytes: Uint8Array): number | undefined {
  // Kinds are below 64: a longer varint is a kind that is not known, and so is an oversized one.
  if (bytes.length === 0) return undefined;
  return bytes[0]! < 0x40 ? bytes[0]! : undefined;
}

/** A probe, or `undefined` when the datagram is none. Bytes after it are ignored, so that later versions may add to it. */
export function decodeTimeProbe(bytes: Uint8Array): TimeProbe | undefined {
  if (datagramKind(bytes) !== TimeDatagramKind.PROBE || bytes.length < PROBE_BYTES) return undefined;
  return { sequence: readU32(bytes, 1), nonce: readU32(bytes, 5) };
}

/** An answer, or `undefined` when the datagram is none. Bytes after it are ignored, so that later versions may add to it. */
export function decodeTimeAnswer(bytes: Uint8Array): TimeAnswer | undefined {
  if (datagramKind(bytes) !== TimeDatagramKind.ANSWER || bytes.length < ANSWER_BYTES) return undefined;
  const t2 = readTime(bytes, 9);
  const t3 = readTime(bytes, 17);
  if (t2 > Number.MAX_SAFE_INTEGER || t3 > Number.MAX_SAFE_INTEGER) return undefined;
  return { sequence: readU32(bytes, 1), nonce: readU32(bytes, 5), t2, t3 };
}

function writeTime(bytes: Uint8Array, at: number, timeUs: number): void {
  if (!(timeUs >= 0 && timeUs <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`Time ${timeUs} is no number from 0 to 2^53 - 1`);
  }
  writeU32(bytes, at, Math.floor(timeUs / 0x1_0000_0000));
  writeU32(bytes, at + 4, timeUs % 0x1_0000_0000);
}

function readTime(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) * 0x1_0000_0000 + readU32(bytes, at + 4);
}

/** Kind 1, sequence 4, nonce 4. */
const PROBE_BYTES = 9;

/** And two times of 8 bytes. */
const ANSWER_BYTES = PROBE_BYTES + 16;
