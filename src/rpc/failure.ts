/**
 * Between what a handler throws, how a failure travels, and what its caller catches.
 *
 * @module
 */

import { Encoding, isEncoding } from "../protocol/encoding.ts";
import { type Disposition, EchoStreamError, ErrorCode, isStatus, type Issue } from "../protocol/error.ts";
import type { FailureFields, FailureFieldsInput } from "../protocol/failure_fields.ts";
import { copyBytes, decodePayload, encodePayload, encodingOf } from "./payload.ts";

/**
 * How a thrown value travels: an `EchoStreamError` on purpose, with code, message, name, data and issues; anything else as
 * INTERNAL without its text, which may hold secrets. Data that cannot be encoded are left out, and their name with them.
 */
export function errorToFailure(error: unknown, disposition: Disposition): FailureFieldsInput {
  if (!(error instanceof EchoStreamError) || !isStatus(error.code)) {
    return { code: ErrorCode.INTERNAL, disposition, message: "Handler failed" };
  }
  const { code, message, metadata } = error;
  const isRefusedInput = error.issues !== undefined && error.data === undefined;
  const data = isRefusedInput ? error.issues : error.data;
  const errorName = isRefusedInput ? ISSUES_NAME : error.errorName;
  if (data === undefined) return { code, disposition, message, errorName, metadata };
  try {
    const dataEncoding = encodingOf(data);
    // A copy: encoding the failure itself may use the codec's slab.
    return { code, disposition, message, errorName, metadata, dataEncoding, data: copyBytes(encodePayload(data)) };
  } catch {
    return { code, disposition, message, metadata };
  }
}

/** `failure` where its data cannot travel: a name promises its data, so that goes too. */
export function withoutData<F extends FailureFieldsInput>(failure: F): F {
  return { ...failure, errorName: undefined, data: undefined };
}

/** Whether a thrown value keeps its text to itself, and therefore belongs into the log. */
export function isUnexpected(error: unknown): boolean {
  return !(error instanceof EchoStreamError) || !isStatus(error.code);
}

/** What the caller of `method` catches. Data that cannot be decoded are left out, and their name with them. */
export function failureToError(failure: FailureFields, method: string): EchoStreamError {
  const { code, message, disposition, metadata } = failure;
  const { errorName, data } = detailsOf(failure);
  if (errorName === ISSUES_NAME && Array.isArray(data)) {
    return new EchoStreamError(code, message, { remote: true, method, disposition, metadata, issues: data as Issue[] });
  }
  return new EchoStreamError(code, message, { remote: true, method, disposition, errorName, metadata, data });
}

function detailsOf(
  { errorName, data, dataEncoding }: FailureFields,
): { errorName?: string | undefined; data?: unknown } {
  if (data === undefined) return { errorName };
  if (!isEncoding(dataEncoding)) return {};
  try {
    return { errorName, data: decodePayload(dataEncoding as Encoding, data) };
  } catch {
    return {};
  }
}

/** Error name of a failure whose data are the issues of a validator (docs/protocol.md, "Failure fields"). */
const ISSUES_NAME = "$issues";
