import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clockOffsetUs,
  datagramKind,
  decodeTimeAnswer,
  decodeTimeProbe,
  encodeTimeAnswer,
  encodeTimeProbe,
  roundTripUs,
} from "./time_sync.ts";

test("The four stamps give offset and round trip", () => {
  const stamps = { t1: 100, t2: 1_150, t3: 1_160, t4: 220 };
  assert.equal(clockOffsetUs(stamps), 995);
  assert.equal(roundTripUs(stamps), 110);
});

test("Time datagrams keep every bit of sequence, nonce and times", () => {
  const answer = { sequence: 0xffff_fffe, nonce: 0x8000_0001, t2: Number.MAX_SAFE_INTEGER, t3: 0 };
  assert.deepEqual(decodeTimeAnswer(encodeTimeAnswer(answer)), answer);
  const { t2: _t2, t3: _t3, ...probe } = answer;
  assert.deepEqual(decodeTimeProbe(encodeTimeProbe(probe)), probe);
});

test("Fractions of microseconds are dropped, times outside of the range refused", () => {
  const answer = { sequence: 1, nonce: 2, t2: 10.9, t3: 4_294_967_296.5 };
  assert.deepEqual(decodeTimeAnswer(encodeTimeAnswer(answer)), { sequence: 1, nonce: 2, t2: 10, t3: 4_294_967_296 });
  for (const t2 of [-1, NaN, Infinity, 2 ** 53]) {
    assert.throws(() => encodeTimeAnswer({ ...answer, t2 }), RangeError);
  }
});

test("Datagrams that are cut, of another kind or with an impossible time are none", () => {
  const answer = encodeTimeAnswer({ sequence: 1, nonce: 2, t2: 3, t3: 4 });
  for (let end = 0; end < answer.length; end++) assert.equal(decodeTimeAnswer(answer.subarray(0, end)), undefined);
  const probe = encodeTimeProbe({ sequence: 1, nonce: 2 });
  for (let end = 0; end < probe.length; end++) assert.equal(decodeTimeProbe(probe.subarray(0, end)), undefined);
  assert.equal(decodeTimeAnswer(Uint8Array.from([0x01, ...answer.subarray(1)])), undefined);
  assert.equal(decodeTimeAnswer(answer.map((byte, at) => at === 9 ? 0x20 : byte)), undefined);
  assert.equal(datagramKind(new Uint8Array()), undefined);
  assert.equal(datagramKind(Uint8Array.of(0x40, 0x01)), undefined);
});
