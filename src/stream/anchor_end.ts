/**
 * What its receiver makes of a media stream that ends without END (docs/protocol.md, "Stream codes").
 *
 * @module
 */

import { EchoStreamError, ErrorCode, StreamCode } from "../protocol/error.ts";

/** Stream `name` was reset by its sender. */
export function resetError(code: number, name: string): EchoStreamError {
  const [status, text] = RESETS.get(code) ?? [ErrorCode.CANCELLED, "was given up by its sender"];
  return new EchoStreamError(status, `Stream "${name}" ${text}`, { remote: true });
}

/** Stream `name` was finished in the middle. */
export function truncatedError(name: string): EchoStreamError {
  return new EchoStreamError(ErrorCode.DATA_LOSS, `Stream "${name}" stopped without its end`);
}

const RESETS: ReadonlyMap<number, readonly [ErrorCode, string]> = new Map([
  [StreamCode.SESSION_CLOSED, [ErrorCode.UNAVAILABLE, "ended with its sender's session"]],
  [StreamCode.INTERNAL_ERROR, [ErrorCode.INTERNAL, "failed at its sender"]],
]);
