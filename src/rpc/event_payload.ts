/**
 * From the payload of an event to what its listener gets.
 *
 * @module
 */

import type { Encoding } from "../protocol/encoding.ts";
import type { EventFrame } from "../protocol/event_frame.ts";
import { isThenable } from "./invocation.ts";
import type { RegisteredListener } from "./listeners.ts";
import { decodePayload, decodeRawPayload } from "./payload.ts";
import { isUnchecked, validate, type ValidationResult } from "./schema.ts";

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
  const value = decodePayload(encoding, event.payload);
  const { input } = subscription;
  if (input === undefined || isUnchecked(input)) return value;
  const checked = validate(input, value);
  return isThenable(checked) ? checked.then(valueOf) : valueOf(checked);
}

function valueOf(result: ValidationResult): unknown {
  if (result.issues === undefined) return result.value;
  const reason = result.issues[0]?.message ?? "no reason given";
  throw new TypeError(`Payload does not match its schema: ${reason}`, { cause: result.issues });
}
