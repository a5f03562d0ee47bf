/**
 * Events that are declared, and on their way out: what their schema makes of them.
 *
 * @module
 */

import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { checkOwnName } from "../protocol/name.ts";
import { conform, isSchema, isUnchecked, type StandardSchemaV1, toIssues } from "../rpc/schema.ts";
import { isThenable } from "../rpc/thenable.ts";

/**
 * Declare an event that is pushed.
 * @throws {TypeError} when it is declared already, its name is none, or `schema` is no Standard Schema.
 */
export function declarePush(pushes: Map<string, StandardSchemaV1>, name: string, schema: unknown): void {
  checkOwnName("Push", name);
  if (!isSchema(schema)) throw new TypeError(`Push "${name}" is not declared by a Standard Schema`);
  if (pushes.has(name)) throw new TypeError(`Push "${name}" is already declared`);
  pushes.set(name, schema);
}

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
