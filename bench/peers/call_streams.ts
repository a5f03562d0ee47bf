/**
 * Calls where there are streams only: each is a stream of its own, whose first byte says what it is.
 *
 * @module
 */

/** What is sent comes back. */
export const ECHO = 1;
/** What is sent is counted as arrived, and nothing comes back. */
export const BULK = 2;

/** A bidirectional stream. */
export interface CallStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** Send `frame` so many times on a new stream; what comes back. */
export async function exchange(
  stream: CallStream,
  kind: number,
  frames: number,
  frame: Uint8Array,
): Promise<Uint8Array[]> {
  const writer = stream.writable.getWriter();
  await writer.write(Uint8Array.of(kind));
  const writing = (async () => {
    for (let left = frames; left > 0; left--) await writer.write(frame);
    await writer.close();
  })();
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream.readable) chunks.push(chunk);
  await writing;
  return chunks;
}

/** How many bytes came back. */
export function bytesOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

/** Serve a stream; `last` is what is sent at its end, by its kind. */
export async function answer(
  stream: CallStream,
  last: (kind: number | undefined) => Uint8Array | undefined = () => undefined,
): Promise<void> {
  const writer = stream.writable.getWriter();
  let kind: number | undefined;
  for await (const chunk of stream.readable) {
    const bytes = kind === undefined ? chunk.subarray(1) : chunk;
    kind ??= chunk[0];
    if (kind === ECHO && bytes.length > 0) await writer.write(bytes);
  }
  const bytes = last(kind);
  if (bytes !== undefined) await writer.write(bytes);
  await writer.close();
}
