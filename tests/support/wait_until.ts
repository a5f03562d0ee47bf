/**
 * Waiting for what a test cannot await.
 *
 * @module
 */

/** What takes longer than this will not come, however slow the machine. */
const HANG_MS = 90_000;

/**
 * Wait until `done()` holds, in real time.
 *
 * @throws {Error} when it takes too long: not every runtime ends a test that waits for ever.
 */
export async function waitUntil(done: () => boolean | Promise<boolean>): Promise<void> {
  const startedMs = performance.now();
  while (!await done()) {
    if (performance.now() - startedMs > HANG_MS) throw new Error(`Waited ${HANG_MS / 1_000} s in vain for ${done}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
