/**
 * End-stream: an answer is complete with its TRAILER and in no other way; a TRAILER that makes no sense, or does not come, fails the call.
 *
 * @module
 */

import {
  encodeCallMessage,
  encodeFailureTrailer,
  encodeResponseHeaders,
  encodeTrailer,
} from "../../../src/protocol/call_frames.ts";
import { StreamCode } from "../../../src/protocol/error.ts";
import { FrameType } from "../../../src/protocol/frame.ts";
import type { Metadata } from "../../../src/protocol/metadata.ts";
import type { Writer } from "../../../src/protocol/writer.ts";
import type { RawAnswerCase } from "../raw_answer_case.ts";

type Encode = (writer: Writer) => void;

const METADATA: Metadata = [["a", "1"], ["a", Uint8Array.of(2)]];
const headers: Encode = (writer) => encodeResponseHeaders(writer);
const trailer: Encode = (writer) => encodeTrailer(writer);
const message: Encode = (writer) => encodeCallMessage(writer, { encoding: 0, payload: Uint8Array.of(1, 2, 3) });
/** A TRAILER with this body. */
const trailerOf = (...body: number[]): Encode => (writer) => {
  writer.u8(FrameType.TRAILER).u8(body.length);
  for (const byte of body) writer.u8(byte);
};
const failureWith = (dataEncoding: number, data: Uint8Array): Encode => (writer) =>
  encodeFailureTrailer(writer, {
    code: "ABORTED",
    disposition: "processed",
    message: "no",
    metadata: METADATA,
    dataEncoding,
    data,
  });

/** A call that gets a message, and what follows it. */
function afterMessage(
  name: string,
  answer: Omit<RawAnswerCase["answer"], "frames"> & { readonly then: readonly Encode[] },
  expect: Omit<RawAnswerCase["expect"], "answers">,
): RawAnswerCase {
  const { then, ...rest } = answer;
  return {
    name: `server-stream/${name}`,
    shape: "server-stream",
    answer: { frames: [headers, message, ...then], ...rest },
    expect: { answers: [3], ...expect },
  };
}

export const END_STREAM: readonly RawAnswerCase[] = [
  afterMessage("complete", { then: [trailer] }, { trailers: [] }),
  afterMessage("complete-with-metadata", { then: [(writer) => encodeTrailer(writer, METADATA)] }, {
    trailers: METADATA,
  }),
  afterMessage("complete-without-fin", { then: [trailer], end: "open" }, {}),
  afterMessage("missing", { then: [] }, { code: "DATA_LOSS" }),
  afterMessage("missing-in-the-middle-of-a-message", { then: [message], cutBytes: 1 }, { code: "DATA_LOSS" }),
  afterMessage("cut-short", { then: [trailer], cutBytes: 1 }, { code: "DATA_LOSS" }),
  {
    name: "server-stream/missing-in-an-empty-answer",
    shape: "server-stream",
    answer: { frames: [] },
    expect: { answers: [], code: "DATA_LOSS" },
  },
  {
    name: "client-stream/missing",
    shape: "client-stream",
    answer: { frames: [headers, message] },
    expect: { answers: [], code: "DATA_LOSS" },
  },
  afterMessage("error-with-metadata-and-details", { then: [failureWith(1, Uint8Array.of(0xa1, 0x61, 0x78, 1))] }, {
    code: "ABORTED",
    message: "no",
    trailers: METADATA,
    data: { x: 1 },
  }),
  afterMessage("error-with-malformed-details", { then: [failureWith(1, Uint8Array.of(0xa1))] }, {
    code: "ABORTED",
    data: undefined,
  }),
  afterMessage("error-with-details-of-unknown-encoding", { then: [failureWith(99, Uint8Array.of(1))] }, {
    code: "ABORTED",
    data: undefined,
  }),
  afterMessage("unknown-status", { then: [trailerOf(0, 17, 0, 0)] }, { code: "UNAVAILABLE", closes: true }),
  afterMessage("unknown-disposition", { then: [trailerOf(0, 2, 3, 0)] }, { code: "UNAVAILABLE", closes: true }),
  afterMessage("unknown-flags", { then: [trailerOf(0x80, 0)] }, { code: "UNAVAILABLE", closes: true }),
  afterMessage("empty", { then: [trailerOf()] }, { code: "UNAVAILABLE", closes: true }),
  afterMessage("more-than-a-trailer", { then: [trailerOf(0, 0, 7)] }, { code: "UNAVAILABLE", closes: true }),
  afterMessage("message-after-it", { then: [trailer, message] }, {}),
  afterMessage("twice", { then: [trailer, failureWith(0, Uint8Array.of(1))] }, { trailers: [] }),
  ...([
    ["session-closed", StreamCode.SESSION_CLOSED, "UNAVAILABLE"],
    ["limit-exceeded", StreamCode.LIMIT_EXCEEDED, "RESOURCE_EXHAUSTED"],
    ["unknown-kind", StreamCode.UNKNOWN_KIND, "UNIMPLEMENTED"],
    ["timed-out", StreamCode.TIMED_OUT, "UNAVAILABLE"],
    ["any-other-code", StreamCode.INTERNAL_ERROR, "DATA_LOSS"],
  ] as const).map(([name, end, code]): RawAnswerCase => ({
    name: `client-stream/reset-with-${name}`,
    shape: "client-stream",
    answer: { frames: [], end },
    expect: { answers: [], code },
  })),
];
