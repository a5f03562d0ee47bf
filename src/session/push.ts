/**
 * Events on their way out: what their schema makes of them.
 *
 * @module
 */

import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { isThenable } from "../rpc/invocation.ts";
import { isUnchecked, type StandardSchemaV1, toIssues, validate, type ValidationResult } from "../rpc/schema.ts";

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
  const checked = validate(schema, payload);
  if (isThenable(checked)) return checked.then((result) => send(pushOf(name, result))) as Promise<Awaited<T>>;
  return send(pushOf(name, checked));
}

function pushOf(name: string, result: ValidationResult): unknown {
  if (result.issues === undefined) return result.value;
  const issues = toIssues(result.issues);
  const message = `Event "${name}" does not match its schema: ${issues[0]?.message ?? "no reason given"}`;
  throw new EchoStreamError(ErrorCode.INVALID_ARGUMENT, message, { issues });
}
