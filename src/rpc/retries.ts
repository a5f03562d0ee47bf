/**
 * Makes further attempts of calls that failed: waits between them, keeps the deadline over all of them, and remembers how far any of
 * them got. Whether and when there is another is decided by `retry_policy.ts`.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { type Disposition, EchoStreamError } from "../protocol/error.ts";
import type { CallOptions } from "./call_options.ts";
import { cancelledCall } from "./call_start.ts";
import { RetryBudget, type RetryPolicy, RetryState, type RetryThrottling } from "./retry_policy.ts";

/** A call that may be made again. */
export interface RetriedCall<T> {
  /** Name of the method, for messages. */
  readonly method: string;
  /** As its caller gave them: signal and deadline hold for all attempts together. */
  readonly options: CallOptions;
  readonly policy: RetryPolicy;
  /** Whether a second execution does no harm. */
  readonly idempotent: boolean;
  /** When its first attempt began, in microseconds of the clock. */
  readonly startedUs: number;
  /** Make one attempt with these options. */
  attempt(options: CallOptions): Promise<T>;
}

/** What {@link Retries} needs; every field but the clock has a default. */
export interface RetriesOptions {
  readonly clock: Clock;
  readonly throttling?: RetryThrottling | undefined;
  /** From 0 to below 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** The retries of all calls to one server. */
export class Retries {
  /** Further attempts made so far. */
  made = 0;
  readonly #clock: Clock;
  readonly #budget: RetryBudget;
  readonly #random: () => number;
  readonly #waiting = new Set<(error: EchoStreamError) => void>();
  #ended: EchoStreamError | undefined;

  /** @throws {RangeError} when the throttling is out of its range. */
  constructor({ clock, throttling, random = Math.random }: RetriesOptions) {
    this.#clock = clock;
    this.#budget = new RetryBudget(throttling);
    this.#random = random;
  }

  /** A first attempt has succeeded. */
  succeeded(): void {
    this.#budget.succeeded();
  }

  /**
   * The first attempt of `call` has failed with `error`: what the last one that is made settles to.
   * @throws what the last attempt failed with, its disposition the furthest any of them got.
   */
  async again<T>(call: RetriedCall<T>, error: unknown): Promise<T> {
    const state = new RetryState(call.policy, call.idempotent);
    let failure = error;
    let furthest = dispositionOf(error);
    for (let attempt = 2;; attempt++) {
      const delayMs = this.#ended === undefined
        ? state.nextDelayMs(failure, this.#budget, this.#leftMs(call), this.#random())
        : undefined;
      if (delayMs === undefined) throw reached(failure, furthest);
      try {
        await this.#wait(delayMs, call);
        this.made++;
        const result = await call.attempt({ ...this.#remaining(call), attempt });
        this.#budget.succeeded();
        return result;
      } catch (next) {
        failure = next;
        furthest = further(furthest, dispositionOf(next));
      }
    }
  }

  /** No attempt will be made any more: those that wait for theirs fail with `error`. */
  end(error: EchoStreamError): void {
    this.#ended ??= error;
    for (const stop of [...this.#waiting]) stop(error);
  }

  #leftMs({ options: { timeoutMs }, startedUs }: RetriedCall<unknown>): number {
    return timeoutMs === undefined ? Infinity : timeoutMs - (this.#clock.nowUs() - startedUs) / 1000;
  }

  #remaining(call: RetriedCall<unknown>): CallOptions {
    const { options } = call;
    return options.timeoutMs === undefined ? options : { ...options, timeoutMs: Math.max(1, this.#leftMs(call)) };
  }

  #wait(delayMs: number, { method, options: { signal } }: RetriedCall<unknown>): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(stop);
      };
      const stop = (error: EchoStreamError): void => {
        settle();
        reject(error);
      };
      const onAbort = (): void => {
        stop(cancelledCall(method, signal?.reason, "notProcessed"));
      };
      // Somebody waits for the answer, so the process is not finished.
      const timer: Timer = this.#clock.setTimer(
        () => {
          settle();
          resolve();
        },
        delayMs,
        { referenced: true },
      );
      this.#waiting.add(stop);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort);
    });
  }
}

function dispositionOf(error: unknown): Disposition | undefined {
  return error instanceof EchoStreamError ? error.disposition : undefined;
}

function further(a: Disposition | undefined, b: Disposition | undefined): Disposition | undefined {
  return ORDER.indexOf(b) > ORDER.indexOf(a) ? b : a;
}

/** `error`, telling how far the attempts got together. */
function reached(error: unknown, disposition: Disposition | undefined): unknown {
  if (!(error instanceof EchoStreamError) || error.disposition === disposition) return error;
  const { code, message, remote, method, errorName, data, issues, metadata } = error;
  const cause: unknown = error;
  return new EchoStreamError(code, message, { cause, remote, method, disposition, errorName, data, issues, metadata });
}

const ORDER: readonly (Disposition | undefined)[] = [undefined, "notProcessed", "perhapsProcessed", "processed"];
