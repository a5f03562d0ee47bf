/**
 * Client cancellation: before and after the requests have ended, before and after the first answer. The client sees CANCELLED; that the
 * handler is told is asked where it must have run by then.
 *
 * @module
 */

import type { ConformanceCase } from "../conformance_case.ts";

const CANCELLED = { code: "CANCELLED" } as const;
const DATA = [Uint8Array.of(1), Uint8Array.of(1, 2)];
/** An answer that never comes by itself: its handler sleeps until it is aborted. */
const NEVER = { data: DATA, delayMs: 3_600_000 };

export const CLIENT_CANCELLATION: readonly ConformanceCase[] = [
  {
    name: "unary/cancel-after-close-send",
    shape: "unary",
    requests: [{ response: NEVER }],
    cancel: "after-close-send",
    expect: { answers: [], error: CANCELLED },
  },
  {
    name: "server-stream/cancel-after-zero-responses",
    shape: "server-stream",
    requests: [{ response: NEVER }],
    cancel: 0,
    expect: { answers: [], error: CANCELLED },
  },
  {
    name: "server-stream/cancel-after-responses",
    shape: "server-stream",
    requests: [{ response: { data: endless() } }],
    cancel: 2,
    expect: { answers: [1, 1], error: CANCELLED, handler: "aborted CANCELLED" },
  },
  {
    name: "client-stream/cancel-before-close-send",
    shape: "client-stream",
    requests: [{ response: NEVER }, {}],
    cancel: "before-close-send",
    expect: { answers: [], error: CANCELLED },
  },
  {
    name: "client-stream/cancel-after-close-send",
    shape: "client-stream",
    requests: [{ response: NEVER }, {}],
    cancel: "after-close-send",
    expect: { answers: [], error: CANCELLED },
  },
  {
    name: "bidi-stream/half-duplex/cancel-before-close-send",
    shape: "bidi-stream/half-duplex",
    requests: [{ response: NEVER }, {}],
    cancel: "before-close-send",
    expect: { answers: [], error: CANCELLED },
  },
  {
    name: "bidi-stream/half-duplex/cancel-after-close-send",
    shape: "bidi-stream/half-duplex",
    requests: [{ response: NEVER }, {}],
    cancel: "after-close-send",
    expect: { answers: [], error: CANCELLED },
  },
  {
    name: "bidi-stream/half-duplex/cancel-after-responses",
    shape: "bidi-stream/half-duplex",
    requests: [{ response: { data: endless() } }, {}],
    cancel: 2,
    expect: { answers: [1, 1], error: CANCELLED, handler: "aborted CANCELLED" },
  },
  {
    name: "bidi-stream/full-duplex/cancel-before-close-send",
    shape: "bidi-stream/full-duplex",
    requests: [{ fullDuplex: true, response: NEVER }],
    cancel: "before-close-send",
    expect: { answers: [], error: CANCELLED },
  },
  {
    name: "bidi-stream/full-duplex/cancel-after-zero-responses",
    shape: "bidi-stream/full-duplex",
    requests: [{ fullDuplex: true, response: NEVER }],
    cancel: 0,
    expect: { answers: [], error: CANCELLED },
  },
  {
    name: "bidi-stream/full-duplex/cancel-after-responses",
    shape: "bidi-stream/full-duplex",
    requests: [{ fullDuplex: true, response: { data: endless() } }],
    cancel: 1,
    expect: { answers: [1], error: CANCELLED, handler: "aborted CANCELLED" },
  },
];

/** More answers than the windows on the way hold, so that the handler still runs when the client cancels. */
function endless(): Uint8Array[] {
  return Array.from({ length: 5_000 }, () => Uint8Array.of(1));
}
