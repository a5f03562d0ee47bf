/**
 * The fields a FAILURE message and the TRAILER frame of a streaming call share, in one encoding.
 * Spec: docs/protocol.md, "Failure fields".
 *
 * @module
 */

import { Flag } from "./call_fields.ts";
import { type Disposition, type ErrorCode, protocolViolation, statusNumber, statusOf } from "./error.ts";
import { type Metadata, readMetadata, writeMetadata } from "./metadata.ts";
import type { Reader } from "./reader.ts";
import { truncateUtf8 } from "./utf8.ts";
import { MAX_NAME_BYTES, MAX_TEXT_BYTES, type MetadataLimits } from "./version.ts";
import type { Writer } from "./writer.ts";

/** Why a call failed, as its callee says it. */
export interface FailureFieldsInput {
  /** Its status. */
  readonly code: ErrorCode;
  /** How far it got. */
  readonly disposition: Disposition;
  /** For people; cut to 1,024 bytes. */
  readonly message: string;
  /** The application's own name for the error; cut to 128 bytes. */
  readonly errorName?: string | undefined;
  /** Absent or empty: none. */
  readonly metadata?: Metadata | undefined;
  /** The application's own details, encoded; needs `dataEncoding`. */
  readonly data?: Uint8Array | undefined;
  /** How `data` is encoded. */
  readonly dataEncoding?: number | undefined;
}

/** Why a call failed, as its caller learns it. */
export interface FailureFields {
  /** Its status. */
  readonly code: ErrorCode;
  /** How far it got. */
  readonly disposition: Disposition;
  /** For people, from the peer: to be escaped before it reaches a log or a terminal. */
  readonly message: string;
  /** The application's own name for the error; `undefined` when there is none. */
  readonly errorName: string | undefined;
  /** `undefined` when there is none, or it crossed a limit. */
  readonly metadata: Metadata | undefined;
  /** View of the received bytes. */
  readonly data: Uint8Array | undefined;
  /** How `data` is encoded; may be an encoding this version does not know. */
  readonly dataEncoding: number;
}

/** The flags byte of a failure. */
export function failureFlags(failure: Omit<FailureFieldsInput, "code" | "disposition" | "message">): number {
  let flags = failure.metadata !== undefined && failure.metadata.length > 0 ? Flag.METADATA : 0;
  if (failure.errorName) flags |= Flag.ERROR_NAME;
  if (failure.data !== undefined) flags |= Flag.ERROR_DATA;
  return flags;
}

/** Append status and the fields that `flags` announces. */
export function writeFailureFields(writer: Writer, flags: number, failure: FailureFieldsInput): void {
  writer.u8(statusNumber(failure.code)).u8(DISPOSITIONS.indexOf(failure.disposition));
  writer.text(truncateUtf8(failure.message, MAX_TEXT_BYTES));
  if (flags & Flag.ERROR_NAME) writer.text(truncateUtf8(failure.errorName!, MAX_NAME_BYTES));
  if (flags & Flag.METADATA) writeMetadata(writer, failure.metadata!);
  if (flags & Flag.ERROR_DATA) writer.varint(failure.dataEncoding ?? 0).raw(failure.data!);
}

/** Read what {@link writeFailureFields} wrote after the status, which is `status`, up to the end. */
export function readFailureFields(
  reader: Reader,
  flags: number,
  status: number,
  limits: MetadataLimits,
): FailureFields {
  if (flags & ~FAILURE_FLAGS) throw protocolViolation(`Unknown flags 0x${flags.toString(16)} of a failure`);
  const code = statusOf(status);
  const disposition = DISPOSITIONS[reader.u8()];
  if (code === undefined) throw protocolViolation(`Unknown status ${status}`);
  if (disposition === undefined) throw protocolViolation("Unknown disposition");
  const message = reader.text();
  const errorName = flags & Flag.ERROR_NAME ? reader.text(MAX_NAME_BYTES) : undefined;
  const metadata = flags & Flag.METADATA ? readMetadata(reader, limits) : undefined;
  const dataEncoding = flags & Flag.ERROR_DATA ? reader.varint() : 0;
  const data = flags & Flag.ERROR_DATA ? reader.rest() : undefined;
  reader.finish();
  // Losing the metadata of a failure is better than losing what failed.
  const kept = typeof metadata === "string" ? undefined : metadata;
  return { code, disposition, message, errorName, metadata: kept, data, dataEncoding };
}

// By wire number.
const DISPOSITIONS: readonly Disposition[] = ["notProcessed", "perhapsProcessed", "processed"];

const FAILURE_FLAGS = Flag.METADATA | Flag.ERROR_NAME | Flag.ERROR_DATA;
