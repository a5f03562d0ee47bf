/**
 * `@echostream/core/logtape`: the records of servers and clients as records of LogTape (https://logtape.org), which is an optional peer
 * dependency. Nothing is written until the program configures LogTape.
 *
 * ```ts ignore
 * await configure({ sinks: { console: getConsoleSink() }, loggers: [{ category: "echostream", sinks: ["console"] }] });
 * const server = RpcServer.builder().options({ log: logTapeLogger() });
 * ```
 *
 * @module
 */

import { getLogger, type LogLevel as LogTapeLevel } from "@logtape/logtape";
import { systemClock } from "./clock.ts";
import type { Logger, LogLevel } from "./trace.ts";

/**
 * A logger for `options({ log })` that hands every record to LogTape: its category is `["echostream", record.category]`, its properties are
 * the fields of the record, and `error` where there is one.
 */
export function logTapeLogger(): Logger {
  const root = getLogger("echostream");
  return ({ level, category, message, fields, error }) => {
    const logger = root.getChild(category);
    const logTapeLevel = LEVELS[level];
    if (!logger.isEnabledFor(logTapeLevel)) return;
    // As a record that is complete: a message is no template here, whatever braces a peer's names may have.
    logger.emit({
      timestamp: systemClock.wallUs!() / 1000,
      level: logTapeLevel,
      message: [message],
      rawMessage: message,
      properties: error === undefined ? { ...fields } : { ...fields, error },
    });
  };
}

const LEVELS: Readonly<Record<LogLevel, LogTapeLevel>> = {
  debug: "debug",
  info: "info",
  warn: "warning",
  error: "error",
};
