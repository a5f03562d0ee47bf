/**
 * Random protocol values for the property tests.
 *
 * @module
 */

import fc from "fast-check";
import { Encoding } from "../../src/protocol/encoding.ts";
import { type Disposition, ErrorCode } from "../../src/protocol/error.ts";
import { type Message, MessageType } from "../../src/protocol/message.ts";
import type { Metadata } from "../../src/protocol/metadata.ts";
import { isName } from "../../src/protocol/utf8.ts";

/** Seed and number of runs of every property; fast-check prints the seed and path of a failure. */
export const RUNS: { readonly seed: number; readonly numRuns: number } = { seed: 0x0e5c_4057, numRuns: 300 };

/** Any integer the wire carries, with every varint size about equally often. */
export const integer: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 63 }),
  fc.integer({ min: 64, max: 0x3fff }),
  fc.integer({ min: 0x4000, max: 0x3fff_ffff }),
  fc.maxSafeNat(),
);

/** Method, event and stream names. */
export const name: fc.Arbitrary<string> = fc.oneof(
  fc.string({ minLength: 1, maxLength: 128 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }),
).filter(isName);

/** Payloads and other bytes. */
export const bytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 300 });

/** Metadata inside the floor limits. */
export const metadata: fc.Arbitrary<Metadata> = fc.array(
  fc.tuple(
    fc.stringMatching(/^[\x21-\x7e]{1,40}$/),
    fc.oneof(fc.string({ unit: "grapheme", maxLength: 40 }), fc.uint8Array({ maxLength: 40 })),
  ),
  { minLength: 1, maxLength: 8 },
);

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${digits - 1}}[1-9a-f]$`));

/** `traceparent` of version 00. */
export const traceparent: fc.Arbitrary<string> = fc.tuple(hex(32), hex(16), hex(2)).map((parts) =>
  ["00", ...parts].join("-")
);

const encoding = fc.constantFrom(Encoding.RAW, Encoding.CBOR);
const code = fc.constantFrom(...Object.values(ErrorCode));
const text = fc.string({ unit: "grapheme", maxLength: 60 });

function maybe<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

/** Fields of a call as they arrive. */
export const callFields = {
  method: fc.oneof(name, integer),
  timeoutMs: fc.oneof(fc.constant(0), integer),
  traceparent: maybe(traceparent),
  metadata: maybe(metadata),
  idempotent: fc.boolean(),
  refused: fc.constant(undefined),
} as const;

/** Fields of a failure as they arrive. */
export const failureFields = fc.record({
  code,
  disposition: fc.constantFrom<Disposition>("notProcessed", "perhapsProcessed", "processed"),
  message: text,
  errorName: maybe(name),
  metadata: maybe(metadata),
  data: maybe(bytes),
  dataEncoding: integer,
}).map((fields) => ({ ...fields, dataEncoding: fields.data === undefined ? 0 : fields.dataEncoding }));

/** Messages as they arrive. */
export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: fc.constant(MessageType.REQUEST), callId: integer, ...callFields, encoding, payload: bytes }),
  fc.record({
    type: fc.constant(MessageType.ANSWER),
    callId: integer,
    metadata: maybe(metadata),
    encoding,
    payload: bytes,
    refused: fc.constant(undefined),
  }),
  fc.tuple(integer, failureFields).map(([callId, fields]) => ({ type: MessageType.FAILURE, callId, ...fields })),
  fc.record({ type: fc.constant(MessageType.CANCEL), callId: integer }),
  fc.record({
    type: fc.constant(MessageType.STREAM_STATUS),
    mediaStreamId: integer,
    code: maybe(code),
    framesReceived: integer,
    message: text,
  }),
  fc.record({ type: fc.constant(MessageType.EVENT_UNHEARD), sequence: integer, count: integer, name }),
  fc.record({
    type: fc.constant(MessageType.STREAM_REPORT),
    mediaStreamId: integer,
    congested: fc.boolean(),
    framesExpected: integer,
    framesReceived: integer,
    jitterUs: integer,
  }),
);

/** Values that CBOR carries without loss. */
export const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.constantFrom(null, undefined, true, false),
    fc.double().map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.maxSafeInteger(),
    fc.bigInt().filter((integer) => !Number.isSafeInteger(Number(integer))),
    fc.string({ unit: "grapheme", maxLength: 100 }),
    fc.string({ unit: "binary", maxLength: 100 }),
    fc.uint8Array({ maxLength: 40 }),
    fc.float32Array({ maxLength: 5 }),
    fc.date(),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.dictionary(fc.string({ unit: "grapheme", maxLength: 12 }).filter((key) => key !== "__proto__"), tie("value"), {
      maxKeys: 20,
      noNullPrototype: true,
    }),
  ),
})).value;

/** Where to change, cut or insert bytes. */
export const mutations: fc.Arbitrary<readonly (readonly [place: number, byte: number, kind: number])[]> = fc.array(
  fc.tuple(fc.nat(400), fc.nat(255), fc.nat(2)),
  { minLength: 1, maxLength: 6 },
);

/** `original` with `changes` applied: a byte replaced, removed or inserted. */
export function mutate(
  original: Uint8Array,
  changes: readonly (readonly [place: number, byte: number, kind: number])[],
): Uint8Array {
  const mutated = Array.from(original);
  for (const [place, byte, kind] of changes) {
    const at = mutated.length === 0 ? 0 : place % mutated.length;
    if (kind === 0) mutated[at] = byte;
    else if (kind === 1) mutated.splice(at, 1);
    else mutated.splice(at, 0, byte);
  }
  return Uint8Array.from(mutated);
}
