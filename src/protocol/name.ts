/**
 * The rule every method, event and stream name obeys (docs/protocol.md, "Names"), for programs that choose one and for
 * encoders that send one.
 *
 * @module
 */

import { isName } from "./utf8.ts";
import { MAX_NAME_BYTES } from "./version.ts";
import type { Writer } from "./writer.ts";

/**
 * Refuse a name that could not travel.
 * @param what Whose name it is, capitalised: `"Method"`, `"Event"` or `"Stream"`.
 * @throws {TypeError} when it is not 1 to 128 bytes of UTF-8 without control characters.
 */
export function checkName(what: string, name: string): void {
  if (typeof name !== "string") throw new TypeError(`${what} name must be a string, got ${typeof name}`);
  if (isName(name)) return;
  const shown = JSON.stringify(name.slice(0, MAX_NAME_BYTES + 1));
  throw new TypeError(`${what} name ${shown} is not 1 to ${MAX_NAME_BYTES} bytes of text without control characters`);
}

/**
 * Refuse a name that a program may not give to what it offers: one that could not travel, or that belongs to the protocol.
 * @param what Whose name it is, capitalised.
 * @throws {TypeError} as {@link checkName}, and when it starts with `$`.
 */
export function checkOwnName(what: string, name: string): void {
  checkName(what, name);
  if (name.startsWith("$")) throw new TypeError(`${what} "${name}": names that start with "$" belong to the protocol`);
}

/**
 * Append the varint length of `name` and the name.
 * @param what Whose name it is, capitalised, for the error.
 * @throws {TypeError} as {@link checkName}.
 */
export function writeName(writer: Writer, what: string, name: string): void {
  const { length } = name;
  if (length > 0 && length < 0x40) {
    // Nearly every name is short printable ASCII: checked and written in one pass.
    writer.reserve(length + 1);
    const { bytes } = writer;
    const start = writer.length + 1;
    let i = 0;
    for (; i < length; i++) {
      const unit = name.charCodeAt(i);
      if (unit < 0x20 || unit > 0x7e) break;
      bytes[start + i] = unit;
    }
    if (i === length) {
      bytes[start - 1] = length;
      writer.length = start + length;
      return;
    }
  }
  checkName(what, name);
  writer.text(name);
}
