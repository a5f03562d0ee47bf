/**
 * Validation with any Standard Schema library (https://standardschema.dev), and {@link cbor} for typed values that are not validated.
 *
 * @module
 */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Issue } from "../protocol/error.ts";
import { isThenable } from "./thenable.ts";

export type { StandardSchemaV1 };

/** What a schema accepts before validation. */
export type SchemaInput<S> = S extends
  { readonly "~standard": { readonly types?: { readonly input: infer I } | undefined } } ? I
  : never;

/** What a schema yields after validation. */
export type SchemaOutput<S> = S extends
  { readonly "~standard": { readonly types?: { readonly output: infer O } | undefined } } ? O
  : never;

/** What {@link validate} yields. */
export type ValidationResult = StandardSchemaV1.Result<unknown>;

/**
 * A schema for typed CBOR values that accepts everything: the compiler checks callers and handlers, nothing checks the peer.
 * Use a validating schema for whatever comes from a peer you do not trust.
 */
export function cbor<T>(): StandardSchemaV1<T, T> {
  return UNCHECKED as StandardSchemaV1<T, T>;
}

/** Whether `schema` came from {@link cbor}, so that validating with it can be left out. */
export function isUnchecked(schema: StandardSchemaV1): boolean {
  return schema === UNCHECKED;
}

/** Validate `value`. The result is a promise only where the schema itself is asynchronous. */
export function validate(schema: StandardSchemaV1, value: unknown): ValidationResult | Promise<ValidationResult> {
  return schema["~standard"].validate(value) as ValidationResult | Promise<ValidationResult>;
}

/**
 * `value` as `schema` wants it: unchanged where there is none that checks, a promise where it is asynchronous. Passing `refusal` and its
 * `subject` apart saves a closure per value.
 * @throws what `refusal` makes of the issues; whatever the schema throws.
 */
export function conform<S>(
  schema: StandardSchemaV1 | undefined,
  value: unknown,
  refusal: (issues: readonly StandardSchemaV1.Issue[], subject: S) => Error,
  subject: S,
): unknown {
  if (schema === undefined || isUnchecked(schema)) return value;
  const checked = validate(schema, value);
  if (isThenable(checked)) return checked.then((later) => valueOf(later, refusal, subject));
  return valueOf(checked, refusal, subject);
}

function valueOf<S>(
  result: ValidationResult,
  refusal: (issues: readonly StandardSchemaV1.Issue[], subject: S) => Error,
  subject: S,
): unknown {
  if (result.issues === undefined) return result.value;
  throw refusal(result.issues, subject);
}

/** The issues of a failed validation as plain values that can travel; at most {@link MAX_ISSUES} of them. */
export function toIssues(issues: readonly StandardSchemaV1.Issue[]): Issue[] {
  return issues.slice(0, MAX_ISSUES).map((issue) => ({
    message: issue.message,
    path: (issue.path ?? []).map((segment) => {
      const key = typeof segment === "object" ? segment.key : segment;
      return typeof key === "symbol" ? String(key) : key;
    }),
  }));
}

/** Issues reported for one value: enough to repair a form, few enough that a hostile payload cannot buy a large answer. */
export const MAX_ISSUES = 32;

/** Whether `value` is a Standard Schema. Some libraries make their schemas functions (arktype). */
export function isSchema(value: unknown): value is StandardSchemaV1 {
  return value !== null && (typeof value === "object" || typeof value === "function") && "~standard" in value;
}

const UNCHECKED: StandardSchemaV1 = {
  "~standard": { version: 1, vendor: "echostream", validate: (value) => ({ value }) },
};
