/**
 * What may stand before a handler: how its payloads are treated, and which errors it declares.
 *
 * @module
 */

import type { ErrorDeclarations } from "./application_error.ts";
import type { StandardSchemaV1 } from "./schema.ts";
import type { None } from "./signature.ts";

/** A method whose answers are validated too. */
export interface HandlerOptions<
  I extends StandardSchemaV1,
  O extends StandardSchemaV1,
  E extends ErrorDeclarations = None,
> {
  /** Validates what arrives; a caller whose payload fails gets INVALID_ARGUMENT with the issues. */
  readonly input: I;
  /** Validates what the handler returns; an answer that fails becomes INTERNAL. */
  readonly output: O;
  /** Whether a second execution does no harm. Default false. */
  readonly idempotent?: boolean;
  /** Errors the handler may throw by `call.error`, with the schemas of their data; callers narrow by them. Default none. */
  readonly errors?: E;
}

/** A method whose answers are not validated. */
export interface InputOptions<I extends StandardSchemaV1, E extends ErrorDeclarations = None> {
  /** Validates what arrives; a caller whose payload fails gets INVALID_ARGUMENT with the issues. */
  readonly input: I;
  /** Not validated. */
  readonly output?: undefined;
  /** Whether a second execution does no harm. Default false. */
  readonly idempotent?: boolean;
  /** Errors the handler may throw by `call.error`, with the schemas of their data; callers narrow by them. Default none. */
  readonly errors?: E;
}

/** Bytes in, bytes out, with options. */
export interface RawOptions<E extends ErrorDeclarations = None> {
  /** Not validated. */
  readonly input?: undefined;
  /** Not validated. */
  readonly output?: undefined;
  /** Whether a second execution does no harm. Default false. */
  readonly idempotent?: boolean;
  /** Errors the handler may throw by `call.error`, with the schemas of their data; callers narrow by them. Default none. */
  readonly errors?: E;
  /** Never there: a schema is no options. */
  readonly "~standard"?: never;
}
