/**
 * What becomes of a handler's failure: a line in the log for what its caller is not told, and the fields that travel.
 *
 * @module
 */

import type { Disposition } from "../protocol/error.ts";
import type { FailureFieldsInput } from "../protocol/failure_fields.ts";
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
