/**
 * Duplicate metadata: values of one name stay apart and in order, text and bytes, in requests, answers and failures.
 *
 * @module
 */

import type { Metadata } from "../../../src/protocol/metadata.ts";
import { type ConformanceCase, SHAPES } from "../conformance_case.ts";

const REQUEST: Metadata = duplicates("x-request");
const HEADERS: Metadata = duplicates("x-header");
const TRAILERS: Metadata = duplicates("x-trailer");

export const DUPLICATE_METADATA: readonly ConformanceCase[] = SHAPES.flatMap((shape) => {
  const fullDuplex = shape === "bidi-stream/full-duplex";
  const metadata = { headers: HEADERS, trailers: TRAILERS };
  const error = { code: "ABORTED", message: "" } as const;
  return [
    {
      name: `${shape}/success`,
      shape,
      metadata: REQUEST,
      requests: [{ fullDuplex, response: { data: [Uint8Array.of(1)], ...metadata } }],
      expect: {
        answers: [1],
        // A unary call's answer has both in one.
        ...(shape === "unary" ? { trailers: [...HEADERS, ...TRAILERS] } : metadata),
        seen: [{ metadata: REQUEST }],
      },
    },
    {
      name: `${shape}/error`,
      shape,
      metadata: REQUEST,
      requests: [{ fullDuplex, response: { error, trailers: TRAILERS } }],
      expect: { answers: [], error, trailers: TRAILERS, seen: [{ metadata: REQUEST }] },
    },
  ];
});

function duplicates(name: string): Metadata {
  return [[name, "first"], [`${name}-bin`, Uint8Array.of(1, 2)], [name, "second, third"], [
    `${name}-bin`,
    new Uint8Array(0),
  ], [name, "first"]];
}
