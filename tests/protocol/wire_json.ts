/**
 * The JSON that vectors are written in: `{"$bytes": hex}`, `{"$bigint": digits}`, `{"$number": "NaN"}`, `{"$date": ms}` and
 * `{"$undefined": true}` stand for what JSON lacks; fields that are undefined are left out.
 *
 * @module
 */

/** One vector: `hex` decodes to `value`, or is refused with `error`. */
export interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly value?: unknown;
  /** Code of the `EchoStreamError`. */
  readonly error?: string;
  /** True when an encoder of ours writes `value` differently. */
  readonly decodeOnly?: boolean;
}

/** Bytes of hexadecimal digits; spaces are ignored. */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.replaceAll(" ", "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Hexadecimal digits of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The value that vector JSON stands for. */
export function fromJson(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(fromJson);
  if (json === null || typeof json !== "object") return json;
  const [[key, value] = ["", undefined]] = Object.entries(json);
  if (key === "$bytes") return fromHex(value as string);
  if (key === "$bigint") return BigInt(value as string);
  if (key === "$number") return Number(value);
  if (key === "$date") return new Date(value as number);
  if (key === "$undefined") return undefined;
  return Object.fromEntries(Object.entries(json).map(([name, field]) => [name, fromJson(field)]));
}

/** A decoded object as vectors state it: plain, without the fields that are undefined. */
export function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (value === null || typeof value !== "object" || value.constructor !== Object) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutUndefined(field)]));
}
