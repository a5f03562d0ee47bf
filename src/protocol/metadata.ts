/**
 * Metadata: ordered name and value pairs beside a payload. Duplicates are allowed and keep their order.
 * Spec: docs/protocol.md, "Metadata".
 *
 * @module
 */

import { ErrorCode } from "./error.ts";
import type { Reader } from "./reader.ts";
import { decodeName, decodeUtf8, utf8Length } from "./utf8.ts";
import { varintSize } from "./varint.ts";
import { MAX_NAME_BYTES, type MetadataLimits } from "./version.ts";
import type { Writer } from "./writer.ts";

/** One name and its value, text or bytes. */
export type MetadataEntry = readonly [name: string, value: string | Uint8Array];

/** Entries in the order they were given. */
export type Metadata = readonly MetadataEntry[];

/** What callers may pass for metadata: entries, or an object whose values may be lists. */
export type MetadataInit =
  | Metadata
  | Readonly<Record<string, string | Uint8Array | readonly (string | Uint8Array)[]>>;

/**
 * Entries of `init`, checked.
 *
 * @throws {TypeError} when a name is not 1 to 128 printable ASCII characters without spaces, or a value is neither a
 * string nor a `Uint8Array`.
 */
export function toMetadata(init: MetadataInit): Metadata {
  const entries: MetadataEntry[] = [];
  if (Array.isArray(init)) {
    for (const [name, value] of init as Metadata) entries.push(checkedEntry(name, value));
  } else {
    for (const [name, values] of Object.entries(init)) {
      if (!Array.isArray(values)) entries.push(checkedEntry(name, values as string | Uint8Array));
      else for (const value of values) entries.push(checkedEntry(name, value));
    }
  }
  return entries;
}

/** Bytes that {@link writeMetadata} writes for `metadata` without their length; what limits are about. */
export function metadataBytes(metadata: Metadata): number {
  let total = 0;
  for (const [name, value] of metadata) {
    const valueBytes = typeof value === "string" ? utf8Length(value) : value.length;
    total += varintSize(name.length) + name.length + varintSize(valueBytes * 2) + valueBytes;
  }
  return total;
}

/** Append the length of the block and its entries. */
export function writeMetadata(writer: Writer, metadata: Metadata): void {
  const mark = writer.beginLength();
  for (const [name, value] of metadata) {
    writer.text(name);
    if (typeof value === "string") {
      writer.varint(utf8Length(value) * 2).utf8(value);
    } else {
      writer.varint(value.length * 2 + 1).raw(value);
    }
  }
  writer.endLength(mark);
}

/**
 * Read a metadata block, stepping over it whatever it holds. The status that refuses the call comes back instead when it
 * crosses `limits` (RESOURCE_EXHAUSTED) or holds a bad name or text (INVALID_ARGUMENT). Values are copies.
 *
 * @throws {EchoStreamError} PROTOCOL_VIOLATION when an entry reaches past the block.
 */
export function readMetadata(reader: Reader, limits: MetadataLimits): Metadata | ErrorCode {
  const length = reader.varint();
  const blockEnd = reader.skip(length) + length;
  if (length > limits.maxMetadataBytes) return ErrorCode.RESOURCE_EXHAUSTED;
  const messageEnd = reader.end;
  reader.position = blockEnd - length;
  reader.end = blockEnd;
  const entries: MetadataEntry[] = [];
  let refused: ErrorCode | undefined;
  while (reader.position < blockEnd && refused === undefined) {
    if (entries.length === limits.maxMetadataEntries) refused = ErrorCode.RESOURCE_EXHAUSTED;
    else refused = readEntry(reader, entries);
  }
  reader.position = blockEnd;
  reader.end = messageEnd;
  return refused ?? entries;
}

function readEntry(reader: Reader, entries: MetadataEntry[]): ErrorCode | undefined {
  const nameLength = reader.varint();
  const nameStart = reader.skip(nameLength);
  if (nameLength > MAX_NAME_BYTES) return ErrorCode.RESOURCE_EXHAUSTED;
  const name = decodeName(reader.bytes, nameStart, nameStart + nameLength);
  const tag = reader.varint();
  const valueLength = Math.floor(tag / 2);
  const valueStart = reader.skip(valueLength);
  const isBinary = tag % 2 === 1;
  const value = isBinary
    ? reader.bytes.slice(valueStart, valueStart + valueLength)
    // Short values repeat as names do, and most may be names.
    : decodeName(reader.bytes, valueStart, valueStart + valueLength) ??
      decodeUtf8(reader.bytes, valueStart, valueStart + valueLength);
  if (name === undefined || !NAME.test(name) || value === undefined) return ErrorCode.INVALID_ARGUMENT;
  entries.push([name, value]);
  return undefined;
}

function checkedEntry(name: string, value: string | Uint8Array): MetadataEntry {
  if (typeof name !== "string" || name.length > MAX_NAME_BYTES || !NAME.test(name)) {
    throw new TypeError(
      `Metadata name ${JSON.stringify(name)} is not 1 to 128 printable ASCII characters without spaces`,
    );
  }
  if (typeof value !== "string" && !(value instanceof Uint8Array)) {
    throw new TypeError(`Metadata value of "${name}" is neither a string nor a Uint8Array`);
  }
  return [name, value];
}

const NAME = /^[\x21-\x7e]+$/;
