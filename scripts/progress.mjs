/**
 * A line that says how far something is: rewritten in place on a terminal, and printed now and then where output is piped.
 *
 * @module
 */
import process from "node:process";

/** Where nobody watches, one line this often is enough. */
const PIPED_INTERVAL_MS = 10_000;

/**
 * @param {string} label printed in front of every state
 * @returns {{ update(text: string): void, end(text: string): void }}
 */
export function progressLine(label, out = process.stderr) {
  let printedMs = Date.now();
  const write = (text) =>
    out.isTTY
      ? out.write(`\r\x1b[K${label} ${clip(text, (out.columns ?? 80) - label.length - 2)}`)
      : out.write(`${label} ${text}\n`);
  return {
    update(text) {
      if (!out.isTTY && Date.now() - printedMs < PIPED_INTERVAL_MS) return;
      printedMs = Date.now();
      write(text);
    },
    end(text) {
      write(text);
      if (out.isTTY) out.write("\n");
    },
  };
}

function clip(text, width) {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
}
