import assert from "node:assert/strict";
import { test } from "node:test";
import { Router } from "./router.ts";
import { cbor } from "./schema.ts";

test("Router finds what was registered, and takes bytes where there is no schema", () => {
  const handler = (): void => {};
  const router = new Router<null>().handle("raw", handler).handle("typed", handler, {
    input: cbor<number>(),
    idempotent: true,
  });
  assert.deepEqual([router.find("raw")?.raw, router.find("typed")?.raw, router.find("typed")?.idempotent], [
    true,
    false,
    true,
  ]);
  assert.equal(router.find("other"), undefined);
  assert.deepEqual([...router.names()], ["raw", "typed"]);
});

test("Router refuses a method twice, a bad name, and what is no function", () => {
  const router = new Router<null>().handle("echo", () => {});
  assert.throws(() => router.handle("echo", () => {}), {
    name: "TypeError",
    message: 'Method "echo" already has a handler',
  });
  for (const name of ["", "x".repeat(129), "a\nb", 1 as never]) {
    assert.throws(() => router.handle(name, () => {}), TypeError);
  }
  assert.throws(() => router.handle("x", 1 as never), { message: 'Handler of method "x" is not a function' });
});
