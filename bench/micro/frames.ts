/**
 * Messages and frames, encoded and decoded: `node bench/micro/frames.ts`. The aim is 150 ns for a small message.
 *
 * @module
 */

import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import { decodeMediaPacket, encodeMediaPacket } from "../../src/protocol/media_packet.ts";
import { decodeMessage, encodeAnswer, encodeRequest } from "../../src/protocol/message.ts";
import { splitWhole } from "../../src/protocol/message_splitter.ts";
import { Writer } from "../../src/protocol/writer.ts";
import { report } from "./report.ts";

const writer = new Writer();
const payload = new Uint8Array(64).fill(7);
const request = { callId: 100_000, method: "echo.message", timeoutMs: 0, encoding: 0, payload };
const withDeadline = { ...request, timeoutMs: 5_000 };
const full = {
  ...withDeadline,
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  metadata: [["tenant", "a"], ["user", "42"]] as const,
};
const interned = { ...request, method: 7 };
const answer = { callId: 100_000, encoding: 0, payload };

const encoded = (encode: (writer: Writer) => void): Uint8Array => {
  encode(writer.reset());
  return writer.view().slice();
};
const requestBytes = encoded((out) => encodeRequest(out, request));
const deadlineBytes = encoded((out) => encodeRequest(out, withDeadline));
const fullBytes = encoded((out) => encodeRequest(out, full));
const internedBytes = encoded((out) => encodeRequest(out, interned));
const answerBytes = encoded((out) => encodeAnswer(out, answer));
const packed = encoded((out) => {
  for (let i = 0; i < 14; i++) out.blob(requestBytes);
});
const media = encoded((out) => {
  for (let i = 0; i < 100; i++) encodeMediaPacket(out, { flags: 0, sequence: i, timestamp: i * 1e6, payload });
});

await report(`messages with a payload of ${payload.length} bytes`, {
  "encodeRequest": () => encodeRequest(writer.reset(), request),
  "encodeRequest, deadline": () => encodeRequest(writer.reset(), withDeadline),
  "encodeRequest, interned method": () => encodeRequest(writer.reset(), interned),
  "encodeRequest, deadline, trace, metadata": () => encodeRequest(writer.reset(), full),
  "encodeAnswer": () => encodeAnswer(writer.reset(), answer),
  "decodeMessage, request": () => decodeMessage(requestBytes, 0, requestBytes.length),
  "decodeMessage, request, deadline": () => decodeMessage(deadlineBytes, 0, deadlineBytes.length),
  "decodeMessage, request, interned method": () => decodeMessage(internedBytes, 0, internedBytes.length),
  "decodeMessage, request, all fields": () => decodeMessage(fullBytes, 0, fullBytes.length),
  "decodeMessage, answer": () => decodeMessage(answerBytes, 0, answerBytes.length),
});

const sink = {
  onMessage: (bytes: Uint8Array, start: number, end: number) => void decodeMessage(bytes, start, end),
  onOversize: () => {},
};
const decoder = new FrameDecoder(1 << 20);
await report("streams", {
  "split and decode a packet of 14 requests": () => splitWhole(packed, 0, packed.length, 1 << 20, sink),
  "FrameDecoder, 100 media frames": () => {
    decoder.push(media);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
      decodeMediaPacket(frame.bytes, frame.start, frame.end);
    }
  },
});
