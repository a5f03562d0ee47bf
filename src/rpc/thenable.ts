/**
 * Telling what has to be waited for from what is here already, so that nothing waits that need not.
 *
 * @module
 */

/** Whether `value` is to be waited for. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
