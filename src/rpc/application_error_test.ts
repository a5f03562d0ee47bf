import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { applicationError, declareErrors, leavingError } from "./application_error.ts";
import { cbor } from "./schema.ts";

const errors = declareErrors("buy", {
  outOfStock: { code: ErrorCode.RESOURCE_EXHAUSTED, data: z.object({ left: z.coerce.number() }), message: "Sold out" },
  tooDear: z.number(),
  closed: {},
  late: z.string().refine((text) => Promise.resolve(text.length > 0)),
  any: cbor<unknown>(),
});
const method = { name: "buy", errors };

test("declareErrors takes a schema, a description, and nothing", () => {
  assert.equal(declareErrors("m", undefined), undefined);
  assert.deepEqual([...errors!.values()].map(({ name, code, message }) => [name, code, message]), [
    ["outOfStock", "RESOURCE_EXHAUSTED", "Sold out"],
    ["tooDear", "FAILED_PRECONDITION", '"buy" failed with "tooDear"'],
    ["closed", "FAILED_PRECONDITION", '"buy" failed with "closed"'],
    ["late", "FAILED_PRECONDITION", '"buy" failed with "late"'],
    ["any", "FAILED_PRECONDITION", '"buy" failed with "any"'],
  ]);
});

test("declareErrors names what is wrong", () => {
  const wrong: [unknown, RegExp][] = [
    ["text", /errors of method "m" are no object/],
    [z.string(), /errors of method "m" are no object/],
    [{ "": {} }, /Error name ""/],
    [{ $issues: {} }, /"\$issues": names that start with "\$"/],
    [{ e: 5 }, /Error "e" of method "m" takes a Standard Schema/],
    [{ e: { dta: z.string() } }, /Error "e" of method "m" has no option "dta"/],
    [{ e: { code: "NOPE" } }, /code of error "e" of method "m" is no status/],
    [{ e: { data: {} } }, /data of error "e" of method "m" are not described by a Standard Schema/],
  ];
  for (const [declared, message] of wrong) {
    assert.throws(() => declareErrors("m", declared), { name: "TypeError", message });
  }
});

test("applicationError makes a declared error, with the text and metadata of the handler where it gives them", () => {
  const cause = new Error("underneath");
  const error = applicationError("buy", errors, "outOfStock", { left: 0 }, { cause, metadata: { shop: "a" } });
  assert.deepEqual(
    [error.code, error.message, error.errorName, error.data, error.cause, error.metadata],
    ["RESOURCE_EXHAUSTED", "Sold out", "outOfStock", { left: 0 }, cause, [["shop", "a"]]],
  );
  assert.equal(applicationError("buy", errors, "closed", undefined, { message: "Come back" }).message, "Come back");
  const message = /Method "buy" declares no error "sold"/;
  assert.throws(() => applicationError("buy", errors, "sold", undefined), { name: "TypeError", message });
  assert.throws(() => applicationError("buy", undefined, "sold", undefined), { name: "TypeError", message });
});

test("leavingError leaves alone what the method does not declare", () => {
  const thrown = [
    new Error("x"),
    "text",
    undefined,
    new EchoStreamError("NOT_FOUND", "Nothing there"),
    new EchoStreamError("NOT_FOUND", "Nothing there", { errorName: "other", data: 5 }),
  ];
  for (const error of thrown) assert.equal(leavingError(method, error), error);
  const declared = applicationError("buy", errors, "tooDear", "not a number");
  assert.equal(leavingError({ name: "buy", errors: undefined }, declared), declared);
});

test("leavingError gives data as their schema wants them, and none to an error that declares none", () => {
  const coerced = leavingError(method, applicationError("buy", errors, "outOfStock", { left: "3", secret: 1 }));
  assert.deepEqual((coerced as EchoStreamError).data, { left: 3 });
  const byHand = new EchoStreamError("ABORTED", "Closed", { errorName: "closed", data: 7, metadata: [["a", "b"]] });
  const { code, message, data, metadata } = leavingError(method, byHand) as EchoStreamError;
  assert.deepEqual([code, message, data, metadata], ["ABORTED", "Closed", undefined, [["a", "b"]]]);
});

test("leavingError turns data that do not match, or cannot travel, into what the log is to show", async () => {
  const refused = leavingError(method, applicationError("buy", errors, "tooDear", "x")) as TypeError;
  assert.match(refused.message, /^Data of error "tooDear" of "buy" do not match their schema: /);
  assert.equal(refused.name, "TypeError");
  assert.ok(Array.isArray(refused.cause));
  const unfit = leavingError(method, applicationError("buy", errors, "any", () => {}));
  assert.equal((unfit as Error).name, "TypeError");
  const later = leavingError(method, applicationError("buy", errors, "late", ""));
  assert.ok(later instanceof Promise);
  assert.match((await later as Error).message, /"late" of "buy"/);
  const fine = await leavingError(method, applicationError("buy", errors, "late", "x"));
  assert.equal((fine as EchoStreamError).data, "x");
});

test("leavingError reports a schema that throws", () => {
  const broken = new Error("A broken schema");
  const schema = cbor<number>();
  const throwing = {
    "~standard": {
      ...schema["~standard"],
      validate: () => {
        throw broken;
      },
    },
  };
  const declared = declareErrors("m", { e: throwing });
  assert.equal(
    leavingError({ name: "m", errors: declared }, applicationError("m", declared, "e", 1)),
    broken,
  );
});
