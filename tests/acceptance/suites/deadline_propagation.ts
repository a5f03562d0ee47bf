/**
 * Deadline propagation: the server sees what is left of the client's deadline, none where there is none, and never more than it gives.
 *
 * @module
 */

import { type ConformanceCase, SHAPES } from "../conformance_case.ts";

const TIMEOUT_MS = 600_000;
const CLAMP_MS = 300_000;

export const DEADLINE_PROPAGATION: readonly ConformanceCase[] = SHAPES.flatMap((shape) => {
  const requests = [{ fullDuplex: shape === "bidi-stream/full-duplex", response: { data: [Uint8Array.of(1)] } }];
  const server = { limits: { maxTimeoutMs: CLAMP_MS } };
  return [
    { name: `${shape}/none`, shape, requests, expect: { answers: [1], deadlineMs: "none" as const } },
    {
      name: `${shape}/propagated`,
      shape,
      requests,
      timeoutMs: TIMEOUT_MS,
      expect: { answers: [1], deadlineMs: TIMEOUT_MS },
    },
    {
      name: `${shape}/clamped-by-the-server`,
      shape,
      requests,
      server,
      timeoutMs: TIMEOUT_MS,
      expect: { answers: [1], deadlineMs: CLAMP_MS },
    },
  ];
});
