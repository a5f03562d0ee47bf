import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeMessage,
  decodeMessageHead,
  encodeAnswer,
  encodeCancel,
  encodeFailure,
  encodeRequest,
  MESSAGE_HEAD_BYTES,
  MessageType,
  type RequestInput,
} from "./message.ts";
import { Writer } from "./writer.ts";

const NOTHING = new Uint8Array(0);
const request = (fields: Partial<RequestInput>): RequestInput => ({
  callId: 1,
  method: "m",
  encoding: 0,
  payload: NOTHING,
  ...fields,
});

test("encodeRequest refuses a method, trace context, deadline or call id that may not travel", () => {
  const encode = (fields: Partial<RequestInput>) => () => encodeRequest(new Writer(), request(fields));
  assert.throws(encode({ method: "" }), TypeError);
  assert.throws(encode({ method: "a\n" }), TypeError);
  assert.throws(encode({ method: "x".repeat(129) }), TypeError);
  assert.throws(encode({ method: -1 }), RangeError);
  assert.throws(encode({ traceparent: "00-0" }), TypeError);
  assert.throws(encode({ traceparent: `00-${"0".repeat(32)}-b7ad6b7169203331-01` }), TypeError);
  assert.throws(encode({ timeoutMs: -5 }), RangeError);
  assert.throws(encode({ callId: 1.5 }), RangeError);
});

test("encodeRequest rounds a deadline up, so that little time left is never no deadline", () => {
  const writer = new Writer();
  encodeRequest(writer, request({ timeoutMs: 0.2 }));
  const message = decodeMessage(writer.bytes, 0, writer.length);
  assert.ok(message.type === MessageType.REQUEST);
  assert.equal(message.timeoutMs, 1);
});

test("decodeMessage returns a payload that is a view of the received bytes", () => {
  const writer = new Writer();
  encodeAnswer(writer, { callId: 7, encoding: 0, payload: Uint8Array.of(1, 2, 3) });
  const received = new Uint8Array(100);
  received.set(writer.view(), 40);
  const message = decodeMessage(received, 40, 40 + writer.length);
  assert.ok(message.type === MessageType.ANSWER);
  assert.equal(message.payload.buffer, received.buffer);
  assert.deepEqual(Array.from(message.payload), [1, 2, 3]);
});

test("decodeMessage applies the metadata limits it is given and still tells the call", () => {
  const writer = new Writer();
  encodeRequest(writer, request({ callId: 9, metadata: [["a", "1"], ["b", "2"]], payload: Uint8Array.of(5) }));
  const message = decodeMessage(writer.bytes, 0, writer.length, { maxMetadataBytes: 100, maxMetadataEntries: 1 });
  assert.ok(message.type === MessageType.REQUEST);
  assert.equal(message.refused, "RESOURCE_EXHAUSTED");
  assert.equal(message.callId, 9);
  assert.equal(message.metadata, undefined);
});

test("encodeFailure cuts text and name, and decodeMessage reads no more of them than that", () => {
  const writer = new Writer();
  encodeFailure(writer, {
    callId: 1,
    code: "INTERNAL",
    disposition: "processed",
    message: "é".repeat(2_000),
    errorName: "N".repeat(500),
  });
  const message = decodeMessage(writer.bytes, 0, writer.length);
  assert.ok(message.type === MessageType.FAILURE);
  assert.equal(message.message, "é".repeat(512));
  assert.equal(message.errorName, "N".repeat(128));
});

test("decodeMessageHead tells type and call id of a message too large to be held", () => {
  const callId = 2 ** 40;
  const writer = new Writer();
  encodeRequest(writer, request({ callId, payload: new Uint8Array(100) }));
  const head = writer.view().subarray(0, MESSAGE_HEAD_BYTES);
  assert.deepEqual(decodeMessageHead(head), { type: MessageType.REQUEST, callId });
  encodeCancel(writer.reset(), callId);
  assert.equal(decodeMessageHead(writer.view()), undefined);
  assert.equal(decodeMessageHead(head.subarray(0, 5)), undefined);
});
