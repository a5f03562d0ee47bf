import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeValue } from "../protocol/codec.ts";
import { Encoding } from "../protocol/encoding.ts";
import { EchoStreamError } from "../protocol/error.ts";
import type { FailureFields } from "../protocol/failure_fields.ts";
import { errorToFailure, failureToError } from "./failure.ts";

/** A failure as it arrives. */
function arrived(details: Partial<FailureFields>): FailureFields {
  return {
    code: "ABORTED",
    disposition: "processed",
    message: "Sold out",
    errorName: "outOfStock",
    metadata: undefined,
    data: undefined,
    dataEncoding: 0,
    ...details,
  };
}

test("failureToError gives name and data, and the method that failed", () => {
  const data = encodeValue({ left: 2 }).slice();
  const error = failureToError(arrived({ data, dataEncoding: Encoding.CBOR }), "buy");
  assert.deepEqual(
    [error.code, error.message, error.errorName, error.data, error.method, error.remote],
    ["ABORTED", "Sold out", "outOfStock", { left: 2 }, "buy", true],
  );
  assert.equal(failureToError(arrived({}), "buy").errorName, "outOfStock");
});

test("failureToError drops data that it cannot decode, and their name with them", () => {
  for (
    const details of [
      { data: Uint8Array.of(0xff), dataEncoding: Encoding.CBOR },
      { data: Uint8Array.of(1), dataEncoding: 77 },
      // Deeper than any value may be.
      { data: new Uint8Array(100).fill(0x81), dataEncoding: Encoding.CBOR },
    ]
  ) {
    const { code, errorName, data } = failureToError(arrived(details), "buy");
    assert.deepEqual([code, errorName, data], ["ABORTED", undefined, undefined]);
  }
});

test("failureToError takes issues that are none for nothing", () => {
  const data = encodeValue("text").slice();
  const error = failureToError(arrived({ errorName: "$issues", data, dataEncoding: Encoding.CBOR }), "buy");
  assert.deepEqual([error.issues, error.data], [undefined, "text"]);
});

test("errorToFailure leaves out data that cannot travel, and their name with them", () => {
  const error = new EchoStreamError("ABORTED", "Sold out", { errorName: "outOfStock", data: () => {} });
  const { code, message, errorName, data } = errorToFailure(error, "processed");
  assert.deepEqual([code, message, errorName, data], ["ABORTED", "Sold out", undefined, undefined]);
});

test("errorToFailure hides what is not meant for callers", () => {
  for (const error of [new Error("secret"), "secret", new EchoStreamError("PROTOCOL_VIOLATION", "secret")]) {
    const failure = errorToFailure(error, "processed");
    assert.deepEqual(failure, { code: "INTERNAL", disposition: "processed", message: "Handler failed" });
  }
});
