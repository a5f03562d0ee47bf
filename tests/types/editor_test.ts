/**
 * What a mistake looks like in an editor, and what an editor offers: the name of the method or field, in a line or two.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FORMS, manyMethods } from "../../bench/types/many_methods.ts";
import { Editor, SOURCE_ENTRY_POINT } from "../support/editor.ts";

const editor = new Editor();

const SHOP = `
import { cbor, channel, contract, handler, isApplicationError, RpcClient, RpcServer } from "${SOURCE_ENTRY_POINT}";
import * as z from "zod";
export { cbor, channel, contract, handler, isApplicationError };
const order = { input: z.object({ item: z.string(), count: z.number() }), errors: { outOfStock: z.object({ left: z.number() }) } };
export const server = RpcServer.builder()
  .handler("buy", order, (_session, { count }) => count * 3)
  .handler("prices", z.object({ item: z.string() }), async function* () { yield 1; })
  .channel("haggle", z.number(), async function* (_session, offers) { for await (const offer of offers) yield offer; })
  .listener("seen", z.string(), () => {})
  .pushes({ closing: z.string() })
  .build();
declare const client: RpcClient<typeof server>;
const sale = contract({
  "sale.buy": { input: z.string(), output: z.number() },
  "sale.ended": { kind: "event", payload: z.string() },
});
`;

/** [what is done, the code, what the first line says]. */
const MISTAKES: readonly [string, string, string | RegExp][] = [
  [
    "an unknown method",
    'await client.request("bye", { item: "tea" });',
    `Argument of type '"bye"' is not assignable to parameter of type '"buy" | "prices" | "haggle"'.`,
  ],
  [
    "a payload without a field",
    'await client.request("buy", { item: "tea" });',
    `Argument of type '{ item: string; }' is not assignable to parameter of type '{ item: string; count: number; }'.
  Property 'count' is missing in type '{ item: string; }' but required in type '{ item: string; count: number; }'.`,
  ],
  [
    "a payload with a field that is none",
    'await client.request("buy", { item: "tea", count: 1, colour: "red" });',
    "Object literal may only specify known properties, and 'colour' does not exist in type '{ item: string; count: number; }'.",
  ],
  [
    "a payload with a field of the wrong type",
    'const wrong = { item: "tea", count: "1" }; await client.request("buy", wrong);',
    `Argument of type '{ item: string; count: string; }' is not assignable to parameter of type '{ item: string; count: number; }'.
  Types of property 'count' are incompatible.
    Type 'string' is not assignable to type 'number'.`,
  ],
  [
    "request of a method that streams",
    'await client.request("prices", { item: "tea" });',
    `Argument of type '{ item: string; }' is not assignable to parameter of type '"prices answers with a sequence: call it by requestStream"'.`,
  ],
  [
    "request of a channel",
    'await client.request("haggle", 1);',
    `Argument of type '1' is not assignable to parameter of type '"haggle is a channel: call it by requestChannel"'.`,
  ],
  [
    "requestStream of a method with one answer",
    'client.requestStream("buy", { item: "tea", count: 1 });',
    `Argument of type '{ item: string; count: number; }' is not assignable to parameter of type '"buy has one answer: call it by request"'.`,
  ],
  [
    "requestStream of a channel",
    'client.requestStream("haggle", 1);',
    `Argument of type '1' is not assignable to parameter of type '"haggle is a channel: call it by requestChannel"'.`,
  ],
  [
    "requestChannel of a method with one answer",
    'client.requestChannel("buy");',
    `Argument of type '"buy"' is not assignable to parameter of type '"buy has one answer: call it by request"'.`,
  ],
  [
    "requestChannel of a method that streams",
    'client.requestChannel("prices");',
    `Argument of type '"prices"' is not assignable to parameter of type '"prices answers with a sequence: call it by requestStream"'.`,
  ],
  [
    "requestChannel of an unknown method",
    'client.requestChannel("bye");',
    `Argument of type '"bye"' is not assignable to parameter of type '"buy" | "prices" | "haggle"'.`,
  ],
  [
    "an item of the wrong type",
    'await client.requestChannel("haggle").send("much");',
    "Argument of type 'string' is not assignable to parameter of type 'number'.",
  ],
  [
    "an event that nobody takes",
    'await client.emit("sene", "tea");',
    `Argument of type '"sene"' is not assignable to parameter of type '"seen"'.`,
  ],
  [
    "an error that the method does not declare",
    'isApplicationError(0, client, "buy", "outOfStok");',
    `Argument of type '"outOfStok"' is not assignable to parameter of type '"outOfStock"'.`,
  ],
  [
    "throwing an error that is not declared",
    'RpcServer.builder().handler("m", order, (_session, _order, call) => { throw call.error("gone", 1); });',
    `Argument of type '"gone"' is not assignable to parameter of type '"outOfStock"'.`,
  ],
  [
    "throwing a declared error with the wrong data",
    'RpcServer.builder().handler("m", order, (_session, _order, call) => { throw call.error("outOfStock", { lift: 1 }); });',
    "Object literal may only specify known properties, and 'lift' does not exist in type '{ left: number; }'.",
  ],
  [
    "a contract without one of its handlers",
    'RpcServer.builder().implement(sale, { "sale.ended": () => {} });',
    /Property '"sale\.buy"' is missing in type/,
  ],
  [
    "a handler that the contract does not have",
    'RpcServer.builder().implement(sale, { "sale.buy": () => 1, "sale.ended": () => {}, "sale.byu": () => 1 });',
    /^Object literal may only specify known properties, and '"sale\.byu"' does not exist in type/,
  ],
  [
    "a handler that returns something else than its contract says",
    'RpcServer.builder().implement(sale, { "sale.buy": () => "1", "sale.ended": () => {} });',
    "Type 'string' is not assignable to type 'MaybePromise<number>'.",
  ],
  [
    "a method of a contract without an output",
    'contract({ "sale.buy": { input: z.string() } });',
    /Property 'output' is missing in type/,
  ],
  [
    "a field that contracts do not have",
    'contract({ "sale.buy": { inptu: z.string(), output: z.string() } });',
    /^Object literal may only specify known properties, and 'inptu' does not exist in type/,
  ],
];

// All in one program, a line each, as checking one takes most of a second.
const mistaken = editor.errors(SHOP + MISTAKES.map(([, code]) => `{ ${code} }\n`).join(""));
const firstLine = SHOP.split("\n").length;

test("The shop of these tests compiles", () => {
  assert.deepEqual(mistaken.filter(({ line }) => line < firstLine), []);
});

for (const [n, [what, , expected]] of MISTAKES.entries()) {
  test(`An editor names what is wrong with ${what}, briefly`, () => {
    const [error = "", ...more] = mistaken.filter(({ line }) => line === firstLine + n).map(({ message }) => message);
    assert.deepEqual(more, []);
    if (typeof expected === "string") assert.equal(error, expected);
    else assert.match(error, expected);
    assert.ok(error.length < 1_500, `${error.length} characters`);
  });
}

const OFFERED: readonly [string, string, readonly string[]][] = [
  ["methods to request", 'client.request("|")', ["buy", "haggle", "prices"]],
  ["methods to requestStream", 'client.requestStream("|")', ["buy", "haggle", "prices"]],
  ["methods to requestChannel", 'client.requestChannel("|")', ["buy", "haggle", "prices"]],
  ["fields of a payload", 'client.request("buy", { | })', ["count", "item"]],
  ["events to emit", 'client.emit("|")', ["seen"]],
  ["events to listen to", 'client.on("|", () => {})', ["closing"]],
  ["declared errors", 'isApplicationError(0, client, "buy", "|")', ["outOfStock"]],
  ["handlers of a contract", "RpcServer.builder().implement(sale, { | })", ['"sale.buy"', '"sale.ended"']],
];

for (const [what, code, expected] of OFFERED) {
  test(`An editor offers ${what}`, () => {
    assert.deepEqual(editor.completions(`${SHOP}\n${code}`).sort(), expected);
  });
}

for (const form of FORMS) {
  test(`A server of 500 methods by ${form} compiles, and its client knows the last as well as the first`, () => {
    assert.deepEqual(editor.errors(manyMethods(form, 500, SOURCE_ENTRY_POINT)), []);
  });
}
