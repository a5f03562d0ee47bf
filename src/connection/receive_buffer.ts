/**
 * What to say when the kernel keeps a socket's receive buffer smaller than asked.
 *
 * @module
 */

import type { LogRecord } from "../trace.ts";

/** A warning that names the setting, or `undefined` when the kernel granted what was wanted. */
export function receiveBufferWarning(
  socket: { readonly receiveBufferBytes: number; readonly wantedBufferBytes: number },
): LogRecord | undefined {
  const { receiveBufferBytes: granted, wantedBufferBytes: wanted } = socket;
  if (granted >= wanted) return undefined;
  return {
    level: "warn",
    category: "connection",
    message: "The system keeps the receive buffer of UDP sockets small, so bursts may be lost; " +
      `raise the limit, on Linux with: sysctl -w net.core.rmem_max=${wanted}`,
    fields: { granted, wanted },
  };
}
