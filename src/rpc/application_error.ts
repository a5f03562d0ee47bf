/**
 * The errors a method declares under `errors`: what handlers make of them, and the promise that data under a declared name match their schema.
 *
 * @module
 */

import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { type MetadataInit, toMetadata } from "../protocol/metadata.ts";
import { checkOwnName } from "../protocol/name.ts";
import { encodePayload } from "./payload.ts";
import { conform, isSchema, type SchemaInput, type SchemaOutput, type StandardSchemaV1 } from "./schema.ts";
import { isThenable } from "./thenable.ts";

/** An error that a method declares, in full. */
export interface ErrorDescription {
  /** Status the call ends with. Default FAILED_PRECONDITION. */
  readonly code?: ErrorCode;
  /** Validates the data of the error when it is thrown. Default: it has none. */
  readonly data?: StandardSchemaV1;
  /** Text for people, unless the handler gives another. */
  readonly message?: string;
}

/** The errors of a method by their names: each in full, or only the schema of its data. */
export type ErrorDeclarations = Readonly<Record<string, ErrorDescription | StandardSchemaV1>>;

/** What the caller of a method with the declared errors `E` gets as their data, by name. */
export type ErrorData<E> = { readonly [K in keyof E]: SchemaOutput<DataSchema<E[K]>> };

/** Optional parts of an error that a handler makes. */
export interface ApplicationErrorOptions {
  /** Text for people; travels. Default: that of the declaration. */
  readonly message?: string;
  /** The error underneath. Stays on this machine. */
  readonly cause?: unknown;
  /** Metadata to go with the failure. */
  readonly metadata?: MetadataInit;
}

/** What follows the name in `call.error(name, ...)`: the data, where the error has any, and options. */
export type ErrorArguments<D> = undefined extends SchemaInput<DataSchema<D>>
  ? [data?: SchemaInput<DataSchema<D>>, options?: ApplicationErrorOptions]
  : [data: SchemaInput<DataSchema<D>>, options?: ApplicationErrorOptions];

/** A declaration, checked. */
export interface DeclaredError {
  readonly name: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly data: StandardSchemaV1 | undefined;
}

/** The errors of a method, by name. */
export type DeclaredErrors = ReadonlyMap<string, DeclaredError>;

/**
 * Check what stands under `errors` of a method.
 * @throws {TypeError} when a name is none, or something is not an error's declaration.
 */
export function declareErrors(method: string, errors: unknown): DeclaredErrors | undefined {
  if (errors === undefined) return undefined;
  if (typeof errors !== "object" || errors === null || isSchema(errors)) {
    throw new TypeError(`The errors of method "${method}" are no object of names and schemas`);
  }
  return new Map(Object.entries(errors).map(([name, declared]) => [name, declareError(method, name, declared)]));
}

/**
 * The error `name` of a method, ready to throw. Its data are validated when it leaves.
 * @throws {TypeError} when the method does not declare it, or metadata are none.
 */
export function applicationError(
  method: string,
  declared: DeclaredErrors | undefined,
  name: string,
  data: unknown,
  { message, cause, metadata }: ApplicationErrorOptions = {},
): EchoStreamError {
  const error = declared?.get(name);
  if (error === undefined) throw new TypeError(`Method "${method}" declares no error "${name}"`);
  return new EchoStreamError(error.code, message ?? error.message, {
    errorName: name,
    data,
    cause,
    metadata: metadata === undefined ? undefined : toMetadata(metadata),
  });
}

/**
 * What leaves for something that was thrown: an error under a declared name with its data as their schema wants them, or what is wrong with
 * them, which is for the log; anything else as it is. A promise only where the schema is asynchronous; it never rejects.
 */
export function leavingError(
  { name: method, errors }: { readonly name: string; readonly errors: DeclaredErrors | undefined },
  error: unknown,
): unknown {
  if (errors === undefined || !(error instanceof EchoStreamError)) return error;
  const declared = errors.get(error.errorName ?? "");
  if (declared === undefined) return error;
  try {
    if (declared.data === undefined) return withData(error, undefined);
    const data = conform(declared.data, error.data, dataRefusal, { method, error: declared.name });
    if (!isThenable(data)) return withData(error, data);
    return data.then((later) => withData(error, later)).then(undefined, (unfit) => unfit);
  } catch (unfit) {
    return unfit;
  }
}

/** @throws {TypeError} when `data` cannot travel. */
function withData(error: EchoStreamError, data: unknown): EchoStreamError {
  if (data !== undefined) encodePayload(data);
  if (data === error.data) return error;
  const { code, message, cause, errorName, metadata } = error;
  return new EchoStreamError(code, message, { cause, errorName, data, metadata });
}

function dataRefusal(
  issues: readonly StandardSchemaV1.Issue[],
  { method, error }: { readonly method: string; readonly error: string },
): Error {
  const reason = issues[0]?.message ?? "no reason given";
  return new TypeError(`Data of error "${error}" of "${method}" do not match their schema: ${reason}`, {
    cause: issues,
  });
}

function declareError(method: string, name: string, declared: unknown): DeclaredError {
  checkOwnName("Error", name);
  const description = isSchema(declared) ? { data: declared } : declared;
  if (typeof description !== "object" || description === null) {
    throw new TypeError(`Error "${name}" of method "${method}" takes a Standard Schema, or { code, data, message }`);
  }
  const { code = ErrorCode.FAILED_PRECONDITION, data, message, ...rest } = description as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new TypeError(`Error "${name}" of method "${method}" has no option "${unknown}"`);
  if (typeof code !== "string" || !Object.hasOwn(ErrorCode, code)) {
    throw new TypeError(`The code of error "${name}" of method "${method}" is no status`);
  }
  if (data !== undefined && !isSchema(data)) {
    throw new TypeError(`The data of error "${name}" of method "${method}" are not described by a Standard Schema`);
  }
  const text = message === undefined ? `"${method}" failed with "${name}"` : String(message);
  return { name, code: code as ErrorCode, message: text, data };
}

type DataSchema<D> = D extends StandardSchemaV1 ? D
  : D extends { readonly data: infer S extends StandardSchemaV1 } ? S
  : NoData;
type NoData = StandardSchemaV1<undefined, undefined>;
