/**
 * Laws of the decoders over random input: round trips, prefixes, pieces and mutations.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as call from "../../src/protocol/call_frames.ts";
import { checkCbor } from "../../src/protocol/cbor_guard.ts";
import { decodeValue, encodeValue } from "../../src/protocol/codec.ts";
import { decodeEventAck, decodeGoaway, encodeGoaway } from "../../src/protocol/control_frames.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { decodeEvent, encodeEvent } from "../../src/protocol/event_frame.ts";
import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { decodeMediaClock, encodeMediaClock } from "../../src/protocol/media_clock.ts";
import {
  decodeMediaDatagramHead,
  decodeMediaFragment,
  decodeMediaParity,
  encodeMediaFragment,
  encodeMediaParity,
  protectedStart,
  readPacketNumber,
} from "../../src/protocol/media_fragment.ts";
import { decodeMediaPacket, encodeMediaPacket } from "../../src/protocol/media_packet.ts";
import * as message from "../../src/protocol/message.ts";
import { type MessageSink, MessageSplitter, splitWhole } from "../../src/protocol/message_splitter.ts";
import { decodeSettings, encodeSettings } from "../../src/protocol/settings.ts";
import { decodeMediaHeader, encodeMediaHeader } from "../../src/protocol/stream_header.ts";
import { Writer } from "../../src/protocol/writer.ts";
import * as arbitrary from "./arbitraries.ts";
import { toHex } from "./wire_json.ts";

const LIMIT = 1 << 20;

test("Every message decodes to what was encoded", () => {
  fc.assert(
    fc.property(arbitrary.message, (sent) => {
      const bytes = encoded((writer) => encodeMessage(writer, sent));
      assert.deepEqual({ ...message.decodeMessage(bytes, 0, bytes.length) }, { ...sent });
    }),
    arbitrary.RUNS,
  );
});

test("Every encodable value decodes to itself", () => {
  fc.assert(
    fc.property(arbitrary.value, (sent) => {
      assert.deepEqual(decodeValue(encodeValue(sent).slice()), sent);
    }),
    arbitrary.RUNS,
  );
});

test("Every integer beyond the safe ones decodes to itself as a bigint, every other as a number", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(1n << 512n), max: (1n << 512n) - 1n }), (sent) => {
      const isSafe = sent <= BigInt(Number.MAX_SAFE_INTEGER) && sent >= -BigInt(Number.MAX_SAFE_INTEGER);
      assert.equal(decodeValue(encodeValue(sent)), isSafe ? Number(sent) : sent);
    }),
    arbitrary.RUNS,
  );
});

test("Every frame of a streaming call decodes to what was encoded", () => {
  fc.assert(
    fc.property(
      fc.record(arbitrary.callFields),
      arbitrary.failureFields,
      arbitrary.metadata,
      (headers, failure, metadata) => {
        const stream = encoded((writer) => {
          call.encodeCallHeaders(writer, headers);
          call.encodeResponseHeaders(writer, metadata);
          call.encodeFailureTrailer(writer, failure);
          call.encodeTrailer(writer, metadata);
        });
        const [first, second, third, fourth] = frames([stream]);
        assert.deepEqual(call.decodeCallHeaders(...body(first)), { ...headers });
        assert.deepEqual(call.decodeResponseHeaders(...body(second)), { metadata, refused: undefined });
        assert.deepEqual(call.decodeTrailer(...body(third)), { failure, metadata: undefined });
        assert.deepEqual(call.decodeTrailer(...body(fourth)), { failure: undefined, metadata });
      },
    ),
    arbitrary.RUNS,
  );
});

test("FrameDecoder finds the same frames however the stream is chopped", () => {
  fc.assert(
    fc.property(frameStream, cuts, (stream, places) => {
      const whole = frames([stream]);
      assert.deepEqual(frames(chop(stream, places)), whole);
      assert.deepEqual(frames(Array.from(stream, (byte) => Uint8Array.of(byte))), whole);
    }),
    { ...arbitrary.RUNS, numRuns: 150 },
  );
});

test("FrameDecoder takes every proper prefix of a frame for more, and knows what is missing once it saw the header", () => {
  fc.assert(
    fc.property(arbitrary.bytes, (payload) => {
      const frame = encoded((writer) => call.encodeCallMessage(writer, { encoding: 0, payload }));
      for (let cut = 0; cut < frame.length; cut++) {
        const decoder = new FrameDecoder(LIMIT);
        decoder.push(frame.subarray(0, cut));
        assert.equal(decoder.next(), undefined);
        assert.equal(decoder.isBetweenFrames, cut === 0);
        const header = frame.length - payload.length - 1;
        assert.equal(decoder.missing, cut === 0 ? 0 : cut < header ? 1 : frame.length - cut);
      }
    }),
    { ...arbitrary.RUNS, numRuns: 60 },
  );
});

test("MessageSplitter hands over the same messages however the stream is chopped", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 120 }), { maxLength: 12 }), cuts, (sent, places) => {
      const maxMessageBytes = 80;
      const stream = encoded((writer) => sent.forEach((bytes) => writer.blob(bytes)));
      const expected = sent.map((bytes) =>
        bytes.length <= maxMessageBytes ? toHex(bytes) : `${bytes.length}:${toHex(bytes.subarray(0, 10))}`
      );
      const { taken, sink } = collector();
      const splitter = new MessageSplitter(maxMessageBytes, sink);
      for (const piece of chop(stream, places)) splitter.push(piece);
      splitter.finish();
      assert.deepEqual(taken, expected);
      const whole = collector();
      splitWhole(stream, 0, stream.length, maxMessageBytes, whole.sink);
      assert.deepEqual(whole.taken, expected);
    }),
    arbitrary.RUNS,
  );
});

test("Mutated messages decode or throw PROTOCOL_VIOLATION, nothing else", () => {
  fc.assert(
    fc.property(arbitrary.message, arbitrary.mutations, (sent, changes) => {
      const bytes = arbitrary.mutate(encoded((writer) => encodeMessage(writer, sent)), changes);
      onlyThrows(["PROTOCOL_VIOLATION"], () => message.decodeMessage(bytes, 0, bytes.length));
      onlyThrows(["PROTOCOL_VIOLATION"], () => message.decodeMessageHead(bytes));
    }),
    { ...arbitrary.RUNS, numRuns: 2000 },
  );
});

test("Mutated frame streams and media headers decode or throw the refusals of the spec, nothing else", () => {
  fc.assert(
    fc.property(frameStream, arbitrary.mutations, (sent, changes) => {
      const bytes = arbitrary.mutate(sent, changes);
      onlyThrows(["PROTOCOL_VIOLATION", "RESOURCE_EXHAUSTED"], () => frames([bytes], 500).forEach(decodeBody));
      onlyThrows(["PROTOCOL_VIOLATION"], () => decodeMediaHeader(bytes, 1, bytes.length));
    }),
    { ...arbitrary.RUNS, numRuns: 2000 },
  );
});

test("Mutated and random media datagrams decode or are dropped, and never throw", () => {
  const fragment = fc.tuple(arbitrary.integer, arbitrary.integer, arbitrary.bytes).map(([id, timestamp, payload]) =>
    encodeMediaFragment(id, { packet: 7, index: 1, count: 2, sequence: 3, timestamp, payload })
  );
  const parity = fc.tuple(arbitrary.integer, arbitrary.bytes).map(([id, bytes]) =>
    encodeMediaParity(id, { packet: 8, count: 4, lengths: 300, bytes })
  );
  fc.assert(
    fc.property(fc.oneof(fragment, parity, arbitrary.bytes), arbitrary.mutations, (sent, changes) => {
      for (const bytes of [sent, arbitrary.mutate(sent, changes)]) {
        const start = decodeMediaDatagramHead(bytes)?.start;
        if (start === undefined) continue;
        decodeMediaParity(bytes, start);
        const packet = readPacketNumber(bytes, start);
        if (packet !== undefined) decodeMediaFragment(packet, bytes, protectedStart(start), bytes.length);
      }
    }),
    { ...arbitrary.RUNS, numRuns: 2000 },
  );
});

test("Mutated CBOR decodes or throws INVALID_ARGUMENT or RESOURCE_EXHAUSTED, nothing else", () => {
  fc.assert(
    fc.property(arbitrary.value, arbitrary.mutations, (sent, changes) => {
      const bytes = arbitrary.mutate(encodeValue(sent), changes);
      onlyThrows(["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"], () => decodeValue(bytes));
    }),
    { ...arbitrary.RUNS, numRuns: 3000 },
  );
});

test("Random bytes decode or throw the refusals of the spec, nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      onlyThrows(["PROTOCOL_VIOLATION"], () => message.decodeMessage(bytes, 0, bytes.length));
      onlyThrows(["PROTOCOL_VIOLATION", "RESOURCE_EXHAUSTED"], () => frames([bytes]).forEach(decodeBody));
      onlyThrows(["PROTOCOL_VIOLATION"], () => splitWhole(bytes, 0, bytes.length, LIMIT, collector().sink));
      onlyThrows(["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"], () => decodeValue(bytes));
    }),
    { ...arbitrary.RUNS, numRuns: 3000 },
  );
});

test("What the guard lets through, cbor-x decodes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        checkCbor(bytes);
      } catch {
        return;
      }
      decodeValue(bytes);
    }),
    { ...arbitrary.RUNS, numRuns: 20_000 },
  );
});

const cuts = fc.array(fc.nat(2000), { maxLength: 12 });

const frameStream: fc.Arbitrary<Uint8Array> = fc.array(
  fc.oneof(
    fc.record(arbitrary.callFields).map((headers) => encoded((writer) => call.encodeCallHeaders(writer, headers))),
    arbitrary.bytes.map((payload) => encoded((writer) => call.encodeCallMessage(writer, { encoding: 1, payload }))),
    arbitrary.failureFields.map((failure) => encoded((writer) => call.encodeFailureTrailer(writer, failure))),
    fc.tuple(arbitrary.name, arbitrary.bytes, arbitrary.integer).map(([name, payload, sequence]) =>
      encoded((writer) => encodeEvent(writer, { sequence, name, encoding: 0, payload }))
    ),
    fc.tuple(arbitrary.integer, arbitrary.bytes).map(([timestamp, payload]) =>
      encoded((writer) => encodeMediaPacket(writer, { flags: 0, sequence: 7, timestamp, payload }))
    ),
    fc.tuple(arbitrary.integer, arbitrary.integer).map(([timestamp, senderUs]) =>
      encoded((writer) => encodeMediaClock(writer, { timestamp, senderUs }))
    ),
    fc.tuple(arbitrary.integer, fc.array(arbitrary.name, { maxLength: 4 })).map(([features, methodNames]) =>
      encoded((writer) => encodeSettings(writer, { features, methodNames, sessionToken: new Uint8Array(32) }))
    ),
    arbitrary.integer.map((code) => encoded((writer) => encodeGoaway(writer, { code, graceMs: 1, reason: "bye" }))),
    arbitrary.metadata.map((metadata) =>
      encoded((writer) =>
        encodeMediaHeader(writer, {
          mediaStreamId: 1,
          name: "m",
          clockRateHz: 1000,
          delivery: "datagram",
          maxLatencyMs: 400,
          metadata,
        })
      )
    ),
    // Unknown frame type, to be stepped over.
    arbitrary.bytes.map((bytes) => encoded((writer) => writer.varint(0x1234).blob(bytes))),
  ),
  { maxLength: 6 },
).map((parts) => encoded((writer) => parts.forEach((part) => writer.raw(part))));

interface FoundFrame {
  readonly type: number;
  readonly body: Uint8Array;
}

function frames(pieces: readonly Uint8Array[], maxFrameBytes = LIMIT): FoundFrame[] {
  const decoder = new FrameDecoder(maxFrameBytes);
  const found: FoundFrame[] = [];
  for (const piece of pieces) {
    const bytes = piece.slice();
    decoder.push(bytes);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
      found.push({ type: frame.type, body: frame.bytes.slice(frame.start, frame.end) });
    }
    // The decoder may not need the piece any more.
    bytes.fill(0xee);
  }
  return found;
}

function body(frame: FoundFrame | undefined): [Uint8Array, number, number] {
  assert.ok(frame);
  return [frame.body, 0, frame.body.length];
}

function decodeBody(frame: FoundFrame): void {
  const place = body(frame);
  switch (frame.type) {
    case FrameType.HEADERS:
      call.decodeCallHeaders(...place);
      return;
    case FrameType.MESSAGE:
      call.decodeCallMessage(...place);
      return;
    case FrameType.END:
      return call.decodeEnd(...place);
    case FrameType.TRAILER:
      call.decodeTrailer(...place);
      return;
    case FrameType.SETTINGS:
      decodeSettings(...place);
      return;
    case FrameType.GOAWAY:
      decodeGoaway(...place);
      return;
    case FrameType.EVENT_ACK:
      decodeEventAck(...place);
      return;
    case FrameType.EVENT:
      decodeEvent(...place);
      return;
    case FrameType.MEDIA:
      decodeMediaPacket(...place);
      return;
    case FrameType.MEDIA_CLOCK:
      decodeMediaClock(...place);
  }
}

function chop(stream: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b);
  return [0, ...sorted].map((start, i) => stream.subarray(start, sorted[i] ?? stream.length));
}

function collector(): { taken: string[]; sink: MessageSink } {
  const taken: string[] = [];
  return {
    taken,
    sink: {
      onMessage: (bytes, start, end) => taken.push(toHex(bytes.subarray(start, end))),
      onOversize: (head, lengthBytes) => taken.push(`${lengthBytes}:${toHex(head)}`),
    },
  };
}

function onlyThrows(codes: readonly string[], run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof EchoStreamError) || !codes.includes(error.code)) throw error;
  }
}

function encoded(encode: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(16);
  encode(writer);
  return writer.view().slice();
}

function encodeMessage(writer: Writer, sent: message.Message): void {
  if (sent.type === message.MessageType.REQUEST) message.encodeRequest(writer, sent);
  else if (sent.type === message.MessageType.ANSWER) message.encodeAnswer(writer, sent);
  else if (sent.type === message.MessageType.FAILURE) message.encodeFailure(writer, sent);
  else if (sent.type === message.MessageType.CANCEL) message.encodeCancel(writer, sent.callId);
  else if (sent.type === message.MessageType.STREAM_STATUS) message.encodeStreamStatus(writer, sent);
  else if (sent.type === message.MessageType.EVENT_UNHEARD) message.encodeEventUnheard(writer, sent);
  else if (sent.type === message.MessageType.STREAM_REPORT) message.encodeStreamReport(writer, sent);
}
