/**
 * Unexpected responses: too many, too few, out of place, or unreadable.
 *
 * @module
 */

import {
  encodeCallMessage,
  encodeEnd,
  encodeFailureTrailer,
  encodeResponseHeaders,
  encodeTrailer,
} from "../../../src/protocol/call_frames.ts";
import { FrameType } from "../../../src/protocol/frame.ts";
import type { Metadata } from "../../../src/protocol/metadata.ts";
import type { Writer } from "../../../src/protocol/writer.ts";
import type { RawAnswerCase } from "../raw_answer_case.ts";

const headers = (writer: Writer): void => encodeResponseHeaders(writer);
const trailer = (writer: Writer): void => encodeTrailer(writer);
const message = (writer: Writer): void => encodeCallMessage(writer, { encoding: 0, payload: Uint8Array.of(1, 2, 3) });
const failure = (writer: Writer): void =>
  encodeFailureTrailer(writer, { code: "ABORTED", disposition: "processed", message: "no" });
const unknownEncoding = (writer: Writer): void =>
  encodeCallMessage(writer, { encoding: 99, payload: Uint8Array.of(1) });
/** CBOR of a map that ends before its first key. */
const malformed = (writer: Writer): void => encodeCallMessage(writer, { encoding: 1, payload: Uint8Array.of(0xa1) });
const large = (writer: Writer): void => encodeCallMessage(writer, { encoding: 0, payload: new Uint8Array(1_048_576) });
const unknownFrame = (writer: Writer): void => void writer.u8(0x3f).u8(2).u8(0).u8(0);
const unknownFlags = (writer: Writer): void => void writer.u8(FrameType.HEADERS).u8(1).u8(0x80);
const crowded: Metadata = Array.from({ length: 65 }, (_, n) => [`n${n}`, ""] as const);
const crowdedHeaders = (writer: Writer): void => encodeResponseHeaders(writer, crowded);

export const UNEXPECTED_RESPONSES: readonly RawAnswerCase[] = [
  {
    name: "client-stream/ok-but-no-response",
    shape: "client-stream",
    answer: { frames: [headers, trailer] },
    expect: { answers: [], code: "INTERNAL" },
  },
  {
    name: "client-stream/multiple-responses",
    shape: "client-stream",
    answer: { frames: [headers, message, message, trailer] },
    expect: { answers: [], code: "INTERNAL" },
  },
  {
    name: "client-stream/response-and-error",
    shape: "client-stream",
    answer: { frames: [headers, message, failure] },
    expect: { answers: [], code: "ABORTED", message: "no" },
  },
  {
    name: "server-stream/trailers-only",
    shape: "server-stream",
    answer: { frames: [trailer] },
    expect: { answers: [], trailers: [] },
  },
  {
    name: "server-stream/trailers-only-error",
    shape: "server-stream",
    answer: { frames: [failure] },
    expect: { answers: [], code: "ABORTED", message: "no" },
  },
  {
    name: "server-stream/message-before-headers",
    shape: "server-stream",
    answer: { frames: [message, trailer] },
    expect: { answers: [], code: "UNAVAILABLE", closes: true },
  },
  {
    name: "server-stream/headers-twice",
    shape: "server-stream",
    answer: { frames: [headers, headers, trailer] },
    expect: { answers: [], code: "UNAVAILABLE", closes: true },
  },
  {
    name: "server-stream/end-of-a-caller",
    shape: "server-stream",
    answer: { frames: [headers, encodeEnd] },
    expect: { answers: [], code: "UNAVAILABLE", closes: true },
  },
  {
    name: "server-stream/unknown-flags",
    shape: "server-stream",
    answer: { frames: [unknownFlags, trailer] },
    expect: { answers: [], code: "UNAVAILABLE", closes: true },
  },
  {
    name: "server-stream/unknown-frame-between",
    shape: "server-stream",
    answer: { frames: [unknownFrame, headers, unknownFrame, message, unknownFrame, trailer] },
    expect: { answers: [3] },
  },
  {
    name: "server-stream/unexpected-encoding",
    shape: "server-stream",
    answer: { frames: [headers, message, unknownEncoding, trailer] },
    expect: { answers: [3], code: "UNIMPLEMENTED" },
  },
  {
    name: "server-stream/malformed-message",
    shape: "server-stream",
    answer: { frames: [headers, message, malformed, trailer] },
    expect: { answers: [3], code: "INVALID_ARGUMENT" },
  },
  {
    name: "server-stream/message-exceeds-limit",
    shape: "server-stream",
    answer: { frames: [headers, message, large, trailer] },
    expect: { answers: [3], code: "RESOURCE_EXHAUSTED" },
  },
  {
    name: "server-stream/metadata-exceeds-limit",
    shape: "server-stream",
    answer: { frames: [crowdedHeaders, message, trailer] },
    expect: { answers: [], code: "RESOURCE_EXHAUSTED" },
  },
  {
    name: "server-stream/byte-by-byte",
    shape: "server-stream",
    answer: { frames: [headers, message, message, trailer], byteByByte: true },
    expect: { answers: [3, 3] },
  },
];
