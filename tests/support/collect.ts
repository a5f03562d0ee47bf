/**
 * Sequences as lists.
 *
 * @module
 */

/** All items, once the sequence has ended. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
