/**
 * Basic: every shape of call succeeds, with and without data, and fails, with metadata both ways.
 *
 * @module
 */

import type { Metadata } from "../../../src/protocol/metadata.ts";
import type { ConformanceCase } from "../conformance_case.ts";

const REQUEST_METADATA: Metadata = [["x-conformance-test", "Value1"], ["x-conformance-bin", Uint8Array.of(0, 0xff)]];
const HEADERS: Metadata = [["x-custom-header", "foo"]];
const TRAILERS: Metadata = [["x-custom-trailer", "bing"]];
const METADATA = { headers: HEADERS, trailers: TRAILERS };
const BOTH: Metadata = [...HEADERS, ...TRAILERS];
const ERROR = { code: "RESOURCE_EXHAUSTED", message: "all resources exhausted" } as const;
const [TEST, RESPONSE] = [bytes(13), bytes(17)];

export const BASIC: readonly ConformanceCase[] = [
  {
    name: "unary/success",
    shape: "unary",
    metadata: REQUEST_METADATA,
    requests: [{ data: TEST, response: { data: [RESPONSE], ...METADATA } }],
    expect: { answers: [17], trailers: BOTH, seen: [{ metadata: REQUEST_METADATA, requests: [13] }], handler: "ok" },
  },
  {
    name: "unary/success-without-data",
    shape: "unary",
    requests: [{ response: METADATA }],
    expect: { answers: [0], trailers: BOTH, seen: [{ metadata: [], requests: [0] }], handler: "ok" },
  },
  {
    name: "unary/error",
    shape: "unary",
    metadata: REQUEST_METADATA,
    requests: [{ data: TEST, response: { error: ERROR, ...METADATA } }],
    expect: { error: ERROR, answers: [], trailers: TRAILERS, seen: [{ requests: [13] }], handler: ERROR.code },
  },
  {
    name: "unary/unimplemented",
    shape: "unary",
    method: "Unimplemented",
    requests: [{}],
    expect: { error: { code: "UNIMPLEMENTED" }, answers: [] },
  },
  {
    name: "server-stream/success",
    shape: "server-stream",
    metadata: REQUEST_METADATA,
    requests: [{ data: TEST, response: { data: [RESPONSE, TEST], ...METADATA } }],
    expect: {
      answers: [17, 13],
      ...METADATA,
      seen: [{ metadata: REQUEST_METADATA, requests: [13] }],
      handler: "ok",
    },
  },
  {
    name: "server-stream/no-response",
    shape: "server-stream",
    requests: [{ response: METADATA }],
    expect: { answers: [], ...METADATA, handler: "ok" },
  },
  {
    name: "server-stream/error-with-responses",
    shape: "server-stream",
    requests: [{ response: { data: [RESPONSE, TEST], error: ERROR, ...METADATA } }],
    expect: { answers: [17, 13], error: ERROR, trailers: TRAILERS, handler: ERROR.code },
  },
  {
    name: "server-stream/error-without-responses",
    shape: "server-stream",
    metadata: REQUEST_METADATA,
    requests: [{ data: TEST, response: { error: ERROR, ...METADATA } }],
    expect: { answers: [], error: ERROR, trailers: TRAILERS, seen: [{ requests: [13] }], handler: ERROR.code },
  },
  {
    name: "client-stream/success",
    shape: "client-stream",
    metadata: REQUEST_METADATA,
    requests: [{ data: TEST, response: { data: [RESPONSE], ...METADATA } }, { data: bytes(3) }, {}],
    expect: {
      answers: [17],
      ...METADATA,
      seen: [{ metadata: REQUEST_METADATA, requests: [13, 3, 0] }],
      handler: "ok",
    },
  },
  {
    name: "client-stream/success-without-data",
    shape: "client-stream",
    requests: [{ data: TEST, response: METADATA }],
    expect: { answers: [0], ...METADATA, seen: [{ requests: [13] }], handler: "ok" },
  },
  {
    name: "client-stream/error",
    shape: "client-stream",
    metadata: REQUEST_METADATA,
    requests: [{ data: TEST, response: { error: ERROR, ...METADATA } }, { data: bytes(3) }],
    expect: { answers: [], error: ERROR, trailers: TRAILERS, seen: [{ requests: [13, 3] }], handler: ERROR.code },
  },
  {
    name: "bidi-stream/half-duplex/success",
    shape: "bidi-stream/half-duplex",
    metadata: REQUEST_METADATA,
    requests: [{ data: TEST, response: { data: [RESPONSE, TEST], ...METADATA } }, { data: bytes(3) }],
    expect: {
      answers: [17, 13],
      ...METADATA,
      seen: [{ metadata: REQUEST_METADATA, requests: [13, 3] }],
      handler: "ok",
    },
  },
  {
    name: "bidi-stream/half-duplex/no-response",
    shape: "bidi-stream/half-duplex",
    requests: [{ data: TEST, response: METADATA }, {}],
    expect: { answers: [], ...METADATA, handler: "ok" },
  },
  {
    name: "bidi-stream/half-duplex/error-with-responses",
    shape: "bidi-stream/half-duplex",
    requests: [{ data: TEST, response: { data: [RESPONSE], error: ERROR, ...METADATA } }, {}],
    expect: { answers: [17], error: ERROR, trailers: TRAILERS, seen: [{ requests: [13, 0] }], handler: ERROR.code },
  },
  {
    name: "bidi-stream/half-duplex/error-without-responses",
    shape: "bidi-stream/half-duplex",
    requests: [{ data: TEST, response: { error: ERROR, ...METADATA } }, {}],
    expect: { answers: [], error: ERROR, trailers: TRAILERS, seen: [{ requests: [13, 0] }], handler: ERROR.code },
  },
  {
    name: "bidi-stream/full-duplex/success",
    shape: "bidi-stream/full-duplex",
    metadata: REQUEST_METADATA,
    requests: [
      { data: TEST, fullDuplex: true, response: { data: [RESPONSE, TEST], ...METADATA } },
      { data: bytes(3) },
    ],
    expect: {
      answers: [17, 13],
      ...METADATA,
      seen: [{ metadata: REQUEST_METADATA, requests: [13] }, { requests: [3] }],
      handler: "ok",
    },
  },
  {
    name: "bidi-stream/full-duplex/more-responses-than-requests",
    shape: "bidi-stream/full-duplex",
    requests: [{ fullDuplex: true, response: { data: [RESPONSE, TEST, bytes(3)], ...METADATA } }],
    expect: { answers: [17, 13, 3], ...METADATA, seen: [{ requests: [0] }], handler: "ok" },
  },
  {
    name: "bidi-stream/full-duplex/error-with-responses",
    shape: "bidi-stream/full-duplex",
    requests: [{ data: TEST, fullDuplex: true, response: { data: [RESPONSE], error: ERROR, ...METADATA } }],
    expect: { answers: [17], error: ERROR, trailers: TRAILERS, seen: [{ requests: [13] }], handler: ERROR.code },
  },
];

function bytes(length: number): Uint8Array {
  return new Uint8Array(length).fill(1);
}
