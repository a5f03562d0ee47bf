/**
 * Message size: what is as large as the receiver takes arrives, what is larger fails its call with RESOURCE_EXHAUSTED, and the connection lives.
 *
 * @module
 */

import { type ConformanceCase, SHAPES } from "../conformance_case.ts";

/** More than the peer's 1 MiB with everything around it. */
const TOO_LARGE_BYTES = 1_100_000;
/** Less, with everything around it. */
const LARGE_BYTES = 1_000_000;
const ERROR = { code: "RESOURCE_EXHAUSTED" } as const;

export const MESSAGE_SIZE: readonly ConformanceCase[] = SHAPES.flatMap((shape) => {
  const fullDuplex = shape === "bidi-stream/full-duplex";
  const small = { data: [Uint8Array.of(1)] };
  return [
    {
      name: `${shape}/large-request`,
      shape,
      requests: [{ fullDuplex, data: new Uint8Array(LARGE_BYTES), response: small }],
      expect: { answers: [1], seen: [{ requests: [LARGE_BYTES] }], handler: "ok" },
    },
    {
      name: `${shape}/request-exceeds-limit`,
      shape,
      requests: [{ fullDuplex, data: new Uint8Array(TOO_LARGE_BYTES), response: small }],
      expect: { answers: [], error: ERROR },
    },
    {
      name: `${shape}/large-response`,
      shape,
      requests: [{ fullDuplex, response: { data: [filled(LARGE_BYTES / 2)] } }],
      expect: { answers: [LARGE_BYTES / 2], handler: "ok" },
    },
    {
      name: `${shape}/response-exceeds-limit`,
      shape,
      // The server takes larger requests than the client takes answers.
      server: { limits: { maxMessageBytes: 4 * TOO_LARGE_BYTES } },
      requests: [{ fullDuplex, response: { data: [filled(TOO_LARGE_BYTES)] } }],
      expect: { answers: [], error: ERROR },
    },
  ];
});

function filled(length: number): Uint8Array {
  return new Uint8Array(length).fill(1);
}
