/**
 * Errors: each of the 16 codes, from each shape of call, with its message and its details.
 *
 * @module
 */

import { ErrorCode } from "../../../src/protocol/error.ts";
import type { Metadata } from "../../../src/protocol/metadata.ts";
import type { ConformanceCase, Shape } from "../conformance_case.ts";

const SHAPES: readonly Shape[] = ["unary", "server-stream", "client-stream", "bidi-stream/half-duplex"];
const TRAILERS: Metadata = [["x-custom-trailer", "bing"]];
const DETAILS = [{ type: "RetryInfo", retryDelayMs: 1_500 }, { type: "Quota", tenant: "ä", left: Uint8Array.of(0) }];

function errorCase(shape: Shape, code: ErrorCode): ConformanceCase {
  const error = { code, message: `An error of the code ${code}`, details: DETAILS };
  return {
    name: `${shape}/${code.toLowerCase().replaceAll("_", "-")}`,
    shape,
    requests: [{ data: Uint8Array.of(1, 2), response: { error, trailers: TRAILERS } }],
    expect: { answers: [], error, trailers: TRAILERS, seen: [{ requests: [2] }], handler: code },
  };
}

const EVERY_CODE = SHAPES.flatMap((shape) => Object.values(ErrorCode).map((code) => errorCase(shape, code)));

export const ERRORS: readonly ConformanceCase[] = [
  ...EVERY_CODE,
  ...SHAPES.map((shape): ConformanceCase => ({
    name: `${shape}/without-message`,
    shape,
    requests: [{ response: { error: { code: "ABORTED" } } }],
    expect: { answers: [], error: { code: "ABORTED", message: "", details: undefined }, handler: "ABORTED" },
  })),
];
