import assert from "node:assert/strict";
import { test } from "node:test";
import { contract, idempotentIn } from "./contract.ts";
import { cbor } from "./schema.ts";

const schema = cbor<number>();

test("contract keeps what it was given, frozen", () => {
  const given = {
    unary: { input: schema, output: schema, errors: { e: schema }, idempotent: true },
    bytes: {},
    stream: { kind: "serverStream", input: schema, output: schema },
    channel: { kind: "channel" },
    event: { kind: "event" },
    push: { kind: "push", payload: schema },
    media: { kind: "stream" },
  } as const;
  const { entries } = contract(given);
  assert.deepEqual(entries, given);
  assert.ok(Object.isFrozen(entries));
  assert.notEqual(entries, given);
});

test("contract names what makes no sense", () => {
  const wrong: [unknown, RegExp][] = [
    [null, /A contract is an object/],
    [{ "": {} }, /Contract name ""/],
    [{ $ping: {} }, /Contract "\$ping": names that start with "\$"/],
    [{ m: schema }, /Contract "m" takes \{ kind, input, output/],
    [{ m: { kind: "stram" } }, /Contract "m" does not know the kind "stram"/],
    [{ m: { kind: "toString" } }, /Contract "m" does not know the kind "toString"/],
    [{ m: { inptu: schema } }, /Contract "m" does not know the field "inptu"/],
    [{ m: { kind: "event", output: schema } }, /Contract "m" does not know the field "output"/],
    [{ m: { input: {}, output: schema } }, /The input of contract "m" is not a Standard Schema/],
    [{ m: { input: schema } }, /Contract "m" takes both input and output/],
    [{ m: { output: schema } }, /Contract "m" takes both input and output/],
    [{ m: { kind: "push" } }, /Contract "m" has no payload/],
    [{ m: { kind: "push", payload: 5 } }, /The payload of contract "m" is not a Standard Schema/],
    [{ m: { errors: { e: 5 } } }, /Error "e" of method "m" takes a Standard Schema/],
  ];
  for (const [entries, message] of wrong) {
    assert.throws(() => contract(entries as never), { name: "TypeError", message });
  }
});

test("idempotentIn names the methods that may run twice", () => {
  const entries = { a: { idempotent: true }, b: {}, c: { idempotent: false }, d: { kind: "event" } } as const;
  assert.deepEqual(idempotentIn(contract(entries)), ["a"]);
});
