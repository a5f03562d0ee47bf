/**
 * Life-cycle hooks in the order they were added.
 *
 * @module
 */

/** A list of hooks that take the same arguments. */
export class Hooks<A extends readonly unknown[]> {
  /** As its builder method is called. */
  readonly name: string;
  readonly #hooks: ((...args: A) => unknown)[] = [];

  /** @param name As its builder method is called, for messages: `"onStart"`. */
  constructor(name: string) {
    this.name = name;
  }

  /** @throws {TypeError} when `hook` is not a function. */
  add(hook: (...args: A) => unknown): void {
    if (typeof hook !== "function") throw new TypeError(`The ${this.name} hook is not a function`);
    this.#hooks.push(hook);
  }

  /** Run one after the other until one throws. @throws whatever that one threw. */
  async runUntilFailure(...args: A): Promise<void> {
    for (const hook of this.#hooks) await hook(...args);
  }

  /** Run all of them, one after the other, and return what the failing ones threw. */
  async runAll(...args: A): Promise<unknown[]> {
    const errors: unknown[] = [];
    for (const hook of this.#hooks) {
      try {
        await hook(...args);
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }
}
