/**
 * Client and server empty: calls with no request, no answer, or nothing in them.
 *
 * @module
 */

import { type ConformanceCase, SHAPES } from "../conformance_case.ts";

const NOTHING = new Uint8Array(0);

export const EMPTY_MESSAGES: readonly ConformanceCase[] = [
  ...SHAPES.map((shape): ConformanceCase => ({
    name: `${shape}/empty-data`,
    shape,
    requests: [{
      data: NOTHING,
      fullDuplex: shape === "bidi-stream/full-duplex",
      response: { data: [NOTHING], headers: [], trailers: [] },
    }],
    expect: { answers: [0], seen: [{ metadata: [], requests: [0] }], handler: "ok" },
  })),
  {
    name: "client-stream/no-request",
    shape: "client-stream",
    requests: [],
    expect: { answers: [0], headers: [], trailers: [], seen: [{ requests: [] }], handler: "ok" },
  },
  {
    name: "bidi-stream/half-duplex/no-request",
    shape: "bidi-stream/half-duplex",
    requests: [],
    expect: { answers: [], headers: [], trailers: [], handler: "ok" },
  },
  {
    name: "bidi-stream/full-duplex/no-response",
    // Of the client's side only: it must not wait for answers to its requests.
    shape: "bidi-stream/half-duplex",
    requests: [{ fullDuplex: true }, { fullDuplex: true }],
    expect: { answers: [], headers: [], trailers: [], handler: "ok" },
  },
  {
    name: "server-stream/no-response",
    shape: "server-stream",
    requests: [{}],
    expect: { answers: [], headers: [], trailers: [], handler: "ok" },
  },
];
