/**
 * Events on their way out: what their schema makes of them.
 *
 * @module
 */

import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { conform, isUnchecked, type StandardSchemaV1, toIssues } from "../rpc/schema.ts";
import { isThenable } from "../rpc/thenable.ts";

/**
 * Send `payload` under `name` as its schema wants it: the schema's output where `pushes` has one that checks, otherwise as it is.
 * @returns What `send` returns, or a promise of it where the schema is asynchronous.
 * @throws {EchoStreamError} INVALID_ARGUMENT when the payload does not match; whatever the schema or `send` throws.
 */
export function sendPush<T>(
  pushes: ReadonlyMap<string, StandardSchemaV1>,
  name: string,
  payload: unknown,
  send: (value: unknown) => T,
): T | Promise<Awaited<T>> {
  const schema = pushes.get(name);
  if (schema === undefined || isUnchecked(schema)) return send(payload);
  const checked = conform(schema, payload, refusal, name);
  return isThenable(checked) ? checked.then(send) as Promise<Awaited<T>> : send(checked);
}

function refusal(refused: readonly StandardSchemaV1.Issue[], name: string): Error {
  const issues = toIssues(refused);
  const message = `Event "${name}" does not match its schema: ${issues[0]?.message ?? "no reason given"}`;
  return new EchoStreamError(ErrorCode.INVALID_ARGUMENT, message, { issues });
}
