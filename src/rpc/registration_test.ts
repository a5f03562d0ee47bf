import assert from "node:assert/strict";
import { test } from "node:test";
import { Listeners } from "./listeners.ts";
import { registerListener, registerMethod } from "./registration.ts";
import { Router } from "./router.ts";
import { cbor } from "./schema.ts";

const handler = (): undefined => undefined;
const schema = cbor<number>();

function registered(...args: unknown[]) {
  const router = new Router<undefined>();
  registerMethod(router, "m", args);
  return router.find("m");
}

test("registerMethod takes a handler of bytes", () => {
  assert.deepEqual(registered(handler), {
    name: "m",
    handler,
    input: undefined,
    output: undefined,
    raw: true,
    idempotent: false,
    errors: undefined,
    channel: false,
  });
});

test("registerMethod takes a schema before the handler", () => {
  assert.deepEqual(registered(schema, handler), {
    name: "m",
    handler,
    input: schema,
    output: undefined,
    raw: false,
    idempotent: false,
    errors: undefined,
    channel: false,
  });
});

test("registerMethod takes options before the handler", () => {
  assert.deepEqual(registered({ input: schema, output: schema, idempotent: true }, handler), {
    name: "m",
    handler,
    input: schema,
    output: schema,
    raw: false,
    idempotent: true,
    errors: undefined,
    channel: false,
  });
  assert.deepEqual(registered({ idempotent: true }, handler), {
    name: "m",
    handler,
    input: undefined,
    output: undefined,
    raw: true,
    idempotent: true,
    errors: undefined,
    channel: false,
  });
});

test("registerMethod names what is wrong with its arguments", () => {
  assert.throws(() => registered("schema", handler), {
    name: "TypeError",
    message: /Method "m" takes a Standard Schema/,
  });
  assert.throws(() => registered({ inptu: schema }, handler), {
    name: "TypeError",
    message: /does not know the option "inptu"/,
  });
  assert.throws(() => registered({ input: {} }, handler), {
    name: "TypeError",
    message: /input of method "m" is not a Standard Schema/,
  });
  assert.throws(() => registered(schema), { name: "TypeError", message: /Handler of method "m" is not a function/ });
  assert.throws(() => registered(), { name: "TypeError", message: /Handler of method "m" is not a function/ });
});

test("registerMethod takes generators, and channels with the same arguments", () => {
  const generator = async function* (): AsyncGenerator<number> {};
  assert.equal(registered(schema, generator)?.channel, false);
  const router = new Router<undefined>();
  registerMethod(router, "m", [{ input: schema, output: schema }, generator], true);
  const { channel, raw, handler } = router.find("m")!;
  assert.deepEqual({ channel, raw }, { channel: true, raw: false });
  assert.equal(handler, generator);
});

test("registerListener gives bytes, the payload as sent, or a validated value", () => {
  const listeners = new Listeners<undefined>();
  registerListener(listeners, "e", [handler], true);
  registerListener(listeners, "e", [handler], false);
  registerListener(listeners, "e", [schema, handler], true);
  assert.deepEqual(listeners.find("e")?.map(({ raw, input }) => ({ raw, input })), [
    { raw: true, input: undefined },
    { raw: false, input: undefined },
    { raw: false, input: schema },
  ]);
  assert.throws(() => registerListener(listeners, "e", ["schema", handler], true), {
    name: "TypeError",
    message: /Event "e"/,
  });
});

test("registerListener returns how to take the listener away", () => {
  const listeners = new Listeners<undefined>();
  const remove = registerListener(listeners, "e", [handler], true);
  remove();
  assert.equal(listeners.find("e"), undefined);
});
