import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeTimeAnswer,
  decodeTimeProbe,
  encodeTimeAnswer,
  encodeTimeProbe,
  type TimeAnswer,
  type TimeProbe,
} from "../../src/protocol/time_sync.ts";
import timeVectors from "../vectors/time_datagrams.json" with { type: "json" };
import { fromHex, toHex, type Vector } from "./wire_json.ts";

test("Time datagram vectors decode and encode", () => {
  for (const vector of timeVectors as readonly Vector[]) {
    const bytes = fromHex(vector.hex);
    const expected = vector.value as ({ kind: "probe" } & TimeProbe) | ({ kind: "answer" } & TimeAnswer) | null;
    const probe = decodeTimeProbe(bytes);
    const answer = decodeTimeAnswer(bytes);
    if (expected === null) {
      assert.deepEqual([probe, answer], [undefined, undefined], vector.name);
      continue;
    }
    const { kind, ...fields } = expected;
    assert.deepEqual(kind === "probe" ? [probe, answer] : [answer, probe], [fields, undefined], vector.name);
    if (vector.decodeOnly) continue;
    const encoded = expected.kind === "probe" ? encodeTimeProbe(expected) : encodeTimeAnswer(expected);
    assert.equal(toHex(encoded), vector.hex.replaceAll(" ", ""), vector.name);
  }
});
