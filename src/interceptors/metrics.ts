/**
 * Counters and durations of calls, to be read as values or in the text format of Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { type EchoStreamErrorCode, ErrorCode } from "../protocol/error.ts";
import type { CallDirection } from "../rpc/interceptor.ts";
import { observeCall } from "../rpc/observe_call.ts";
import type { Interceptor } from "../session/interception.ts";

/** How {@link metrics} counts. */
export interface MetricsOptions {
  /** Upper bounds of the buckets that durations are sorted into, in milliseconds, ascending. Default 0.25 to 10,000 in 15 steps. */
  readonly bucketsMs?: readonly number[];
  /** Methods counted by their own name; those beyond share the name `"other"`. Default 256. */
  readonly maxMethods?: number;
  /** What durations are measured by. Default: the system's. */
  readonly clock?: Clock;
}

/** Calls of one method, in one direction, that ended in one way. */
export interface CallSeries {
  readonly direction: CallDirection;
  /** Name of the method; `"other"` beyond the limit of names, and for methods nobody has. */
  readonly method: string;
  /** `"OK"`, or what they failed with. */
  readonly code: "OK" | EchoStreamErrorCode;
  /** Calls that ended so. */
  readonly count: number;
  /** What they took together, in milliseconds. */
  readonly totalMs: number;
  /** How many took no longer than each of the buckets. */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[];
  /** Answers given together; of streaming calls any number each. */
  readonly answers: number;
}

/** An interceptor that counts, for `use`, and what it has counted. */
export interface Metrics extends Interceptor {
  /** Calls that have begun and not ended. */
  readonly running: number;
  /** What was counted so far, a copy. */
  snapshot(): CallSeries[];
  /** The same in the text format of Prometheus, version 0.0.4. */
  prometheus(): string;
}

/**
 * Counts calls: for each direction, method and status how many ended so, how long they took, and how many answers they had.
 *
 * ```ts ignore
 * const calls = metrics();
 * const server = RpcServer.builder().use(calls, { calls: "both" });
 * http.createServer((_, response) => response.end(calls.prometheus())).listen(9090);
 * ```
 * @throws {RangeError} when the buckets do not ascend from above 0, or the number of methods is not from 1 on.
 */
export function metrics(
  { bucketsMs = BUCKETS_MS, maxMethods = 256, clock = systemClock }: MetricsOptions = {},
): Metrics {
  if (!(Number.isInteger(maxMethods) && maxMethods >= 1)) {
    throw new RangeError(`maxMethods is ${maxMethods}, expected a whole number from 1`);
  }
  if (!bucketsMs.every((upToMs, n) => upToMs > (bucketsMs[n - 1] ?? 0) && upToMs < Infinity)) {
    throw new RangeError(`bucketsMs is ${JSON.stringify(bucketsMs)}, expected numbers that ascend from above 0`);
  }
  const table = new Map<string, Series>();
  const names = new Set<string>();
  let running = 0;
  // Names come from peers, so those of methods nobody has are not kept.
  const nameOf = (method: string, code: string): string => {
    if (names.has(method)) return method;
    if (code === ErrorCode.UNIMPLEMENTED || names.size >= maxMethods) return OTHER;
    names.add(method);
    return method;
  };
  const interceptor: Interceptor = (call, next) => {
    const startedUs = clock.nowUs();
    running++;
    return observeCall(call, next, ({ code, answers }) => {
      running--;
      const { direction } = call;
      const method = nameOf(call.method, code);
      const key = `${direction} ${code} ${method}`;
      let series = table.get(key);
      if (series === undefined) table.set(key, series = new Series(direction, method, code, bucketsMs));
      series.add((clock.nowUs() - startedUs) / 1000, answers);
    });
  };
  const snapshot = (): CallSeries[] => [...table.values()].map((series) => series.snapshot());
  return Object.defineProperties(interceptor, {
    running: { get: () => running },
    snapshot: { value: snapshot },
    prometheus: { value: () => exposition(snapshot(), running) },
  }) as Metrics;
}

class Series {
  readonly #direction: CallDirection;
  readonly #method: string;
  readonly #code: "OK" | EchoStreamErrorCode;
  readonly #bucketsMs: readonly number[];
  // How many fell into each bucket, and the last beyond all of them.
  readonly #counts: number[];
  #totalMs = 0;
  #answers = 0;

  constructor(
    direction: CallDirection,
    method: string,
    code: "OK" | EchoStreamErrorCode,
    bucketsMs: readonly number[],
  ) {
    this.#direction = direction;
    this.#method = method;
    this.#code = code;
    this.#bucketsMs = bucketsMs;
    this.#counts = new Array(bucketsMs.length + 1).fill(0);
  }

  add(durationMs: number, answers: number): void {
    let bucket = 0;
    while (bucket < this.#bucketsMs.length && durationMs > this.#bucketsMs[bucket]!) bucket++;
    this.#counts[bucket]!++;
    this.#totalMs += durationMs;
    this.#answers += answers;
  }

  snapshot(): CallSeries {
    let count = 0;
    const buckets = this.#bucketsMs.map((upToMs, n) => ({ upToMs, count: count += this.#counts[n]! }));
    return {
      direction: this.#direction,
      method: this.#method,
      code: this.#code,
      count: count + this.#counts.at(-1)!,
      totalMs: this.#totalMs,
      buckets,
      answers: this.#answers,
    };
  }
}

function exposition(all: readonly CallSeries[], running: number): string {
  const lines = [
    "# HELP echostream_calls_running Calls that have begun and not ended.",
    "# TYPE echostream_calls_running gauge",
    `echostream_calls_running ${running}`,
    "# HELP echostream_answers_total Answers given by calls that have ended.",
    "# TYPE echostream_answers_total counter",
    ...all.map((series) => `echostream_answers_total${labels(series)} ${series.answers}`),
    "# HELP echostream_call_duration_seconds How long calls took that have ended.",
    "# TYPE echostream_call_duration_seconds histogram",
  ];
  for (const series of all) {
    for (const { upToMs, count } of series.buckets) {
      lines.push(`echostream_call_duration_seconds_bucket${labels(series, upToMs / 1000)} ${count}`);
    }
    lines.push(
      `echostream_call_duration_seconds_bucket${labels(series, "+Inf")} ${series.count}`,
      `echostream_call_duration_seconds_sum${labels(series)} ${series.totalMs / 1000}`,
      `echostream_call_duration_seconds_count${labels(series)} ${series.count}`,
    );
  }
  return lines.join("\n") + "\n";
}

function labels({ direction, method, code }: CallSeries, le?: number | "+Inf"): string {
  const escaped = method.replace(/[\\"\n]/g, (found) => found === "\n" ? "\\n" : `\\${found}`);
  return `{direction="${direction}",method="${escaped}",code="${code}"${le === undefined ? "" : `,le="${le}"`}}`;
}

/** A call over loopback takes about 0.15 ms, one across an ocean 150. */
const BUCKETS_MS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];
const OTHER = "other";
