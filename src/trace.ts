/**
 * Structured log records and the sink that prints the serious ones. Text that came from a peer passes {@link peerText} before
 * it enters a record, an error or a console.
 *
 * @module
 */

/** How serious a record is, least first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One thing worth knowing, as data. Never holds keys, tokens or payloads. */
export interface LogRecord {
  readonly level: LogLevel;
  /** The part it comes from, e.g. `"connection"` or `"rpc"`. */
  readonly category: string;
  /** For people: sentence case, no final period. */
  readonly message: string;
  /** For machines: what the message is about. */
  readonly fields?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** The whole error with its causes, where there is one. */
  readonly error?: unknown;
}

/** Where records go. Must not throw. */
export type Logger = (record: LogRecord) => void;

/** The default: warnings and errors to the console, silence otherwise. */
export const consoleLogger: Logger = (record) => {
  if (record.level !== "warn" && record.level !== "error") return;
  const print = record.level === "warn" ? console.warn : console.error;
  const line = formatRecord(record);
  if (record.error === undefined) print(line);
  else print(line, record.error);
};

/** Drops everything. */
export const silentLogger: Logger = () => {};

/** One line for `record`, without its error: `echostream [category] message key=value`. */
export function formatRecord(record: LogRecord): string {
  let line = `echostream [${record.category}] ${record.message}`;
  for (const [key, value] of Object.entries(record.fields ?? {})) {
    if (value !== undefined) line += ` ${key}=${typeof value === "string" ? JSON.stringify(value) : value}`;
  }
  return line;
}

/** A logger that passes each distinct message of `logger` on only once, for conditions that repeat. */
export function once(logger: Logger): Logger {
  const seen = new Set<string>();
  return (record) => {
    if (seen.has(record.message)) return;
    seen.add(record.message);
    logger(record);
  };
}

/**
 * `text` from a peer, fit for a log line or an error message: control, format and line-separating characters and lone surrogates
 * as `\u{hex}`, cut to `maxLength` (default 256) characters with `…` at the end.
 */
export function peerText(text: string, maxLength = 256): string {
  const cut = text.length > maxLength;
  const head = cut ? text.slice(0, maxLength) : text;
  const escaped = head.replace(UNPRINTABLE, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`);
  return cut ? `${escaped}…` : escaped;
}

/** Control (Cc), format (Cf: bidirectional overrides among them), surrogate (Cs), and line and paragraph separators (Zl, Zp). */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
