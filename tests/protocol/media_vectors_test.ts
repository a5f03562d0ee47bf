/**
 * The literal bytes of media units and media datagrams, both ways. Spec: docs/protocol.md, "Media streams".
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import {
  decodeMediaDatagramHead,
  decodeMediaFragment,
  decodeMediaParity,
  encodeMediaFragment,
  encodeMediaParity,
  MediaDatagramKind,
  type MediaFragment,
  type MediaParity,
  protectedStart,
  readPacketNumber,
} from "../../src/protocol/media_fragment.ts";
import { decodeMediaPacket, encodeMediaPacket, type MediaPacket } from "../../src/protocol/media_packet.ts";
import { decodeMediaUnitHead, encodeMediaUnitHead } from "../../src/protocol/media_unit.ts";
import { MAX_MESSAGE_BYTES } from "../../src/protocol/version.ts";
import { Writer } from "../../src/protocol/writer.ts";
import datagramVectors from "../vectors/media_datagrams.json" with { type: "json" };
import unitVectors from "../vectors/media_units.json" with { type: "json" };
import { fromHex, fromJson, toHex, type Vector } from "./wire_json.ts";

test("Media unit vectors decode and encode", () => {
  for (const vector of unitVectors as readonly Vector[]) {
    const bytes = fromHex(vector.hex);
    if (vector.error !== undefined) {
      const { error } = vector;
      assert.throws(
        () => decodeUnit(bytes),
        (thrown) => thrown instanceof EchoStreamError && thrown.code === error,
        vector.name,
      );
      continue;
    }
    const expected = fromJson(vector.value) as Unit;
    assert.deepEqual(decodeUnit(bytes), expected, vector.name);
    const writer = new Writer(1);
    encodeMediaUnitHead(writer, expected.mediaStreamId);
    for (const frame of expected.frames) encodeMediaPacket(writer, frame);
    assert.equal(toHex(writer.view()), toHex(bytes), vector.name);
  }
});

test("Media datagram vectors decode and encode, or are dropped", () => {
  for (const vector of datagramVectors as readonly Vector[]) {
    const bytes = fromHex(vector.hex);
    const expected = fromJson(vector.value) as Datagram | null;
    assert.deepEqual(decodeDatagram(bytes), expected, vector.name);
    if (expected === null || vector.decodeOnly) continue;
    const encoded = expected.kind === "fragment"
      ? encodeMediaFragment(expected.mediaStreamId, expected)
      : encodeMediaParity(expected.mediaStreamId, expected);
    assert.equal(toHex(encoded), toHex(bytes), vector.name);
  }
});

interface Unit {
  readonly mediaStreamId: number;
  readonly frames: MediaPacket[];
}

type Datagram =
  & { readonly mediaStreamId: number }
  & (({ readonly kind: "fragment" } & MediaFragment) | ({ readonly kind: "parity" } & MediaParity));

function decodeUnit(bytes: Uint8Array): Unit {
  const head = decodeMediaUnitHead(bytes, 1, bytes.length);
  assert.ok(head);
  const decoder = new FrameDecoder(MAX_MESSAGE_BYTES);
  decoder.push(bytes.subarray(head.end));
  const frames: MediaPacket[] = [];
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
    frames.push(decodeMediaPacket(frame.bytes, frame.start, frame.end));
  }
  return { mediaStreamId: head.mediaStreamId, frames };
}

function decodeDatagram(bytes: Uint8Array): Datagram | null {
  const head = decodeMediaDatagramHead(bytes);
  if (head === undefined) return null;
  const { mediaStreamId, start } = head;
  if (bytes[0] === MediaDatagramKind.PARITY) {
    const parity = decodeMediaParity(bytes, start);
    return parity === undefined ? null : { kind: "parity", mediaStreamId, ...parity };
  }
  const packet = readPacketNumber(bytes, start);
  if (packet === undefined) return null;
  const fragment = decodeMediaFragment(packet, bytes, protectedStart(start), bytes.length);
  return fragment === undefined ? null : { kind: "fragment", mediaStreamId, ...fragment };
}
