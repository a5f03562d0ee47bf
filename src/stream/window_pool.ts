/**
 * What the windows of all media streams of a connection may add up to beyond their first size: a few fast streams get large
 * windows, many streams together do not exhaust memory.
 *
 * @module
 */

/** Bytes windows may grow by. */
export class WindowPool {
  readonly #limitBytes: number;
  #takenBytes = 0;

  /** @param limitBytes What may be taken in all. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes taken now. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Take up to `bytes`; how many there were. */
  take(bytes: number): number {
    const taken = Math.min(bytes, this.#limitBytes - this.#takenBytes);
    this.#takenBytes += taken;
    return taken;
  }

  /** Give back what {@link take} gave. */
  give(bytes: number): void {
    this.#takenBytes -= bytes;
  }
}
