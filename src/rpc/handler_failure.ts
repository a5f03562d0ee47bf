/**
 * How calls fail at their callee: what handlers are told, what goes into the log because callers are not told, and the fields that travel.
 *
 * @module
 */

import { type Disposition, EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { FailureFieldsInput } from "../protocol/failure_fields.ts";
import type { Metadata } from "../protocol/metadata.ts";
import type { Logger } from "../trace.ts";
import type { CallContext } from "./call_context.ts";
import { errorToFailure, isUnexpected } from "./failure.ts";
import { metadataRefusal, type PeerLimits } from "./limits.ts";

/** Log what the peer is not told. A handler that was aborted is expected to fail somehow. */
export function logFailure(log: Logger, call: CallContext, error: unknown, callId?: number): void {
  if (!isUnexpected(error)) return;
  const level = call.aborted ? "debug" : "error";
  const fields = { method: call.method, ...(callId === undefined ? {} : { callId }) };
  log({ level, category: "rpc", message: `Handler of "${call.method}" failed`, fields, error });
}

/** What travels of `error`, without metadata the peer would not take. */
export function failureFor(error: unknown, disposition: Disposition, peer: PeerLimits): FailureFieldsInput {
  const failure = errorToFailure(error, disposition);
  const fits = failure.metadata === undefined || metadataRefusal(failure.metadata, peer) === undefined;
  return fits ? failure : { ...failure, metadata: undefined };
}

/** @throws {TypeError} when the peer would not take metadata that a handler wants to send. */
export function checkAnswerMetadata(metadata: Metadata | undefined, peer: PeerLimits): void {
  const refusal = metadata === undefined ? undefined : metadataRefusal(metadata, peer);
  if (refusal !== undefined) throw new TypeError(refusal);
}

/** What a handler is told whose caller gave up. */
export function cancelledByCaller({ method }: CallContext): EchoStreamError {
  return new EchoStreamError(ErrorCode.CANCELLED, `"${method}" was cancelled by its caller`, { remote: true });
}

/** What a handler is told that goes on while an interceptor has answered in its place. */
export function answeredInstead({ method }: CallContext): EchoStreamError {
  return new EchoStreamError(ErrorCode.CANCELLED, `"${method}" was answered by an interceptor`);
}

/** What handler and caller are told when the time of a call is up here. */
export function outOfTime({ method }: CallContext): EchoStreamError {
  return new EchoStreamError(ErrorCode.DEADLINE_EXCEEDED, `"${method}" did not end in time`);
}
