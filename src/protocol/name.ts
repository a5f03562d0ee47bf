/**
 * The rule every method, event and stream name obeys (docs/protocol.md, "Names").
 *
 * @module
 */

/** Longest name in bytes (security.md: method name). */
export const MAX_NAME_BYTES = 128;

/** Whether `name` is 1 to {@link MAX_NAME_BYTES} printable ASCII characters. */
export function isName(name: string): boolean {
  const length = name.length;
  if (length === 0 || length > MAX_NAME_BYTES) return false;
  for (let i = 0; i < length; i++) {
    const code = name.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

/**
 * Refuse a bad name where a program registers it.
 * @param what Whose name it is, capitalised: `"Method"`, `"Event"` or `"Stream"`.
 * @throws {TypeError} when it is not 1 to {@link MAX_NAME_BYTES} printable ASCII characters.
 */
export function checkName(what: string, name: string): void {
  if (typeof name !== "string") throw new TypeError(`${what} name must be a string, got ${typeof name}`);
  if (!isName(name)) {
    throw new TypeError(`${what} name ${JSON.stringify(name.slice(0, 140))} is not 1 to ${MAX_NAME_BYTES} printable ASCII characters`);
  }
}
