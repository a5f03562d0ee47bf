import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeSettings, encodeSettings, FLOOR_SETTINGS, internableMethodNames } from "./settings.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import { MAX_CONTROL_FRAME_BYTES } from "./version.ts";
import { Writer } from "./writer.ts";

test("encodeSettings refuses limits below the floor and tokens of no or too many bytes", () => {
  const encode = (settings: Parameters<typeof encodeSettings>[1]) => () => encodeSettings(new Writer(), settings);
  assert.throws(encode({ maxMessageBytes: 1_000 }), /maxMessageBytes 1000 is below its floor 1048576/);
  assert.throws(encode({ sessionToken: new Uint8Array(0) }), RangeError);
  assert.throws(encode({ resumeToken: new Uint8Array(257) }), RangeError);
});

test("internableMethodNames keeps as many names as one SETTINGS frame holds", () => {
  const names = Array.from({ length: 2_000 }, (_, i) => `${i}.`.padEnd(100, "x"));
  const methodNames = internableMethodNames(names);
  assert.ok(methodNames.length > 600 && methodNames.length < names.length);
  const writer = new Writer();
  encodeSettings(writer, {
    methodNames,
    sessionToken: new Uint8Array(256),
    resumeToken: new Uint8Array(256),
    resumeEventSequence: Number.MAX_SAFE_INTEGER,
    maxMessageBytes: Number.MAX_SAFE_INTEGER,
  });
  const decoder = new FrameDecoder(MAX_CONTROL_FRAME_BYTES);
  decoder.push(writer.view());
  const frame = decoder.next();
  assert.ok(frame);
  assert.deepEqual(decodeSettings(frame.bytes, frame.start, frame.end).methodNames, methodNames);
});

test("decodeSettings gives the floor for what is absent", () => {
  assert.deepEqual(decodeSettings(new Uint8Array(0), 0, 0), FLOOR_SETTINGS);
});
