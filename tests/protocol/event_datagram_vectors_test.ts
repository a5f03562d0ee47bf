import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeEventDatagram, encodeEventDatagram } from "../../src/protocol/event_datagram.ts";
import type { EventFrame } from "../../src/protocol/event_frame.ts";
import { Writer } from "../../src/protocol/writer.ts";
import eventVectors from "../vectors/event_datagrams.json" with { type: "json" };
import { fromHex, fromJson, toHex, type Vector } from "./wire_json.ts";

test("Event datagram vectors decode and encode", () => {
  for (const vector of eventVectors as readonly Vector[]) {
    const decoded = decodeEventDatagram(fromHex(vector.hex));
    if (vector.value === null) {
      assert.equal(decoded, undefined, vector.name);
      continue;
    }
    const expected = fromJson(vector.value) as Omit<EventFrame, "sequence">;
    assert.deepEqual(decoded, { sequence: 0, ...expected }, vector.name);
    if (vector.decodeOnly) continue;
    const writer = new Writer();
    encodeEventDatagram(writer, expected);
    assert.equal(toHex(writer.view()), vector.hex.replaceAll(" ", ""), vector.name);
  }
});
