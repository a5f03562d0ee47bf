/**
 * The signals by which a system asks a process to end, and the only file that listens to them. By the global `process`, because the module
 * `node:process` makes the streams and reports of the process as it loads, which would take a tenth of the time to import this library.
 *
 * @module
 */

/** A signal a server can shut down on. Windows has no SIGTERM: there it is never delivered, and asking for it does nothing. */
export type ShutdownSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** @throws {TypeError} when one of them is no {@link ShutdownSignal}, naming it. */
export function checkSignals(signals: readonly ShutdownSignal[]): void {
  for (const signal of signals) {
    if (Object.hasOwn(NUMBERS, signal)) continue;
    throw new TypeError(
      `Signal "${String(signal)}" is none to shut down on, which are ${Object.keys(NUMBERS).join(", ")}`,
    );
  }
}

/**
 * Call `onFirst` when the first of `signals` arrives. The second ends the process at once, with the exit code that shells give a process
 * a signal has ended: 128 and the number of the signal.
 * @returns Stops listening: from then on a signal does what it does by itself, which is to end the process.
 */
export function onShutdownSignal(
  signals: readonly ShutdownSignal[],
  onFirst: (signal: ShutdownSignal) => void,
): () => void {
  let isFirst = true;
  const listeners = [...new Set(signals)].filter(isDelivered).map((signal) => {
    const listener = (): void => {
      if (!isFirst) process.exit(128 + NUMBERS[signal]);
      isFirst = false;
      onFirst(signal);
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  return () => {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  };
}

function isDelivered(signal: ShutdownSignal): boolean {
  return signal !== "SIGTERM" || process.platform !== "win32";
}

/** The same on every system that has them (POSIX.1-2017, kill). */
const NUMBERS: Readonly<Record<ShutdownSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
