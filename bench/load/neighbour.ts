/**
 * A process that keeps a processor busy, told so, until it is ended.
 *
 * @module
 */
import { serve } from "./program.ts";

const SLICE_MS = 20;

await serve({}, () => {
  setInterval(() => {
    const startedMs = performance.now();
    while (performance.now() - startedMs < SLICE_MS);
  });
  return {};
});
