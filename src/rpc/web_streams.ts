/**
 * Items as Web Streams: the same back-pressure, for programs that pipe.
 *
 * @module
 */

/** Where items can be written one at a time. */
export interface ItemSink<T> {
  /** Resolves when the next item would be welcome. */
  send(item: T): Promise<unknown>;
  /** No more will follow. */
  end(): void;
  /** Abandon everything. */
  cancel(reason?: unknown): void;
}

/** A stream that reads one item at a time and only when it is asked to; cancelling it leaves the iterator. */
export function readableOf<T>(items: AsyncIterator<T>): ReadableStream<T> {
  return new ReadableStream<T>({
    async pull(controller) {
      const result = await items.next();
      if (result.done) controller.close();
      else controller.enqueue(result.value);
    },
    async cancel() {
      await items.return?.();
    },
  }, { highWaterMark: 0 });
}

/** A stream that takes the next item when the one before it was accepted; aborting it cancels, closing it ends. */
export function writableOf<T>(sink: ItemSink<T>): WritableStream<T> {
  return new WritableStream<T>({
    async write(item) {
      await sink.send(item);
    },
    close: () => sink.end(),
    abort: (reason) => sink.cancel(reason),
  });
}
