/**
 * The literal bytes of the protocol, both ways, and the prefix law: on a stream, every proper prefix of a valid unit means
 * "more". Another implementation can run the same files. Spec: docs/protocol.md.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallFieldsInput } from "../../src/protocol/call_fields.ts";
import * as call from "../../src/protocol/call_frames.ts";
import { decodeValue, encodeValue } from "../../src/protocol/codec.ts";
import * as control from "../../src/protocol/control_frames.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { decodeEvent, encodeEvent, type EventFrame } from "../../src/protocol/event_frame.ts";
import type { FailureFieldsInput } from "../../src/protocol/failure_fields.ts";
import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import { decodeMediaClock, encodeMediaClock } from "../../src/protocol/media_clock.ts";
import { decodeMediaPacket, encodeMediaPacket, type MediaPacket } from "../../src/protocol/media_packet.ts";
import * as message from "../../src/protocol/message.ts";
import { MessageSplitter } from "../../src/protocol/message_splitter.ts";
import type { Metadata } from "../../src/protocol/metadata.ts";
import { decodeSettings, encodeSettings, type Settings } from "../../src/protocol/settings.ts";
import { decodeMediaHeader, encodeMediaHeader, type MediaHeaderInput } from "../../src/protocol/stream_header.ts";
import { MORE, readVarint } from "../../src/protocol/varint.ts";
import { MAX_MESSAGE_BYTES } from "../../src/protocol/version.ts";
import { Writer } from "../../src/protocol/writer.ts";
import cborVectors from "../vectors/cbor.json" with { type: "json" };
import frameVectors from "../vectors/frames.json" with { type: "json" };
import mediaHeaderVectors from "../vectors/media_headers.json" with { type: "json" };
import messageVectors from "../vectors/messages.json" with { type: "json" };
import varintVectors from "../vectors/varint.json" with { type: "json" };
import { fromHex, fromJson, toHex, type Vector, withoutUndefined } from "./wire_json.ts";

interface FrameVector extends Vector {
  /** Which frame it is and where it stands. */
  readonly kind: keyof typeof FRAME_CODECS;
}

/** Decoder of a frame's body and encoder of the whole frame. */
interface FrameCodec {
  decode(bytes: Uint8Array, start: number, end: number): unknown;
  encode(writer: Writer, value: never): void;
}

const FRAME_CODECS = {
  settings: {
    decode: decodeSettings,
    encode: (writer, value: Settings) => encodeSettings(writer, value),
  },
  goaway: { decode: control.decodeGoaway, encode: control.encodeGoaway },
  eventAck: { decode: control.decodeEventAck, encode: control.encodeEventAck },
  resumed: { decode: control.decodeResumed, encode: control.encodeResumed },
  event: { decode: decodeEvent, encode: (writer, value: EventFrame) => encodeEvent(writer, value) },
  callHeaders: {
    decode: call.decodeCallHeaders,
    encode: (writer, value: CallFieldsInput) => call.encodeCallHeaders(writer, value),
  },
  responseHeaders: {
    decode: call.decodeResponseHeaders,
    encode: (writer, value: { metadata?: Metadata }) => call.encodeResponseHeaders(writer, value.metadata),
  },
  callMessage: { decode: call.decodeCallMessage, encode: call.encodeCallMessage },
  end: {
    decode: (bytes, start, end) => {
      call.decodeEnd(bytes, start, end);
      return null;
    },
    encode: (writer) => call.encodeEnd(writer),
  },
  trailer: {
    decode: call.decodeTrailer,
    encode: (writer, value: { failure?: FailureFieldsInput; metadata?: Metadata }) =>
      value.failure === undefined
        ? call.encodeTrailer(writer, value.metadata)
        : call.encodeFailureTrailer(writer, value.failure),
  },
  media: { decode: decodeMediaPacket, encode: (writer, value: MediaPacket) => encodeMediaPacket(writer, value) },
  mediaClock: { decode: decodeMediaClock, encode: encodeMediaClock },
} as const satisfies Record<string, FrameCodec>;

test("Varint vectors decode and encode, and their prefixes mean more", () => {
  for (const vector of varintVectors as readonly Vector[]) {
    const bytes = fromHex(vector.hex);
    check(vector, () => readVarint(bytes, 0, bytes.length), (writer) => writer.varint(vector.value as number));
    for (let end = 0; end < bytes.length; end++) assert.equal(readVarint(bytes, 0, end), MORE, vector.name);
  }
});

test("Message vectors decode and encode", () => {
  for (const vector of messageVectors as readonly Vector[]) {
    const bytes = fromHex(vector.hex);
    check(
      vector,
      () => message.decodeMessage(bytes, 0, bytes.length),
      (writer) => encodeMessage(writer, fromJson(vector.value) as message.Message),
    );
  }
});

test("MessageSplitter takes every proper prefix of a message vector for more, and then hands it over whole", () => {
  for (const vector of messageVectors as readonly Vector[]) {
    if (vector.error !== undefined) continue;
    const expected = fromHex(vector.hex);
    const stream = new Writer().blob(expected).view();
    for (let cut = 0; cut <= stream.length; cut++) {
      const taken: string[] = [];
      const splitter = new MessageSplitter(MAX_MESSAGE_BYTES, {
        onMessage: (bytes, start, end) => taken.push(toHex(bytes.subarray(start, end))),
        onOversize: () => assert.fail(vector.name),
      });
      splitter.push(stream.subarray(0, cut));
      assert.deepEqual(taken, cut === stream.length ? [toHex(expected)] : [], `${vector.name} cut at ${cut}`);
      splitter.push(stream.subarray(cut));
      assert.deepEqual(taken, [toHex(expected)], vector.name);
    }
  }
});

test("Frame vectors decode and encode", () => {
  for (const vector of frameVectors as readonly FrameVector[]) {
    const bytes = fromHex(vector.hex);
    const codec: FrameCodec = FRAME_CODECS[vector.kind];
    const decode = (): unknown => {
      const decoder = new FrameDecoder(MAX_MESSAGE_BYTES);
      decoder.push(bytes);
      const frame = decoder.next();
      assert.ok(frame, vector.name);
      assert.equal(decoder.next(), undefined, vector.name);
      return codec.decode(frame.bytes, frame.start, frame.end);
    };
    check(vector, decode, (writer) => codec.encode(writer, fromJson(vector.value) as never));
  }
});

test("FrameDecoder takes every proper prefix of a frame vector for more", () => {
  for (const vector of frameVectors as readonly FrameVector[]) {
    const bytes = fromHex(vector.hex);
    for (let cut = 0; cut < bytes.length; cut++) {
      const decoder = new FrameDecoder(MAX_MESSAGE_BYTES);
      decoder.push(bytes.subarray(0, cut));
      assert.equal(decoder.next(), undefined, `${vector.name} cut at ${cut}`);
      decoder.push(bytes.subarray(cut));
      const frame = decoder.next();
      assert.ok(frame, `${vector.name} cut at ${cut}`);
      const body = frame.bytes.subarray(frame.start, frame.end);
      assert.ok(vector.hex.endsWith(toHex(body)), `${vector.name} cut at ${cut}`);
    }
  }
});

test("Media header vectors decode and encode, and their prefixes mean more", () => {
  for (const vector of mediaHeaderVectors as readonly Vector[]) {
    const bytes = fromHex(vector.hex);
    const decode = (): unknown => {
      const header = decodeMediaHeader(bytes, 1, bytes.length);
      assert.ok(header, vector.name);
      const { end, ...fields } = header;
      assert.equal(end, bytes.length, vector.name);
      return fields;
    };
    check(vector, decode, (writer) => encodeMediaHeader(writer, fromJson(vector.value) as MediaHeaderInput));
    if (vector.error !== undefined) continue;
    for (let end = 1; end < bytes.length; end++) assert.equal(decodeMediaHeader(bytes, 1, end), undefined, vector.name);
  }
});

test("CBOR vectors decode and encode", () => {
  for (const vector of cborVectors as readonly Vector[]) {
    const bytes = fromHex(vector.hex);
    check(vector, () => decodeValue(bytes), (writer) => writer.raw(encodeValue(fromJson(vector.value))));
  }
});

function check(vector: Vector, decode: () => unknown, encode: (writer: Writer) => void): void {
  if (vector.error !== undefined) {
    assert.throws(decode, (error) => error instanceof EchoStreamError && error.code === vector.error, vector.name);
    return;
  }
  assert.deepEqual(withoutUndefined(decode()), fromJson(vector.value), vector.name);
  if (vector.decodeOnly) return;
  const writer = new Writer(1);
  encode(writer);
  assert.equal(toHex(writer.view()), vector.hex, vector.name);
}

function encodeMessage(writer: Writer, value: message.Message): void {
  switch (value.type) {
    case message.MessageType.REQUEST:
      return message.encodeRequest(writer, value);
    case message.MessageType.ANSWER:
      return message.encodeAnswer(writer, value);
    case message.MessageType.FAILURE:
      return message.encodeFailure(writer, value);
    case message.MessageType.CANCEL:
      return message.encodeCancel(writer, value.callId);
    case message.MessageType.STREAM_STATUS:
      return message.encodeStreamStatus(writer, value);
    case message.MessageType.EVENT_UNHEARD:
      return message.encodeEventUnheard(writer, value);
    case message.MessageType.STREAM_REPORT:
      return message.encodeStreamReport(writer, value);
    case message.MessageType.UNKNOWN:
      return assert.fail("Messages of unknown type have no encoder");
  }
}
