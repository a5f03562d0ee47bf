/**
 * A line in the log for every call.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { ErrorCode } from "../protocol/error.ts";
import { type CallOutcome, observeCall } from "../rpc/observe_call.ts";
import type { Interceptor } from "../session/interception.ts";
import { consoleLogger, formatRecord, type Logger, type LogLevel, peerText } from "../trace.ts";

/** What {@link logging} writes, and where. */
export interface LoggingOptions {
  /** Where the lines go. Default: all of them to the console. */
  readonly log?: Logger;
  /**
   * How serious an outcome is; `undefined` for one that is not worth a line. Default: `"error"` for UNKNOWN, INTERNAL and DATA_LOSS, `"warn"`
   * for DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED and UNAVAILABLE, `"info"` for the rest, which callers bring about.
   */
  readonly level?: (outcome: CallOutcome) => LogLevel | undefined;
  /** What durations are measured by. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * One line for every call when it has ended: method, kind, direction, status, duration in milliseconds, session, and how many answers a
 * streaming call had. Never payloads, metadata, or the text of errors, which may hold either.
 *
 * ```ts ignore
 * RpcServer.builder().use(logging({ log }))
 * ```
 */
export function logging({ log = printAll, level = levelOf, clock = systemClock }: LoggingOptions = {}): Interceptor {
  return (call, next) => {
    const startedUs = clock.nowUs();
    // Of now: a client may have another one by the end.
    const { session } = call;
    return observeCall(call, next, (outcome) => {
      const graveness = level(outcome);
      if (graveness === undefined) return;
      const { code, answers } = outcome;
      const method = peerText(call.method);
      log({
        level: graveness,
        category: "calls",
        message: code === "OK" ? `"${method}" ended` : `"${method}" failed with ${code}`,
        fields: {
          direction: call.direction,
          method,
          kind: call.kind,
          code,
          durationMs: Math.round(clock.nowUs() - startedUs) / 1000,
          session: session.id,
          ...(call.kind === "unary" ? {} : { answers }),
        },
      });
    });
  };
}

function levelOf({ code }: CallOutcome): LogLevel {
  switch (code) {
    case ErrorCode.UNKNOWN:
    case ErrorCode.INTERNAL:
    case ErrorCode.DATA_LOSS:
      return "error";
    case ErrorCode.DEADLINE_EXCEEDED:
    case ErrorCode.RESOURCE_EXHAUSTED:
    case ErrorCode.UNAVAILABLE:
      return "warn";
  }
  return "info";
}

const printAll: Logger = (record) => {
  if (record.level === "info" || record.level === "debug") console.info(formatRecord(record));
  else consoleLogger(record);
};
