/**
 * Answers of a call that is made once more when it fails before its first answer.
 *
 * @module
 */

/** Reads `first`; when that fails at once, what `again` gives instead, which may throw. */
export class SecondAttempt implements AsyncIterableIterator<unknown> {
  #answers: AsyncIterator<unknown>;
  readonly #again: (error: unknown) => Promise<AsyncIterable<unknown>>;
  #begun = false;

  constructor(first: AsyncIterable<unknown>, again: (error: unknown) => Promise<AsyncIterable<unknown>>) {
    this.#answers = first[Symbol.asyncIterator]();
    this.#again = again;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#begun) return this.#answers.next();
    this.#begun = true;
    return this.#answers.next().catch(async (error) => {
      this.#answers = (await this.#again(error))[Symbol.asyncIterator]();
      return await this.#answers.next();
    });
  }

  async return(): Promise<IteratorResult<unknown>> {
    await this.#answers.return?.();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
