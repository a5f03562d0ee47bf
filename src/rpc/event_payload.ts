/**
 * From the payload of an event to what its listener gets.
 *
 * @module
 */

import type { Encoding } from "../protocol/encoding.ts";
import type { EventFrame } from "../protocol/event_frame.ts";
import type { RegisteredListener } from "./listeners.ts";
import { decodePayload, decodeRawPayload } from "./payload.ts";
import { conform, type StandardSchemaV1 } from "./schema.ts";

/**
 * The payload as `subscription` wants it: bytes, a value, or the output of its schema; a promise where that is asynchronous.
 * @throws {EchoStreamError} when it cannot be decoded.
 * @throws {TypeError} when the schema refuses it.
 */
export function eventPayload<C>(
  subscription: Pick<RegisteredListener<C>, "input" | "raw">,
  event: EventFrame,
): unknown {
  const encoding = event.encoding as Encoding;
  if (subscription.raw) return decodeRawPayload(encoding, event.payload);
  return conform(subscription.input, decodePayload(encoding, event.payload), refusal, undefined);
}

function refusal(issues: readonly StandardSchemaV1.Issue[]): Error {
  const reason = issues[0]?.message ?? "no reason given";
  return new TypeError(`Payload does not match its schema: ${reason}`, { cause: issues });
}
