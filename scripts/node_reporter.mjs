/**
 * Reporter for `node --test` that writes one JSON object per finished test, so that `test.mjs` need not parse text, and one for what a test
 * has to say of itself.
 *
 * @module
 */

/** @param {AsyncIterable<{ type: string, data: Record<string, any> }>} source */
export default async function* report(source) {
  for await (const { type, data } of source) {
    // Those of no test are the runner's own sums.
    if (type === "test:diagnostic" && data.file !== undefined) yield `${JSON.stringify({ note: data.message })}\n`;
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (data.details?.type === "suite") continue;
    const passed = type === "test:pass" || data.todo !== undefined;
    // A file that cannot be loaded fails as a test named after itself; a file that passes is no test of its own.
    const isFile = data.file !== undefined && (data.name === data.file || data.file.endsWith(data.name)) &&
      data.nesting === 0;
    if (isFile && passed) continue;
    const cause = data.details?.error?.cause ?? data.details?.error;
    const error = passed ? undefined : String(cause?.stack ?? cause?.message ?? cause);
    const seconds = (data.details?.duration_ms ?? 0) / 1000;
    const skipped = data.skip !== undefined;
    yield `${JSON.stringify({ name: data.name, file: data.file, passed, skipped, error, seconds })}\n`;
  }
}
