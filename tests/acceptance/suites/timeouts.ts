/**
 * Timeouts: a handler that does not end fails its call with DEADLINE_EXCEEDED, whatever was answered before.
 *
 * @module
 */

import { type ConformanceCase, SHAPES } from "../conformance_case.ts";

const LATE = { code: "DEADLINE_EXCEEDED" } as const;
const NEVER_MS = 3_600_000;
const TIMEOUT_MS = 40;

export const TIMEOUTS: readonly ConformanceCase[] = SHAPES.flatMap((shape) => {
  const fullDuplex = shape === "bidi-stream/full-duplex";
  const data = [Uint8Array.of(1)];
  return [
    {
      name: `${shape}/timeout`,
      shape,
      timeoutMs: TIMEOUT_MS,
      requests: [{ fullDuplex, response: { data, delayMs: NEVER_MS } }],
      expect: { answers: [], error: LATE },
    },
    {
      name: `${shape}/ends-within-timeout`,
      shape,
      timeoutMs: NEVER_MS,
      requests: [{ fullDuplex, response: { data } }],
      expect: { answers: [1], handler: "ok" },
    },
  ];
});
